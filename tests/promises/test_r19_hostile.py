"""R19: a reply that no database would take breaks no bookkeeping."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.matrix import working
from support.promises import Report, promise, size
from support.scripted import Raw, scripted_server
from support.scripted.faults import HOSTILE
from support.workers import WorkerSite

MAILS = size(1_000, ci=100)
#: What no stored text may hold: NUL and other controls, surrogates, marks that turn a line round.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
ENGINES = ("aiosmtplib", "smtplib")


def hostile(dice: random.Random) -> bytes:
    """Return a reply that accepts, in words that nobody should ever send."""
    noise = dice.randbytes(dice.randrange(1, 200)).replace(b"\n", b"").replace(b"\r", b"")
    words = [*HOSTILE.values(), noise, b"'; DROP TABLE smtpadmin_message; --", b"x" * 4000]
    chosen = b" ".join(dice.sample(words, dice.randrange(1, 4)))
    lines = (b"250-2.0.0 " + chosen + b"\r\n") * dice.randrange(2)
    return lines + b"250 2.0.0 " + chosen + b"\r\n"


def stored(site: WorkerSite) -> list[str]:
    """Return every text that a table of ours holds."""
    texts: list[str] = []
    with site.state.database.read() as connection:
        for name in ("Message", "Recipient", "Attempt", "Server"):
            table = site.state.models.table(name)
            for row in connection.execute(sa.select(table)):
                texts += [value for value in row if isinstance(value, str)]
    return texts


@promise("R19")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_hostile_acceptance_is_an_acceptance(
    database_url: str,
    worker_site: Callable[..., WorkerSite],
    report: Report,
    dice: random.Random,
    engine: str,
) -> None:
    """R19: each message is ``sent``, its copy one, and what is stored fit to be stored."""
    replies = [Raw(hostile(dice)) for _ in range(MAILS)]
    with scripted_server(
        {"dot": lambda _command: replies.pop()}, pipelining=engine == "aiosmtplib"
    ) as server:
        site = worker_site(database_url, SMTPADMIN_PORT=server.port, SMTPADMIN_ENGINE=engine)
        site.send(MAILS)
        with working(site.state, connections=5):
            site.wait_for_states(sent=MAILS)
    copies = server.copies(told=True)
    unfit = [text for text in stored(site) if UNFIT.search(text)]
    report(mails=MAILS, copies=sum(copies.values()), unfit=len(unfit))
    assert set(copies.values()) == {1}
    assert len(copies) == MAILS
    assert not unfit
    assert sum(row.outcome == "sent" and bool(row.reply) for row in site.rows("Attempt")) == MAILS
    assert {row.failures for row in site.rows()} == {0}


@promise("R19")
def test_a_hostile_refusal_is_stored_as_well(
    database_url: str,
    worker_site: Callable[..., WorkerSite],
    report: Report,
) -> None:
    """R19: at RCPT and at the dot, where the words go to the message and its recipients too."""
    texts = list(HOSTILE.values())
    script = {
        "rcpt": [Raw(b"550 5.1.1 " + text + b"\r\n") for text in texts] + ["250 ok"],
        "dot": [Raw(b"554 5.3.0 " + text + b"\r\n") for text in texts] + ["250 ok"],
    }
    with scripted_server(script) as server:
        site = worker_site(database_url, SMTPADMIN_PORT=server.port)
        site.send(3 * len(texts))
        with working(site.state, connections=1):
            site.wait_for_states(dead=2 * len(texts), sent=len(texts))
    unfit = [text for text in stored(site) if UNFIT.search(text)]
    report(refusals=2 * len(texts), unfit=len(unfit))
    assert not unfit
    refused = [row.reply for row in site.rows("Recipient") if row.state == "refused"]
    assert len(refused) == 2 * len(texts)
    assert all(refused)
