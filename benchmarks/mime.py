"""How long it takes to render a message: ours, Flask-Mail's and the standard library's.

All contenders are timed in turns within one run, and the best of several rounds counts, so that the
ratios hold on a busy machine too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

import flask
import flask_mail

from benchmarks.result import Result, circumstances
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.mime import build, sender_block

NOW = datetime.now(UTC)
TOKEN = "0123456789abcdef0123456789abcdef"
SENDER = "App <app@app.example>"
TO = "Ada Lovelace <ada@example.com>"
LINE = "Dear Ada, this is one of the lines that a friendly mail is made of.\n"

Render = Callable[[], bytes]


def ours(subject: str, body: str, html: str | None, file: bytes | None) -> Render:
    """Return the way of a message through build() and the sender block."""

    def render() -> bytes:
        message = Message(subject, [TO], body, html)
        if file is not None:
            message.attach("report.pdf", "application/pdf", file)
        built = build(message, now=NOW, domain="app.example", token=TOKEN)
        return sender_block(SENDER, trace={"X-SMTPAdmin-Attempt": "1"}) + built.content

    return render


def flask_mails(subject: str, body: str, html: str | None, file: bytes | None) -> Render:
    """Return Flask-Mail's way, in its app context."""

    def render() -> bytes:
        message = flask_mail.Message(subject, [TO], body, html, sender=SENDER)
        if file is not None:
            message.attach("report.pdf", "application/pdf", file)
        return message.as_bytes()

    return render


def email_messages(subject: str, body: str, html: str | None, file: bytes | None) -> Render:
    """Return the way of EmailMessage with the SMTP policy."""

    def render() -> bytes:
        message = EmailMessage(policy=SMTP)
        message["Subject"] = subject
        message["From"] = SENDER
        message["To"] = TO
        message["Date"] = format_datetime(NOW)
        message["Message-ID"] = make_msgid(domain="app.example")
        message.set_content(body)
        if html is not None:
            message.add_alternative(html, subtype="html")
        if file is not None:
            message.add_attachment(
                file, maintype="application", subtype="pdf", filename="report.pdf"
            )
        return message.as_bytes()

    return render


def best(renders: list[Render], rounds: int, seconds: float) -> list[float]:
    """Return the shortest time per call of each, in milliseconds."""
    shortest = [float("inf")] * len(renders)
    for _ in range(rounds):
        for at, render in enumerate(renders):
            calls, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds:
                render()
                calls += 1
            shortest[at] = min(shortest[at], spent / calls * 1000)
    return shortest


def main() -> None:
    """Time all mails and save the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.1, help="per contender and round")
    options = parser.parse_args()
    text = (LINE * 40)[:2048]
    latin = text.replace("friendly", "fröhliche")
    mails: dict[str, tuple[str, str, str | None, bytes | None]] = {
        "2 KB text": ("Welcome to the app", text, None, None),
        "2 KB text, Latin": ("Grüße aus der App", latin, None, None),
        "2 KB text and 3 KB HTML": ("Welcome to the app", text, f"<p>{text * 2}"[:3072], None),
        "2 KB Latin and 3 KB HTML": ("Grüße", latin, f"<p>{latin * 2}"[:3072], None),
        "2 KB text, 1 MB file": ("Your report", text, None, bytes(range(256)) * 4096),
    }
    app = flask.Flask("benchmark")
    app.config["MAIL_DEFAULT_SENDER"] = SENDER
    flask_mail.Mail(app)
    rows = []
    with app.app_context():
        for name, mail in mails.items():
            ways = [ours(*mail), flask_mails(*mail), email_messages(*mail)]
            mine, *others = best(ways, options.rounds, options.seconds)
            ratios = [f"{other:.3f} ({other / mine:.1f}x)" for other in others]
            rows.append([name, f"{mine:.3f}", *ratios])
    Result(
        name="mime",
        title="Rendering a message, milliseconds of the best round",
        columns=("message", "this package", "Flask-Mail", "EmailMessage"),
        rows=rows,
        circumstances=circumstances(),
    ).save()


if __name__ == "__main__":
    main()
