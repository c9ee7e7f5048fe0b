"""R10 with two messages outstanding: what strikes one of them costs the other nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.apps import Site, close_site
from support.matrix import server_config, sockets, working
from support.processes import wait_until
from support.promises import Report, promise
from support.scripted import (
    Accept,
    Drop,
    Farm,
    Raw,
    Script,
    ScriptedServer,
    Silence,
    scripted_servers,
)
from support.scripted.faults import OK, Fault
from support.workers import WorkerSite

from flask_smtpadmin import Message

GO = "354 go on"
GONE = ("421 4.3.2 shutting down", Drop())
#: What happens on the first connection; every later one is in good order.
FAULTS: dict[str, Script] = {
    "FIN at dot 1": {"dot": Drop()},
    "RST at dot 1": {"dot": Drop(reset=True)},
    "FIN at dot 1, accepted": {"dot": Accept(Drop())},
    "RST at dot 1, accepted": {"dot": Accept(Drop(reset=True))},
    "silence at dot 1": {"dot": Silence()},
    "garbage at dot 1, accepted": {"dot": Accept(Raw(b"fine!\r\n"))},
    "421 at dot 1": {"dot": GONE},
    "451 at dot 1": {"dot": ["451 4.3.0 later", Accept(OK)]},
    "554 at dot 1": {"dot": ["554 5.6.0 no", Accept(OK)]},
    "550 at rcpt 1": {"rcpt": ["550 5.1.1 no such user", OK]},
    "FIN after 250 to 1": {"dot": (OK, Drop())},
    "421 after 250 to 1": {"dot": (OK, *GONE)},
    "451 at mail 2": {"mail": [OK, "451 4.3.0 later", OK]},
    "554 at mail 2": {"mail": [OK, "554 5.1.8 no such sender"]},
    "421 at mail 2": {"mail": [OK, GONE]},
    "FIN at mail 2": {"mail": [OK, Drop()]},
    "FIN at rcpt 2": {"rcpt": [OK, Drop()]},
    "550 at rcpt 2": {"rcpt": [OK, "550 5.1.1 no such user"]},
    "FIN at data 2": {"data": [GO, Drop()]},
    "451 at data 2": {"data": [GO, "451 4.3.0 later"]},
    "FIN at dot 2": {"dot": [Accept(OK), Drop()]},
    "FIN at dot 2, accepted": {"dot": [Accept(OK), Accept(Drop())]},
    "451 at dot 2": {"dot": [Accept(OK), "451 4.3.0 later"]},
    "garbage at mail 2": {"mail": [OK, Raw(b"pardon?\r\n")]},
}
#: The first try of each message, the failures counted, and the copies that the server took.
OUTCOMES = """
fault                      | first     | failures | copies | second    | failures | copies
---------------------------|-----------|----------|--------|-----------|----------|-------
FIN at dot 1               | uncertain | 1        | 0      | sent      | 0        | 1
RST at dot 1               | uncertain | 1        | 0      | sent      | 0        | 1
FIN at dot 1, accepted     | uncertain | 1        | 1      | sent      | 0        | 1
RST at dot 1, accepted     | uncertain | 1        | 1      | sent      | 0        | 1
silence at dot 1           | uncertain | 1        | 0      | sent      | 0        | 1
garbage at dot 1, accepted | uncertain | 1        | 1      | sent      | 0        | 1
421 at dot 1               | retry     | 1        | 0      | sent      | 0        | 1
451 at dot 1               | retry     | 1        | 0      | sent      | 0        | 1
554 at dot 1               | dead      | 0        | 0      | sent      | 0        | 1
550 at rcpt 1              | dead      | 0        | 0      | sent      | 0        | 1
FIN after 250 to 1         | sent      | 0        | 1      | sent      | 0        | 1
421 after 250 to 1         | sent      | 0        | 1      | sent      | 0        | 1
451 at mail 2              | sent      | 0        | 1      | retry     | 1        | 0
554 at mail 2              | sent      | 0        | 1      | dead      | 0        | 0
421 at mail 2              | sent      | 0        | 1      | sent      | 0        | 1
FIN at mail 2              | sent      | 0        | 1      | sent      | 0        | 1
FIN at rcpt 2              | sent      | 0        | 1      | sent      | 0        | 1
550 at rcpt 2              | sent      | 0        | 1      | dead      | 0        | 0
FIN at data 2              | sent      | 0        | 1      | sent      | 0        | 1
451 at data 2              | sent      | 0        | 1      | retry     | 1        | 0
FIN at dot 2               | sent      | 0        | 1      | uncertain | 1        | 0
FIN at dot 2, accepted     | sent      | 0        | 1      | uncertain | 1        | 1
451 at dot 2               | sent      | 0        | 1      | retry     | 1        | 0
garbage at mail 2          | sent      | 0        | 1      | retry     | 1        | 0
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in OUTCOMES.strip().splitlines()[2:]]
DOCUMENTED = {row[0]: tuple(row[1:]) for row in ROWS}
SETTINGS = {"SMTPADMIN_RETRY_DELAY": 3600, "SMTPADMIN_WINDOW": 100}


