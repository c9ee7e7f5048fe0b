"""The test message: what somebody finds in the inbox when a server has been set up."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Final

from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.settings import Server

_TEXT: Final = """\
It works.

{name} can send e-mail through this server:

    Server   {place}
    Security {security}
    Sent     {when}

This is a test that somebody started on the e-mail pages of {name}.
There is nothing to do, and nobody is waiting for an answer.
"""
_ROW: Final = (
    '<tr><td style="padding:4px 16px 4px 0;color:#667085">{}</td>'
    '<td style="padding:4px 0;color:#101828">{}</td></tr>'
)
_HTML: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{subject}</title></head>
<body style="margin:0;padding:32px 16px;background:#f2f4f7;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:480px;margin:0 auto;padding:32px;background:#fff;border-radius:12px">
<p style="margin:0 0 8px;font-size:24px;font-weight:600;color:#027a48">It works.</p>
<p style="margin:0 0 20px;color:#344054">{name} can send e-mail through this server:</p>
<table role="presentation" style="border-collapse:collapse;font-size:14px">{rows}</table>
<p style="margin:24px 0 0;font-size:13px;color:#667085">This is a test that somebody started on
the e-mail pages of {name}. There is nothing to do, and nobody is waiting for an answer.</p>
</div></body></html>
"""
_SECURITY: Final = {
    "implicit": "encrypted from the first byte (TLS)",
    "starttls": "encrypted (STARTTLS)",
    "none": "not encrypted",
}


def test_message(server: Server, to: str, *, now: datetime) -> Message:
    """Return the test message for ``to``; ``now`` is aware."""
    name = server.from_name or "This app"
    facts = {
        "Server": f"{server.host}:{server.port}" if server.host else server.engine,
        "Security": _SECURITY[server.tls_mode] if server.host else "stays on this machine",
        "Sent": f"{now:%Y-%m-%d %H:%M:%S} UTC",
    }
    subject = f"Test message from {name}"
    rows = "".join(_ROW.format(escape(key), escape(value)) for key, value in facts.items())
    return Message(
        subject,
        recipients=[to],
        body=_TEXT.format(
            name=name, place=facts["Server"], security=facts["Security"], when=facts["Sent"]
        ),
        html=_HTML.format(subject=escape(subject), name=escape(name), rows=rows),
        extra_headers={"Auto-Submitted": "auto-generated"},  # RFC 3834: no holiday notes, please
    )
