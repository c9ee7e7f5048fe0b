"""Pictures that HTML shows out of the message itself (``cid:``, RFC 2392)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.parts import content_id

_SHOWN: Final = re.compile(r"""["'=(]\s*cid:(?P<cid>[^\s"'<>()]{1,200})""", re.IGNORECASE)


def missing_pictures(message: Any) -> list[str]:
    """Return what the HTML of ``message`` shows by ``cid:`` and no attachment is.

    Readers see a frame in its place. It is no error: an answer quotes what it answers, pictures
    included. Messages of the standard library, which bring their own structure, are not looked at.
    """
    if type(message) is Message and "alts" not in vars(message):  # or they would be made for this
        return []
    alternatives = getattr(message, "alts", None)
    html = alternatives.get("html") if isinstance(alternatives, dict) else None
    if not html or "cid:" not in str(html).lower():
        return []
    there = {content_id(attachment) for attachment in message.attachments or ()}
    shown = dict.fromkeys(unquote(found["cid"]) for found in _SHOWN.finditer(str(html)))
    return [cid for cid in shown if cid not in there]
