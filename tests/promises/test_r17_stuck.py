"""Each stage hung on purpose: health check, command line and pages show it, and soon."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from support.outages import Outage, write_lock
from support.processes import wait_until
from support.promises import FULL, Report, databases, promise
from support.queue_server import QueueServer
from support.scripted import Silence, scripted_server
from support.workers import WorkerSite

from flask_smtpadmin.core import figures
from flask_smtpadmin.delivery import ending, upkeep
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.storage import summary
from flask_smtpadmin.worker.supervisor import Supervisor

WorkerSites = Callable[..., WorkerSite]
#: The waits below are divided by this.
SCALE = 1 if FULL else 20
LIMIT = 60 / SCALE + (0 if FULL else 15)  # pages take their time on a busy machine
_SERVERS = [one for one in databases(everywhere=True) if one.values[0] != "sqlite"]


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let heartbeats, and what is judged by them, pass by more quickly."""
    monkeypatch.setattr(upkeep, "BEAT_EVERY", 10 / SCALE)
    monkeypatch.setattr(summary, "LIVE_SECONDS", 45 / SCALE)
    monkeypatch.setattr(figures, "STALLED_SECONDS", 40 / SCALE)
    monkeypatch.setattr(ending, "GRACE", 1.0)


@contextmanager
def working(site: WorkerSite) -> Iterator[None]:
    """Run a worker in this process."""
    worker = Supervisor(site.state, Options())
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_until(lambda: site.rows("Worker"))
        yield
    finally:
        worker.stop()
        worker.stop()
        thread.join(60)


def alarms(site: WorkerSite) -> int:
    """Count who shows that mail does not go out: health check, command line, pages."""
    site.site.mail.access_check(lambda _right: True)
    app = site.site.app
    page = app.test_client().get("/admin/email/")
    return sum(
        (
            app.test_client().get("/admin/email/healthz").status_code != HTTPStatus.OK,
            app.test_cli_runner().invoke(args=["smtp", "status"]).exit_code != 0,
            page.status_code != HTTPStatus.OK
            or 'data-banner="no-worker"' in page.text
            or 'data-banner="stuck"' in page.text,
        )
    )


def seconds_until_shown(site: WorkerSite, began: float) -> float:
    """Wait until all three show it."""
    wait_until(lambda: alarms(site) == 3, timeout=LIMIT + 10, every=0.1)
    return time.monotonic() - began


@promise("R17")
@pytest.mark.usefixtures("scaled")
def test_nobody_runs(worker_site: WorkerSites, any_database_url: str, report: Report):
    """R17: mail waits and no worker was ever started: shown at once."""
    site = worker_site(any_database_url)
    site.send(1)
    report(no_worker=round(seconds_until_shown(site, time.monotonic()), 1))


@promise("R17")
@pytest.mark.usefixtures("scaled")
def test_a_silent_server(worker_site: WorkerSites, any_database_url: str, report: Report):
    """R17: it took the content and says nothing more: shown within 60 s, oldest age right."""
    with scripted_server({"dot": Silence()}) as server:
        site = worker_site(any_database_url, SMTPADMIN_PORT=server.port)
        with working(site):
            began, sent_from = time.monotonic(), datetime.now(UTC)
            site.send(20)
            sent_until = datetime.now(UTC)
            wait_until(lambda: "DATA" in server.commands)
            assert alarms(site) == 0
            took = seconds_until_shown(site, began)
            oldest = site.state.summary.figures().oldest_waiting_at
            assert oldest is not None
            report(silent_server=round(took, 1))
            assert sent_from <= oldest <= sent_until
            assert took <= LIMIT


@promise("R17")
@pytest.mark.usefixtures("scaled")
def test_a_blocked_engine(worker_site: WorkerSites, any_database_url: str, report: Report):
    """R17: something in the app holds the event loop up: no heartbeat, shown within 60 s."""
    released = threading.Event()

    def policy(_ip: str, _port: int) -> bool:
        return released.wait(2 * LIMIT)

    site = worker_site(any_database_url)
    with working(site):
        site.state.settings.save_server(
            "blocked", {"host": "127.0.0.1", "tls_mode": "none"}, create=True
        )
        site.site.app.config["SMTPADMIN_HOST_POLICY"] = policy
        time.sleep(35 / SCALE + 3)
        began = time.monotonic()
        site.send(30, server="blocked")
        try:
            took = seconds_until_shown(site, began)
        finally:
            released.set()
        report(blocked_engine=round(took, 1))
        assert took <= LIMIT


@promise("R17")
@pytest.mark.usefixtures("scaled")
def test_a_database_that_takes_nothing(
    worker_site: WorkerSites, any_database_url: str, report: Report
):
    """R17: somebody holds a lock on the messages: no heartbeat is written, shown within 60 s."""
    site = worker_site(any_database_url, SMTPADMIN_PORT=1)
    site.send(5)
    with working(site):
        time.sleep(1)
        with write_lock(any_database_url, "smtpadmin_message"):
            took = seconds_until_shown(site, time.monotonic())
    report(database_thread=round(took, 1))
    assert took <= LIMIT


@pytest.fixture
def swept(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Sweep up at once the sockets that PyMySQL leaves open when it cannot connect."""
    yield
    caplog.get_records("call").clear()
    gc.collect()


@promise("R17")
@pytest.mark.usefixtures("swept")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("database_url", _SERVERS, indirect=True)
def test_a_database_that_is_gone(worker_site: WorkerSites, outage: Outage, report: Report):
    """R17: the database's server is gone: shown within 60 s, and no more once it is back."""
    site = worker_site(outage.url)
    with working(site):
        outage.crash()
        try:
            took = seconds_until_shown(site, time.monotonic())
        finally:
            outage.start()
        wait_until(lambda: alarms(site) == 0)
        site.send(3)
        site.wait_for_states(sent=3)
    report(database_gone=round(took, 1))
    assert took <= LIMIT


@promise("R17")
def test_a_stopped_process(
    worker_site: WorkerSites, any_database_url: str, report: Report, monkeypatch: pytest.MonkeyPatch
):
    """R17: SIGSTOP: no heartbeat, shown within 60 s, and gone when it goes on."""
    if not FULL:
        monkeypatch.setattr(summary, "LIVE_SECONDS", 12.0)
    site = worker_site(any_database_url)
    worker = site.start()
    wait_until(lambda: site.log.exists() and "delivers mail" in site.log.read_text())
    time.sleep(1.5)
    worker.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    site.send(3)
    wait_until(lambda: alarms(site) == 3, timeout=70)
    took = time.monotonic() - began
    worker.send_signal(signal.SIGCONT)
    site.wait_for_states(sent=3)
    report(stopped_process=round(took, 1))
    assert took <= 60


@promise("R17")
@pytest.mark.usefixtures("scaled")
def test_a_lost_queue_server(
    worker_site: WorkerSites, any_database_url: str, redis_server: QueueServer, report: Report
):
    """R17: Redis gone is shown, and is no reason to call mail that flows unhealthy."""
    site = worker_site(any_database_url, SMTPADMIN_REDIS_URL=redis_server.url)
    with working(site):
        wait_until(lambda: [row.redis for row in site.rows("Worker")] == ["ok"])
        redis_server.kill()
        began = time.monotonic()
        wait_until(lambda: [row.redis for row in site.rows("Worker")] == ["down"], timeout=60)
        took = time.monotonic() - began
        assert site.state.status().redis == "down"
        assert alarms(site) == 0
        site.send(3)
        site.wait_for_states(sent=3)
    report(lost_queue_server=round(took, 1))
    assert took <= 60
