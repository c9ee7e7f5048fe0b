"""Many rows in one statement: what goes in comes out, on every database."""

from __future__ import annotations

import pytest
from support.queues import MailQueue, decided

from flask_smtpadmin.storage import bulk
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.results import HandOver, Results

#: What a server may say: quotes, escapes, line ends, other scripts, a column's full width.
REPLIES = (
    "250 2.0.0 Ok: queued as 4F1A",
    "250-first\r\n250 'second' \"third\"",
    "250 back\\slash {brace} [bracket] :colon %s %(name)s ?",
    "250 zażółć 送信 📮",
    "250 " + "x" * 2000,
)


def test_text_comes_out_as_it_went_in(mail_queue: MailQueue):
    """Replies with quotes, escapes and any script, and a time to the microsecond."""
    mail_queue.send(len(REPLIES))
    jobs = mail_queue.claim()
    mail_queue.hand_over(jobs)
    now = utcnow().replace(microsecond=7)
    results = [
        mail_queue.result(job, decided("sent"), reply=reply, ms=1.5, started_at=now, code=250)
        for job, reply in zip(jobs, REPLIES, strict=True)
    ]
    with mail_queue.database.work() as connection:
        Results(mail_queue.models, "w1").finish(connection, results, now)
    rows = mail_queue.rows("Attempt")
    assert [row.reply for row in rows] == list(REPLIES)
    assert {(row.started_at, row.ms, row.cause) for row in rows} == {(now, 1.5, None)}


def test_each_row_gets_its_own_values(mail_queue: MailQueue):
    """Servers and numbers of tries differ within one statement; a lost message is left out."""
    mail_queue.send(3)
    first, second, third = jobs = mail_queue.claim()
    third.token = "f" * 32
    items = [HandOver(job, n, f"server{n}") for n, job in enumerate(jobs, 1)]
    with mail_queue.database.work() as connection:
        results = Results(mail_queue.models, "w1")
        ours = results.hand_over(connection, items, utcnow())
    assert ours == {first.id, second.id}
    opened = [(row.message, row.n, row.server_key) for row in mail_queue.rows("Attempt")]
    assert opened == [(first.id, 1, "server1"), (second.id, 2, "server2")]


@pytest.mark.parametrize("oldest", [(0,), (99,)], ids=["as it is", "an SQLite before 3.33"])
def test_many_rows_are_all_written_whatever_the_database_knows(
    mail_queue: MailQueue, monkeypatch: pytest.MonkeyPatch, oldest: tuple[int, ...]
):
    """More than one statement takes: each attempt is opened and completed once, in order."""
    monkeypatch.setattr(bulk, "_UPDATES_FROM", oldest)
    count = 2 * bulk._PIECE + 3
    mail_queue.send(count)
    jobs = mail_queue.claim(limit=count)
    results = Results(mail_queue.models, "w1")
    with mail_queue.database.work() as connection:
        items = [HandOver(job, 1, "default") for job in jobs]
        assert len(results.hand_over(connection, items, utcnow())) == count
        told = [mail_queue.result(job, decided("sent"), ms=job.id + 0.5) for job in jobs]
        written, lost = results.finish(connection, told, utcnow())
    assert (len(written), lost) == (count, [])
    rows = mail_queue.rows("Attempt")
    assert [(row.message, row.ms) for row in rows] == [(job.id, job.id + 0.5) for job in jobs]
    assert {row.state for row in mail_queue.rows("Message")} == {"sent"}
    assert {row.state for row in mail_queue.rows("Recipient")} == {"accepted"}
