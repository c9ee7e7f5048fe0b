"""The circuit breaker: when a server gets no mail, for how long, and how it comes back."""

from __future__ import annotations

from datetime import datetime, timedelta

from support.queues import MailQueue

from flask_smtpadmin.delivery.health import Health, Word
from flask_smtpadmin.storage.health import HealthRows, SharedHealth

START = datetime.fromisoformat("2026-03-14T12:00")
FAULT = Word("fault", "connection_refused", "refused")
HOLD = Word("hold", "auth_bad_credentials", "535")


class Timeline:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def seconds_closed(health: Health, clock: Timeline, word: Word, count: int) -> list[float]:
    """Return for how long the server is closed off by each of ``count`` failed probes."""
    health.note("a", word)
    pauses = []
    for _ in range(count):
        retry_at = health["a"].retry_at
        assert retry_at is not None
        pauses.append((retry_at - clock.now).total_seconds())
        clock.now = retry_at
        assert health.due_probes() == ["a"]
        health.probe_ended("a", word)
    return pauses


def new_health(clock: Timeline) -> Health:
    """Return breakers with settings that never change."""
    return Health(clock, lambda _key: "f1")


def test_faults_open_it_for_5_seconds_doubling_to_60():
    """Connect faults: 5, 10, 20, 40, 60, 60 ..."""
    clock = Timeline()
    pauses = seconds_closed(new_health(clock), clock, FAULT, 7)
    assert pauses == [5, 10, 20, 40, 60, 60, 60]


def test_crowded_servers_are_left_alone_for_up_to_15_minutes():
    """Too many connections: the doubling goes on to 900 s."""
    clock = Timeline()
    word = Word("fault", "too_many_connections", "421")
    assert seconds_closed(new_health(clock), clock, word, 10)[-1] == 900


def test_a_server_that_says_421_is_left_alone_for_up_to_15_minutes():
    """Whatever its words are: it closes the link."""
    clock = Timeline()
    word = Word("fault", "server_busy", "421 4.3.2 not now", closing=True)
    assert seconds_closed(new_health(clock), clock, word, 10)[-1] == 900


def test_workers_that_take_turns_double_the_same_pause(sqlite_queue: MailQueue):
    """5, 10, 20, 40 s, whoever probes; a probe that went well does not begin anew."""
    clock = Timeline()
    crew = [new_health(clock) for _ in range(3)]
    rows = HealthRows(sqlite_queue.models)

    def share(news: SharedHealth | None) -> None:
        assert news is not None
        with sqlite_queue.database.write() as connection:
            rows.write(connection, news, clock.now)
            for one in crew:
                one.adopt(rows.read(connection))

    share(crew[0].note("a", FAULT))
    pauses = []
    for turn in range(1, 6):
        retry_at = crew[turn % 3]["a"].retry_at
        assert retry_at is not None
        pauses.append((retry_at - clock.now).total_seconds())
        clock.now = retry_at
        share(crew[turn % 3].probe_ended("a", Word("ok") if turn == 3 else FAULT))
        if turn == 3:
            share(crew[1].note("a", FAULT))
    assert pauses == [5, 10, 20, 40, 60]


def test_a_refused_login_holds_it():
    """535: a sign-in probe after 15 min, 1 h, then every 6 h."""
    clock = Timeline()
    pauses = seconds_closed(new_health(clock), clock, HOLD, 4)
    assert pauses == [900, 3600, 21600, 21600]


def test_many_failures_at_once_are_one():
    """Ten connections that fail together open the breaker once, for the first pause."""
    clock = Timeline()
    health = new_health(clock)
    news = [health.note("a", FAULT) for _ in range(10)]
    assert len([item for item in news if item]) == 1
    assert health["a"].retry_at == START + timedelta(seconds=5)


def test_after_a_probe_one_connection_until_a_message_is_accepted():
    """Half open: on trial, then fully closed again with its counters at zero."""
    clock = Timeline()
    health = new_health(clock)
    health.note("a", FAULT)
    clock.pass_seconds(5)
    shared = health.probe_ended("a", Word("ok"))
    assert (shared.state, health.usable("a"), health["a"].trial) == ("ok", True, True)
    health.note("a", Word("ok"))
    assert (health["a"].trial, health["a"].faults) == (False, 0)


def test_three_domains_in_a_row_are_a_suspicion_confirmed():
    """After MAIL it takes 3 messages to different domains, with no acceptance between."""
    health = new_health(Timeline())
    suspect = [Word("suspect", "relay_denied", "554", f"d{n}.example") for n in range(3)]
    for word in (suspect[0], suspect[0], suspect[1], suspect[1]):
        assert health.note("a", word) is None
    health.note("a", Word("ok"))
    for word in suspect[:2]:
        assert health.note("a", word) is None
    shared = health.note("a", suspect[2])
    assert shared is not None
    assert shared.state == "held"


def test_changed_settings_are_probed_at_once():
    """A new password does not wait for the six hours."""
    clock = Timeline()
    health = new_health(clock)
    health.note("a", HOLD)
    assert health.due_probes() == []
    health.probe_now("a")
    assert health.due_probes() == ["a"]


def test_what_other_workers_found_is_taken_over(sqlite_queue: MailQueue):
    """One worker opens and one recovers: the other follows, and only a changed row is news."""
    clock = Timeline()
    mine, theirs = new_health(clock), new_health(clock)
    rows = HealthRows(sqlite_queue.models)

    def exchange(news: SharedHealth | None) -> tuple[list[str], list[str]]:
        with sqlite_queue.database.write() as connection:
            if news is not None:
                rows.write(connection, news, clock.now)
            return mine.adopt(rows.read(connection))

    assert exchange(theirs.note("a", Word("ok"))) == ([], [])
    assert exchange(theirs.note("a", FAULT)) == (["a"], [])
    assert not mine.usable("a")
    clock.pass_seconds(5)
    with sqlite_queue.database.write() as connection:
        assert rows.reserve_probe(connection, "a", "f1", clock.now, 60)
        assert not rows.reserve_probe(connection, "a", "f1", clock.now, 60), "one probe only"
    assert exchange(None) == ([], [])
    assert mine["a"].retry_at == clock.now + timedelta(seconds=60)
    assert exchange(theirs.probe_ended("a", Word("ok"))) == ([], ["a"])
    mine.note("a", FAULT)
    assert exchange(None) == ([], []), "our own news is not written yet: the old row says nothing"
    assert not mine.usable("a")


def test_health_seen_with_other_settings_is_probed_at_once(sqlite_queue: MailQueue):
    """A worker that starts with a new password does not inherit the old one's hold."""
    clock = Timeline()
    rows = HealthRows(sqlite_queue.models)
    held = new_health(clock).note("a", HOLD)
    assert held is not None
    fresh = Health(clock, lambda _key: "f2")
    with sqlite_queue.database.write() as connection:
        rows.write(connection, held, clock.now)
        fresh.adopt(rows.read(connection))
        assert fresh.due_probes() == ["a"]
        assert rows.reserve_probe(connection, "a", "f2", clock.now, 60)
