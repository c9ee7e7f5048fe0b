"""The public API as a typed app uses it; mypy --strict reads this, nothing runs it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from flask import Flask, Response
from flask_sqlalchemy import SQLAlchemy

from flask_smtpadmin import (
    Actor,
    Attachment,
    DeliveryError,
    InvalidMessage,
    Message,
    QueuedMessage,
    QueueFull,
    Receipt,
    SMTPAdmin,
    SMTPAdminError,
)

app = Flask(__name__)
db = SQLAlchemy(app)
mail = SMTPAdmin(app, db)
later = SMTPAdmin()
later.init_app(app, db)


@mail.access_check
def may(right: str) -> bool | Response:
    """Take the right's name, return a bool or a response."""
    return right == "view"


@mail.actor_loader
def actor() -> Actor | None:
    """Return who acts, or None."""
    return Actor(id="7", name="Ada", email="ada@example.com")


def send_all() -> list[QueuedMessage]:
    """Every argument of the sending verbs."""
    message = Message(
        "Welcome",
        recipients=["ada@example.com", ("Bob", "bob@example.com")],
        body="text",
        html="<p>html</p>",
        sender=("Us", "us@example.com"),
        attachments=[Attachment("a.txt", "text/plain", b"a")],
        unsubscribe=["https://example.com/off/1", "mailto:off@example.com"],
    )
    message.invite(b"BEGIN:VCALENDAR", method="CANCEL", filename="tea.ics")
    first: QueuedMessage = mail.send(
        message,
        type="welcome",
        priority="urgent",
        send_at=datetime.now(UTC) + timedelta(hours=1),
        expires_in=timedelta(days=1),
        key="welcome-7",
        server="backup",
        on_uncertain="hold",
        session=db.session,
    )
    more: list[QueuedMessage] = mail.send_many([message, EmailMessage()], keys=["a", "b"])
    return [first, *more]


def look(message: QueuedMessage) -> tuple[int, str, str, str | None, bool, datetime | None]:
    """What the caller gets back."""
    return (
        message.id,
        message.message_id,
        message.state,
        message.key,
        message.created,
        message.next_try_at,
    )


def send_at_once(message: Message) -> str:
    """Receipts and errors carry data."""
    try:
        receipt: Receipt = mail.send_now(message, server="default")
    except InvalidMessage as error:
        return error.field or ""
    except QueueFull as error:
        return str(error.limit + error.queued + error.asked)
    except DeliveryError as error:
        return f"{error.phase} {error.reply}"
    except SMTPAdminError as error:
        return error.code
    return receipt.reply


def record() -> list[str]:
    """What was sent inside the block."""
    with mail.record_messages() as outbox:
        mail.send(Message("a", recipients=["ada@example.com"]))
    return [message.subject for message in outbox if isinstance(message, Message)]
