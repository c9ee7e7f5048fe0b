"""The plain text of a message, for whoever may read what messages say."""

from __future__ import annotations

import email
from email import policy
from email.message import MIMEPart
from typing import Final

from flask_smtpadmin.state import current_state

#: Characters of text that a page shows.
LIMIT: Final = 20_000


def text_of(number: int) -> str | None:
    """Return the text part of a message; None when there is none or it is no longer kept."""
    content = current_state().queue.content(number)
    if not content:
        return None
    parsed = email.message_from_bytes(content, policy=policy.default)
    part = parsed.get_body(preferencelist=("plain",))
    return _text(part)[:LIMIT] if part is not None else None


def _text(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a charset that Python does not know
        return data.decode("utf-8", "replace")
