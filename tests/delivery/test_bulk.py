"""Many rows in one statement: what goes in comes out, on every database."""

from __future__ import annotations

from support.queues import MailQueue, decided

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
