"""The mail that everybody sends: plain text, 2 KB with its headers, one recipient."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

SENDER = "bench@example.com"
SIZE = 2048
_LINE = "Dear Ada, this is one of the lines that a friendly mail is made of.\n"
BODY = (_LINE * 30)[:1700] + "\n"

#: The same words as templates: Jinja's and Django's languages agree on them.
TEMPLATE_SUBJECT = "{{ name }}, your order {{ number }} is on its way"
TEMPLATE_HTML = (
    "<h1>Hello {{ name }}</h1>\n<p>Your order {{ number }} of {{ day }} left us today.</p>\n<ul>\n"
    "{% for item in items %}<li>{{ item.title }}, {{ item.count }} pieces</li>\n{% endfor %}</ul>\n"
    "{% if note %}<p>{{ note }}</p>\n{% endif %}"
    '<p><a href="{{ link }}">Follow it on its way</a></p>\n'
)
TEMPLATE_TEXT = (
    "Hello {{ name }}\n\nYour order {{ number }} of {{ day }} left us today.\n\n"
    "{% for item in items %}- {{ item.title }}, {{ item.count }} pieces\n{% endfor %}\n"
    "{% if note %}{{ note }}\n\n{% endif %}Follow it on its way: {{ link }}\n"
)


def values(number: int) -> dict[str, object]:
    """Return what goes into the templates for one person."""
    return {
        "name": f"Ada {number}",
        "number": f"2026-{number}",
        "day": "29 November",
        "items": [{"title": "Notebook", "count": 2}, {"title": "Pencil & eraser", "count": 12}],
        "note": "Please ring twice." if number % 2 else "",
        "link": f"https://shop.example.com/orders/{number}",
    }


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
