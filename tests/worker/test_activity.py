"""What a worker says is recorded: where to read it, how long, and never at the cost of mail."""

from __future__ import annotations

import base64
import logging
import stat
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.processes import free_port, wait_until
from support.scripted import scripted_server
from support.smtp import MailServer
from support.workers import WorkerSite
from support.working import working

from flask_smtpadmin.core.dialogues import Dialogue, Wanted
from flask_smtpadmin.core.transcript import Part, Transcript, packed_text
from flask_smtpadmin.delivery import activity
from flask_smtpadmin.delivery.activity import Activity
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.day_files import DayFiles
from flask_smtpadmin.storage.dialogues import DialogueRows

CANARY = "canary-of-the-worker"
MIDNIGHT = datetime(2026, 11, 28)  # noqa: DTZ001 - naive UTC, as in the tables


def said(site: WorkerSite, **wanted: Any) -> list[Dialogue]:
    """Return all that is recorded of today and yesterday."""
    today = datetime.now(UTC).date()
    days = (today - timedelta(1), today)
    return [one for day in days for one in site.state.dialogues.of_day(Wanted(day=day, **wanted))]


def text_of(site: WorkerSite) -> str:
    return "".join(one.text for one in said(site))


def test_every_session_is_recorded(
    worker_site: Callable[..., WorkerSite], smtp: MailServer
) -> None:
    """From the connection to QUIT, with every message by its number, and no content."""
    site = worker_site()
    numbers = site.send(30)
    site.burst()
    text = text_of(site)
    for number in numbers:
        assert f"-- message {number}, " in text
    assert text.count("C: QUIT") == text.count("-- connected to ") == smtp.connections
    assert "xxx" not in text
    parts = said(site)
    assert sum(one.messages for one in parts) == 30
    assert {(one.server, one.origin) for one in parts} == {("default", "worker")}
    assert {one.address for one in parts} == {f"127.0.0.1:{smtp.port}"}
    known = {one.session for one in parts}
    assert {row.session for row in site.rows("Attempt")} <= known


def test_a_failed_attempt_leads_to_its_dialogue(worker_site: Callable[..., WorkerSite]) -> None:
    """Refused, or never connected: the session it names holds the server's words."""
    with scripted_server({"rcpt": "550 5.1.1 nobody of that name"}) as server:
        site = worker_site(SMTPADMIN_PORT=server.port)
        (number,) = site.send(1)
        with working(site):
            site.wait_for_states(dead=1)
            wait_until(lambda: "nobody of that name" in text_of(site), timeout=2.0)
        (attempt,) = site.rows("Attempt")
    page = site.state.dialogues.parts(attempt.session, at=attempt.finished_at)
    assert "550 5.1.1 nobody of that name" in page.parts[0].text
    assert f"message {number}" not in text_of(site), "no content was written"
    (row,) = site.state.dialogues.page(Wanted(day=attempt.started_at.date())).sessions
    assert (row.messages, row.failures) == (1, 1)


def test_a_session_that_cannot_be_opened_is_recorded(
    worker_site: Callable[..., WorkerSite],
) -> None:
    """The attempt names it, and it says at which step it failed."""
    site = worker_site(SMTPADMIN_PORT=free_port())
    site.send(1)
    with working(site):
        wait_until(lambda: "failed at the step connect" in text_of(site))
        wait_until(lambda: any(row.session for row in site.rows("Attempt")))
    assert all(one.failures == 1 for one in said(site)), "it is among those with failures"
    sessions = {one.session for one in said(site)}
    assert {row.session for row in site.rows("Attempt") if row.session} <= sessions


