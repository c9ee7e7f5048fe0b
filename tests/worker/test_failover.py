"""Several servers: who takes a message, and who when that one does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.processes import free_port, wait_until
from support.scripted import scripted_server
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite
from support.working import working


@pytest.fixture
def second() -> Iterator[MailServer]:
    """Run another SMTP server."""
    with mail_server(pipelining=True) as server:
        yield server


def other(server: Any, **more: Any) -> dict[str, Any]:
    """Return the settings of a second server."""
    return {"host": "127.0.0.1", "port": server.port, "tls_mode": "none", **more}


def via(site: WorkerSite) -> Counter[str]:
    """Count the messages by the server that accepted them."""
    return Counter(row.sent_via for row in site.rows())


def test_refused_for_now_at_mail_it_goes_to_the_next_server(
    worker_site: Callable[..., WorkerSite], second: MailServer
):
    """451 at MAIL FROM: the other server takes it in the same claim, and nothing is counted."""
    with scripted_server({"mail": "451 4.3.0 try later"}) as busy:
        site = worker_site(
            SMTPADMIN_PORT=busy.port, SMTPADMIN_SERVERS={"second": other(second, priority=5)}
        )
        site.send(20)
        with working(site):
            site.wait_for_states(sent=20)
    assert via(site) == {"second": 20}
    assert {(row.attempts, row.failures) for row in site.rows()} == {(2, 0)}
    tries = [(row.n, row.server_key, row.outcome) for row in site.rows("Attempt")]
    assert Counter(tries) == {(1, "default", "retry"): 20, (2, "second", "sent"): 20}


def test_after_data_no_other_server_is_tried(
    worker_site: Callable[..., WorkerSite], second: MailServer
):
    """451 after the content: a counted failure and a wait, whoever else there is."""
    with scripted_server({"dot": "451 4.3.0 try later"}) as busy:
        site = worker_site(
            SMTPADMIN_PORT=busy.port, SMTPADMIN_SERVERS={"second": other(second, priority=5)}
        )
        site.send(5)
        with working(site):
            site.wait_for_states(retrying=5)
    assert second.received == []
    assert {(row.attempts, row.failures) for row in site.rows()} == {(1, 1)}


def test_each_server_is_tried_once_in_a_claim(worker_site: Callable[..., WorkerSite]):
    """All of them refuse for now: one try at each, one counted failure, then backoff."""
    refusal = {"mail": "451 4.3.0 try later"}
    with scripted_server(refusal) as one, scripted_server(refusal) as two:
        servers = {"two": other(two, priority=1)}
        site = worker_site(SMTPADMIN_PORT=one.port, SMTPADMIN_SERVERS=servers)
        site.send(5)
        with working(site):
            site.wait_for_states(retrying=5)
    assert {(row.attempts, row.failures) for row in site.rows()} == {(2, 1)}
    assert Counter(row.server_key for row in site.rows("Attempt")) == {"default": 5, "two": 5}


def test_mail_returns_to_the_first_server_when_it_is_back(
    worker_site: Callable[..., WorkerSite], second: MailServer
):
    """The reserve takes the mail while the first is out; after a probe the first has it again."""
    port = free_port()
    servers = {"reserve": other(second, priority=5)}
    site = worker_site(SMTPADMIN_PORT=port, SMTPADMIN_SERVERS=servers)
    site.send(20)
    with working(site):
        site.wait_for_states(sent=20)
        assert via(site) == {"reserve": 20}
        with scripted_server({}, port=port):
            wait_until(lambda: site.rows("Server")[0].health != "open")
            site.send(1)  # a message on trial; what comes with it need not wait for it
            site.wait_for_states(sent=21)
            site.send(20)
            site.wait_for_states(sent=41)
    assert via(site) == {"reserve": 20, "default": 21}
    assert {row.failures for row in site.rows()} == {0}


def test_a_busy_server_is_not_a_broken_one(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, second: MailServer
):
    """One slow connection with a long queue: the server of the next priority gets nothing."""
    smtp.pause = 0.02
    servers = {"reserve": other(second, priority=5)}
    site = worker_site(SMTPADMIN_POOL_SIZE=1, SMTPADMIN_SERVERS=servers)
    site.send(60)
    with working(site):
        site.wait_for_states(sent=60)
    assert via(site) == {"default": 60}


def test_weights_share_the_mail(
    worker_site: Callable[..., WorkerSite], smtp: MailServer, second: MailServer
):
    """Weights 3 and 1: of 400 messages 300 go to the first, give or take four deviations.

    Both have room for all of it: what is too much for one server goes to its equals.
    """
    servers = {"second": other(second, weight=1, pool_size=50)}
    site = worker_site(SMTPADMIN_WEIGHT=3, SMTPADMIN_POOL_SIZE=50, SMTPADMIN_SERVERS=servers)
    site.send(400)
    with working(site):
        site.wait_for_states(sent=400)
    assert 265 <= len(smtp.received) <= 335
    assert len(smtp.received) + len(second.received) == 400


def test_a_reply_is_taken_in_the_sense_of_the_servers_provider(
    worker_site: Callable[..., WorkerSite],
):
    """Gmail refuses the login at RCPT: the mail waits, and is no dead letter as it is elsewhere."""
    said = "550 5.7.0 Invalid credentials for relay"
    with scripted_server({"rcpt": said}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port, SMTPADMIN_RETRY_DELAY=60)
        site.state.settings.save_server("default", {}, preset="gmail")
        site.send(1)
        with working(site):
            wait_until(lambda: site.rows("Attempt") and site.rows("Attempt")[0].outcome)
    assert [row.cause for row in site.rows("Attempt")] == ["relay_denied"]
    assert [row.state for row in site.rows()] == ["queued"]
