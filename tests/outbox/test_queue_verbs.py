"""What pages do with messages, by command and in Python: the same shapes, the same effects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin.core.errors import InvalidSearch, NotFound, QueueFull, WrongState
from flask_smtpadmin.storage.database import utcnow


def run(shop: Shop, *arguments: str, code: int = 0) -> Any:
    """Run ``flask smtp queue ... --json`` and return the document it prints."""
    result = shop.app.test_cli_runner().invoke(args=["smtp", "queue", *arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def text(shop: Shop, *arguments: str, code: int = 0) -> str:
    """Run ``flask smtp queue ...`` and return what it prints."""
    result = shop.app.test_cli_runner().invoke(args=["smtp", "queue", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def add(shop: Shop, state: str, **columns: Any) -> int:
    """Queue a message and put it straight into ``state``."""
    number = shop.mail.send(letter()).id
    table = shop.state.models.table("Message")
    values = {"state": state, "state_at": utcnow(), "run_at": None, **columns}
    with shop.state.database.write() as connection:
        connection.execute(sa.update(table).where(table.c.id == number).values(values))
    return number


@pytest.fixture
def shop(make_shop: Any) -> Shop:
    """Return a shop with two servers."""
    spare = {"spare": {"HOST": "spare.example.com"}}
    found: Shop = make_shop(SMTPADMIN_HOST="smtp.example.com", SMTPADMIN_SERVERS=spare)
    return found


def test_messages_are_deleted(shop: Shop) -> None:
    """By number and by filter; asked first, and never all there are by an empty filter."""
    one, two, three = (add(shop, state) for state in ("dead", "dead", "sent"))
    assert run(shop, "delete", str(one), code=2)["error"]["code"] == "usage"
    assert "Aborted" in text(shop, "delete", str(one), code=1)
    assert run(shop, "delete", str(one), "--yes") == {"deleted": 1}
    with pytest.raises(NotFound):
        shop.mail.queue.get(one)
    assert run(shop, "delete", "--state", "dead", "--yes") == {"deleted": 1}
    assert run(shop, "delete", "--yes", code=2)["error"]["code"] == "usage"
    with pytest.raises(InvalidSearch):
        shop.mail.queue.delete_all()
    assert shop.mail.queue.delete(three) == {"deleted": 1}
    assert shop.mail.queue.list()["messages"] == []
    assert two


def test_many_are_retried_and_cancelled(shop: Shop) -> None:
    """The filter is that of the list."""
    add(shop, "dead")
    add(shop, "cancelled")
    assert shop.mail.queue.retry_all(state="dead") == {"retried": 1}
    assert shop.mail.queue.cancel_all(state="queued", q="to:example.com") == {"cancelled": 1}
    for verb in (shop.mail.queue.retry_all, shop.mail.queue.cancel_all):
        with pytest.raises(InvalidSearch):
            verb(q="")


def test_a_message_goes_through_another_server(shop: Shop) -> None:
    """It is due there at once; a server that is not there is wrong usage."""
    number = add(shop, "dead")
    (row,) = run(shop, "send-via", "spare", str(number))["messages"]
    assert (row["state"], row["server"]) == ("queued", "spare")
    assert run(shop, "send-via", "nosuch", str(number), code=2)["error"]["code"] == "not_found"


def test_an_uncertain_message_is_settled(shop: Shop) -> None:
    """As sent; any other state refuses it."""
    number = add(shop, "uncertain")
    assert run(shop, "mark-sent", str(number))["messages"][0]["state"] == "sent"
    with pytest.raises(WrongState):
        shop.mail.queue.mark_sent(number)


def test_a_message_is_sent_again(shop: Shop) -> None:
    """As a new one that names the first, to its people or to one other address."""
    number = add(shop, "sent")
    (row,) = run(shop, "resend", str(number), "--to", "eve@example.org")["messages"]
    assert row["resent_from"] == number
    assert [one["address"] for one in row["recipients"]] == ["eve@example.org"]
    assert "is queued" in text(shop, "resend", str(number))


def test_a_message_is_printed_as_mail_programs_read_it(shop: Shop) -> None:
    """With a trace in the audit trail; once it is wiped, exit 1."""
    number = add(shop, "sent")
    printed = text(shop, "source", str(number))
    assert "Subject: " in printed
    assert shop.mail.queue.source(number).decode().splitlines() == printed.splitlines()
    entries = shop.app.test_cli_runner().invoke(args=["smtp", "audit", "--json"])
    assert "message.read" in entries.stdout
    with shop.state.database.write() as connection:
        connection.execute(sa.delete(shop.state.models.table("Content")))
    assert "no longer kept" in text(shop, "source", str(number), code=1)


def test_failures_by_cause_are_listed_and_replayed(shop: Shop) -> None:
    """The same groups as on the page; a replay queues what is dead or uncertain for the cause."""
    for state in ("dead", "uncertain", "partial"):
        add(shop, state, cause="recipient_unknown")
    add(shop, "dead", cause="auth_bad_credentials")
    found = run(shop, "failures")["failures"]
    assert [(one["cause"], one["count"], one["replayable"]) for one in found] == [
        ("recipient_unknown", 3, 2),
        ("auth_bad_credentials", 1, 1),
    ]
    assert shop.mail.queue.failures() == {"failures": found}
    assert "There is no such mailbox." in text(shop, "failures")
    assert run(shop, "replay", "recipient_unknown") == {"replayed": 2}
    assert run(shop, "replay", "recipient_unknown") == {"replayed": 0}
    assert "Nothing failed" not in text(shop, "failures")


def test_the_history_has_the_hours_and_days_of_the_chart(shop: Shop) -> None:
    """24 hours and 30 days, oldest first, and who refused recipients."""
    document = run(shop, "history")
    assert (len(document["hours"]), len(document["days"])) == (24, 30)
    assert set(document["hours"][0]) == {"begin", "sent", "failed"}
    assert document["refused_recipients"]["total"] == 0
    assert shop.mail.queue.history()["days"] == document["days"]
    assert "0 recipients refused" in text(shop, "history")


def test_an_export_in_python_has_all_that_match(shop: Shop) -> None:
    """In the shape of the list, however many pages that would be."""
    for _ in range(3):
        add(shop, "sent")
    add(shop, "dead")
    assert [row["state"] for row in shop.mail.queue.export(state="sent")] == ["sent"] * 3
    assert len(list(shop.mail.queue.export())) == 4


def test_critical_mail_is_sent_again_into_a_full_queue(make_shop: Callable[..., Shop]) -> None:
    """The tenth that is kept free for it is there for its copies, too, and for no others'."""
    shop = make_shop(SMTPADMIN_MAX_QUEUE=10)
    shop.mail.email_type("login", subject="Code", text="1234", critical=True)
    shop.mail.email_type("news", subject="News", text="None")
    (login,) = shop.mail.send_type("login", "ada@example.com")
    news = shop.mail.send_type("news", [f"user{number}@example.com" for number in range(9)])
    with pytest.raises(QueueFull):
        shop.mail.queue.resend(news[0].id)
    assert shop.mail.queue.resend(login.id)["state"] == "queued"