def test_no_form_of_the_password_is_stored(
    worker_site: Callable[..., WorkerSite], tmp_path: Path
) -> None:
    """A server that repeats it at every step leaves it neither in the table nor in the file."""
    raw = CANARY.encode()
    forms = [CANARY, raw.hex(), base64.b64encode(raw).decode(), raw.hex(":")]
    echo = " ".join(forms)
    script = {"auth": f"235 {echo}", "mail": f"250 {echo}", "dot": f"550 {echo}"}
    with scripted_server(script, auth="PLAIN LOGIN") as server:
        site = worker_site(
            SMTPADMIN_PORT=server.port,
            SMTPADMIN_USERNAME="user",
            SMTPADMIN_PASSWORD=CANARY,
            SMTPADMIN_LOG_DIR=str(tmp_path / "logs"),
        )
        site.send(1)
        site.burst()
    (file,) = (tmp_path / "logs").iterdir()
    for text in (text_of(site), file.read_text()):
        assert "[secret removed]" in text
        assert "C: AUTH PLAIN [secret removed]" in text
        for form in (*forms, base64.b64encode(b"\0user\0" + raw).decode()):
            assert form not in text
    (attempt,) = site.rows("Attempt")
    assert "[secret removed]" in attempt.reply
    assert not [form for form in forms for row in (attempt, *site.rows()) if form in str(row)]


@pytest.mark.parametrize(("mode", "kept"), [("failures", {7}), ("off", set())])
def test_less_can_be_recorded(
    worker_site: Callable[..., WorkerSite], mode: str, kept: set[int]
) -> None:
    """Only what failed and how sessions began, or nothing at all."""
    rejected = ["250 2.0.0 ok"] * 6 + ["550 no"] + ["250 2.0.0 ok"]
    with scripted_server({"dot": rejected}, extensions=["PIPELINING"]) as server:
        site = worker_site(
            SMTPADMIN_PORT=server.port, SMTPADMIN_POOL_SIZE=1, SMTPADMIN_ACTIVITY_LOG=mode
        )
        site.send(20)
        site.burst()
    text = text_of(site)
    assert ("-- connected to" in text) == (mode == "failures")
    assert text.count("S: 550 no") == len(kept)
    assert text.count(" bytes of content") <= 2 * len(kept)
    assert bool([row for row in site.rows("Attempt") if row.session]) == (mode == "failures")


def test_the_setting_is_heeded_while_it_works(worker_site: Callable[..., WorkerSite]) -> None:
    """Switched off, the sessions that are open fall silent, too."""
    site = worker_site()
    with working(site):
        site.send(1)
        site.wait_for_states(sent=1)
        wait_until(lambda: "message 1," in text_of(site))
        with site.site.app.app_context():
            site.state.settings.save_values({"activity_log": "off"})
        time.sleep(2.5)
        site.send(1)
        site.wait_for_states(sent=2)
    assert "message 2," not in text_of(site)


def test_old_dialogues_are_removed(worker_site: Callable[..., WorkerSite]) -> None:
    """The sweep of a worker removes what is older than RETENTION_ACTIVITY says."""
    site = worker_site(SMTPADMIN_RETENTION_ACTIVITY=3)
    for days in (2, 4):
        began = utcnow() - timedelta(days=days)
        site.state.dialogues.write([dialogue(began)])
    site.burst()
    assert site.state.dialogues.days() == [(utcnow() - timedelta(days=2)).date()]


