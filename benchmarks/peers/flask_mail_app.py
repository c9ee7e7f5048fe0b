"""An app with Flask-Mail, and the function that its jobs call: one job a mail."""

from __future__ import annotations

import os

from flask import Flask
from flask_mail import Mail, Message

from benchmarks import mails

app = Flask("bench")
app.config.update(
    MAIL_SERVER="127.0.0.1",
    MAIL_PORT=int(os.environ.get("BENCH_PORT", "0")),
    MAIL_DEFAULT_SENDER=mails.SENDER,
)
mail = Mail(app)


def message(number: int) -> Message:
    """Return one of the mails."""
    return Message(mails.subject(number), [mails.recipient(number)], mails.BODY)


def deliver(number: int) -> None:
    """Send one mail; Flask-Mail connects for each ``send``."""
    with app.app_context():
        mail.send(message(number))
