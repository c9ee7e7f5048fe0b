"""What stands around a mail: the layout, and the app's header and footer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.content.dress import dress
from flask_smtpadmin.content.layout import direction_of, wrap
from flask_smtpadmin.content.palette import ACCENT
from flask_smtpadmin.core.email_type import Texts

_WHOLE: Final = re.compile(r"<html[\s>]", re.IGNORECASE)
_BODY: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_END: Final = re.compile(r"</body\s*>", re.IGNORECASE)
_NONE: Final = Texts("", "", "")


@dataclass(frozen=True, slots=True)
class Frame:
    """Header and footer, as templates; "" or None: nothing. ``accent``: of buttons and links."""

    header: Texts = _NONE
    footer: Texts = _NONE
    accent: str = ACCENT


def is_whole(html: str) -> bool:
    """Say whether ``html`` is a document of its own, and no fragment for the layout."""
    return _WHOLE.search(html) is not None


def framed_html(html: str, frame: Frame, *, title: str, language: str = "") -> str:
    """Return the document: a fragment in the layout, a whole document with both put into it."""
    header, footer = frame.header.html or "", frame.footer.html or ""
    if is_whole(html):
        return _inserted(html, header, footer)
    direction = direction_of(language)

    def dressed(source: str) -> str:
        return dress(source, accent=frame.accent, direction=direction)

    return wrap(
        dressed(html),
        title=title,
        header=dressed(header),
        footer=dressed(footer),
        language=language,
        accent=frame.accent,
    )


def framed_text(text: str, frame: Frame) -> str:
    """Return the plain text between the header's and the footer's."""
    parts = (frame.header.text or "", text, frame.footer.text or "")
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _inserted(html: str, header: str, footer: str) -> str:
    start = _BODY.search(html)
    at = start.end() if start else 0
    html = html[:at] + header + html[at:]
    ends = list(_END.finditer(html))
    at = ends[-1].start() if ends else len(html)
    return html[:at] + footer + html[at:]
