"""The plain text of a mail, made of its HTML template: the tags of the template stay in place."""

from __future__ import annotations

import re
from typing import Final

from flask_smtpadmin.core.mail.plain import plain_text

_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
#: Stand for a tag while the HTML is read; no mail has these characters (Unicode: private use).
_MARK: Final = re.compile("\ue000(\\d+)\ue001")


def text_of(html: str) -> str:
    """Return the template of the plain text for the template ``html``."""
    tags: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        tags.append(found[0])
        return f"\ue000{len(tags) - 1}\ue001"

    text = plain_text(_TAG.sub(put_aside, html))
    return _MARK.sub(lambda found: tags[int(found[1])], text)