def test_activity_never_holds_up_mail(
    worker_site: Callable[..., WorkerSite],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Table and disk cannot be written to: all mail is sent, and both are told once."""

    def refuse(*_args: Any) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk is full"))

    monkeypatch.setattr(DialogueRows, "write", refuse)
    site = worker_site(SMTPADMIN_LOG_DIR="/dev/null/no-folder")
    site.send(50)
    with caplog.at_level(logging.WARNING), working(site):
        site.wait_for_states(sent=50)
        time.sleep(1.0)
        site.send(1)
        site.wait_for_states(sent=51)
        time.sleep(1.0)
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if "see to its activity log" in text]) == 1
    assert len([text for text in told if "is not written to LOG_DIR" in text]) == 1


def test_what_waits_for_the_database_is_bounded(
    worker_site: Callable[..., WorkerSite],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Beyond that parts are dropped, and once the database is back their number is told."""
    monkeypatch.setattr(activity, "MOST_WAITING", 1)
    site = worker_site()
    with caplog.at_level(logging.WARNING), working(site):
        site.send(1)
        site.wait_for_states(sent=1)
        time.sleep(2.5)
        monkeypatch.setattr(activity, "MOST_WAITING", 1_000_000)
        site.send(1)
        site.wait_for_states(sent=2)
        wait_until(lambda: "message 2," in text_of(site))
    assert "message 1," not in text_of(site)
    assert any(
        "of the activity log were dropped" in record.getMessage() for record in caplog.records
    )


# -- files by date ---------------------------------------------------------------------------------


def dialogue(began: datetime, text: str = "12:00:00.000 C: NOOP\n") -> Dialogue:
    return Dialogue(
        session="0123456789abcdef",
        part=1,
        opens_day=True,
        began_at=began,
        ended_at=began,
        server="default",
        origin="worker",
        worker_id="w1",
        address=None,
        tls=None,
        messages=0,
        failures=0,
        packed=packed_text(text),
    )


def files(folder: Path, keep: int | None = 7, today: date = date(2026, 11, 28)) -> DayFiles:
    return DayFiles(folder, lambda: keep, lambda: today)


def test_each_day_has_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    """Named by the day (UTC) of the first line, mode 0600, appended to."""
    folder = tmp_path / "logs"
    log = files(folder)
    log.append([dialogue(MIDNIGHT - timedelta(microseconds=1)), dialogue(MIDNIGHT)])
    log.append([dialogue(MIDNIGHT)])
    found = {path.name: path for path in folder.iterdir()}
    assert sorted(found) == ["smtpadmin-2026-11-27.log", "smtpadmin-2026-11-28.log"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found.values()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = found["smtpadmin-2026-11-28.log"].read_text()
    assert text.count("== 2026-11-28 00:00:00 UTC, session 0123456789abcdef") == 2
    assert text.count("C: NOOP") == 2


def test_only_old_files_of_ours_are_removed(tmp_path: Path) -> None:
    """A file of another name stays, however old; so does what is young enough."""
    names = [
        "smtpadmin-2026-11-20.log",
        "smtpadmin-2026-11-21.log",
        "smtpadmin-2026-02-31.log",
        "smtpadmin-2020-01-01.log.gz",
        "my-smtpadmin-2020-01-01.log",
    ]
    for name in names:
        (tmp_path / name).write_text("x")
    files(tmp_path).append([dialogue(MIDNIGHT)])
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names[1:], "smtpadmin-2026-11-28.log"}


def test_with_keep_no_file_is_removed(tmp_path: Path) -> None:
    """RETENTION_ACTIVITY keep means for ever, for files too."""
    (tmp_path / "smtpadmin-2001-01-01.log").write_text("x")
    files(tmp_path, keep=None).append([dialogue(MIDNIGHT)])
    assert (tmp_path / "smtpadmin-2001-01-01.log").exists()


def test_no_link_is_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who may write to the folder must not make the worker append to another file."""
    target = tmp_path / "target"
    target.write_text("mine")
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "smtpadmin-2026-11-28.log").symlink_to(target)
    files(folder).append([dialogue(MIDNIGHT)])
    assert target.read_text() == "mine"
    assert "is not written to LOG_DIR" in caplog.text


def test_a_part_that_is_taken_is_kept_until_it_is_written(
    worker_site: Callable[..., WorkerSite],
) -> None:
    """The text of a busy session is taken before it has too much, in the order it was said."""
    site = worker_site()
    found = Activity(site.state.database, "w1")
    found.adopt(site.state.settings.snapshot())
    session = found.open(site.state.settings.snapshot().servers["default"])
    record = session.transcript
    assert isinstance(record, Transcript)
    for number in range(2000):
        record.said(f"NOOP {number}".encode())
    taken = [part for _, part in found._parts]
    assert len(taken) > 3
    assert all(isinstance(part, Part) and part.size < 40_000 for part in taken)
    lines = "".join(part.text() for part in taken).splitlines()
    assert [line.split()[-1] for line in lines] == [str(n) for n in range(len(lines))]
