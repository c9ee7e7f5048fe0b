"""The mail that everybody sends: plain text, 2 KB with its headers, one recipient."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

SENDER = "bench@example.com"
SIZE = 2048
_LINE = "Dear Ada, this is one of the lines that a friendly mail is made of.\n"
BODY = (_LINE * 30)[:1700] + "\n"


def subject(number: int) -> str:
    """Return the subject of one mail."""
    return f"Number {number}"


def recipient(number: int) -> str:
    """Return the address that one mail goes to."""
    return f"r{number}@example.com"


def rendered(number: int) -> bytes:
    """Return one mail as bytes, for peers that render nothing themselves."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = subject(number), SENDER, recipient(number)
    mail["Message-ID"] = f"<{number}@example.com>"
    mail.set_content(BODY)
    content = mail.as_bytes()
    return content + b"." * (SIZE - 2 - len(content)) + b"\r\n"
