"""R11: five recipients, each with a mind of its own: one copy for everybody who takes it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from support.matrix import working
from support.processes import wait_until
from support.promises import Report, promise, size
from support.scripted import scripted_server
from support.workers import WorkerSite

from flask_smtpadmin import Message

MAILS = size(1_000, ci=100)
RECIPIENTS = 5
ATTEMPTS = 6
RETRIES = {
    "SMTPADMIN_RETRY_ATTEMPTS": ATTEMPTS,
    "SMTPADMIN_DEAD_LETTER_THRESHOLD": ATTEMPTS + 1,
    "SMTPADMIN_RETRY_DELAY": 0.05,
    "SMTPADMIN_RETRY_MAX_DELAY": 0.2,
}
WORDS = {
    "250": "250 2.1.5 ok",
    "450": "450 4.2.0 mailbox busy",
    "550": "550 5.1.1 no such user here",
}
CLIENTS = {
    "pipelined": ("aiosmtplib", True),
    "stepwise": ("aiosmtplib", False),
    "smtplib": ("smtplib", False),
}


@dataclass
class Minds:
    """What each address answers to RCPT, try by try; its last answer stands."""

    plans: dict[str, Sequence[str]]
    asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def reply(self, command: str) -> str:
        """Answer ``RCPT TO:<address>``."""
        address = command.partition("<")[2].partition(">")[0]
        plan = self.plans[address]
        code = plan[min(len(self.asked[address]), len(plan) - 1)]
        self.asked[address].append(code)
        return WORDS[code]


def plan(dice: random.Random) -> list[str]:
    """Return up to twelve times *later*, then yes or no: some outlast every try."""
    later = ["450"] * (dice.randrange(1, 12) if dice.random() < 0.3 else 0)
    return [*later, "550" if dice.random() < 0.3 else "250"]


def addresses(number: int) -> list[str]:
    """Return the recipients of a message."""
    return [f"m{number}r{n}@example.com" for n in range(RECIPIENTS)]


@promise("R11")
@pytest.mark.parametrize("client", CLIENTS)
def test_each_address_that_takes_it_gets_one_copy(
    any_database_url: str,
    worker_site: Callable[..., WorkerSite],
    report: Report,
    dice: random.Random,
    client: str,
) -> None:
    """R11: 550 is never asked again; 450 is until it yields or the message is given up."""
    minds = Minds({address: plan(dice) for n in range(MAILS) for address in addresses(n)})
    engine, pipelining = CLIENTS[client]
    with scripted_server({"rcpt": minds.reply}, pipelining=pipelining) as server:
        site = worker_site(
            any_database_url,
            SMTPADMIN_PORT=server.port,
            SMTPADMIN_ENGINE=engine,
            **RETRIES,
        )
        deliver(site)
    told: Counter[str] = Counter()
    for (_message_id, address), count in server.copies(told=True).items():
        told[address] += count
    twice = [address for address, count in told.items() if count > 1]
    again = [address for address, codes in minds.asked.items() if "550" in codes[:-1]]
    states = {row.address: row.state for row in site.rows("Recipient")}
    wrong = [
        address
        for address, state in states.items()
        if state != expected(minds.asked[address]) or (state == "accepted") != told[address]
    ]
    given_up = [address for address, codes in minds.asked.items() if codes[-1] == "450"]
    report(
        recipients=len(states),
        copies=sum(told.values()),
        twice=len(twice),
        refused_and_asked_again=len(again),
        wrong=len(wrong),
        given_up=len(given_up),
    )
    assert (twice, again, wrong) == ([], [], [])
    assert given_up, "some outlast every try"
    assert {len(minds.asked[address]) for address in given_up} == {ATTEMPTS + 1}


def expected(answers: Sequence[str]) -> str:
    """Return the state of a recipient after all its answers."""
    return "accepted" if answers[-1] == "250" else "refused"


def deliver(site: WorkerSite) -> None:
    """Send every message and work until nothing happens by itself any more."""
    with site.site.app.app_context():
        site.site.mail.send_many(
            Message("Round", addresses(n), body="hello", sender="me@example.com")
            for n in range(MAILS)
        )
    final = {"sent", "partial", "dead"}
    with working(site.state, connections=5):
        wait_until(lambda: set(site.states()) <= final, timeout=size(1200, ci=100), every=0.2)