def config_of(farm: Farm, script: Script, *, pipelining: bool) -> dict[str, object]:
    """Return the settings of a new server whose first connection follows ``script``."""
    server = farm.add(script, {}, pipelining=pipelining, auth="PLAIN")
    quiet = "dot" in script and isinstance(script["dot"], Silence)
    fault = Fault("", "", (script,), data_timeout=1 if quiet else 20)
    return server_config(fault, server, "none", "pipelined")


def queue_pairs(site: Site, keys: list[str]) -> None:
    """Queue two messages for each server."""
    with site.app.app_context():
        for key in keys:
            pair = [Message(f"{n}", [f"{n}@example.com"], body="hello") for n in (1, 2)]
            site.mail.send_many(pair, server=key)


def outcome(site: WorkerSite, key: str, server: ScriptedServer) -> tuple[str, ...]:
    """Return what OUTCOMES says of one fault, as it was."""
    first_tries: dict[int, str] = {}
    for row in site.rows("Attempt"):
        first_tries.setdefault(row.message, row.outcome)
    copies = server.copies()
    cells: list[str] = []
    for row in site.rows():
        if row.server_key == key:
            taken = copies[row.message_id, row.first_recipient]
            word = "sent" if row.state == "sent" else first_tries[row.id]
            cells += [word, str(row.failures), str(taken)]
    return tuple(cells)


@promise("R10")
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "stepwise"])
def test_what_strikes_one_message_costs_the_other_nothing(
    worker_site: Callable[..., WorkerSite],
    any_database_url: str,
    report: Report,
    *,
    pipelining: bool,
) -> None:
    """R10: 1 uncertain, 2 not counted and delivered once; 1 accepted, whatever 2 meets."""
    before = sockets()
    with scripted_servers() as farm:
        config = {
            f"f{number}": config_of(farm, script, pipelining=pipelining)
            for number, script in enumerate(FAULTS.values())
        }
        site = worker_site(
            any_database_url,
            SMTPADMIN_HOST="",
            SMTPADMIN_PORT=None,
            SMTPADMIN_TLS_MODE=None,
            SMTPADMIN_SERVERS=config,
            **SETTINGS,
        )
        queue_pairs(site.site, list(config))
        with working(site.state):
            wait_until(lambda: not {"queued", "sending"} & set(site.states()), timeout=90)
        found = {
            name: outcome(site, key, server)
            for name, key, server in zip(FAULTS, config, farm.servers, strict=True)
        }
        overheard = farm.servers[list(FAULTS).index("silence at dot 1")].dialogues[0].clear
    close_site(site.site)
    wait_until(lambda: sockets() <= before + 2)  # the listener and loop of ``smtp``
    wrong = {name: cells for name, cells in found.items() if cells != DOCUMENTED[name]}
    report(cells=len(found), wrong=len(wrong))
    assert not wrong
    shared = b"MAIL" in overheard.partition(b"\r\n.\r\n")[2]
    assert shared == pipelining, "the content of 1 and MAIL of 2 were one flight"


ENDINGS: dict[str, Script] = {
    "FIN after 250": {"dot": [Accept(OK)] * 4 + [(Accept(OK), Drop())]},
    "421 after 250": {"dot": [Accept(OK)] * 4 + [(Accept(OK), *GONE)]},
    "FIN at mail": {"mail": [OK] * 5 + [Drop()]},
    "421 at mail": {"mail": [OK] * 5 + [GONE]},
}


@promise("R10")
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "stepwise"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_server_that_closes_after_n_messages_burns_none(
    worker_site: Callable[..., WorkerSite], any_database_url: str, ending: str, *, pipelining: bool
) -> None:
    """F19: after every fifth one it hangs up; all arrive once and no failure is counted."""
    with scripted_servers() as farm:
        server = farm.add(ENDINGS[ending], pipelining=pipelining)
        site = worker_site(any_database_url, SMTPADMIN_PORT=server.port)
        site.send(60)
        with working(site.state, connections=2):
            site.wait_for_states(sent=60)
    copies = server.copies()
    assert set(copies.values()) == {1}
    assert len(copies) == 60
    assert {row.failures for row in site.rows()} == {0}
