"""The plain text of a mail, made of its HTML template: the tags of the template stay in place."""

from __future__ import annotations

import re
from typing import Final

from flask_smtpadmin.content.dress import without_preheader
from flask_smtpadmin.content.markup import TEMPLATE_TAG
from flask_smtpadmin.core.mail.plain import plain_text

#: A tag that the address of a link begins with.
_HREF: Final = re.compile(
    rf"""\bhref\s*+=\s*+["']?\s*+({TEMPLATE_TAG.pattern})""", re.IGNORECASE | re.DOTALL
)
#: Stand for a tag while the HTML is read; no mail has these characters (Unicode: private use).
_MARK: Final = "\ue000{}\ue001"
#: In front of that, for only what looks like an address of the web stays as that of a link.
_WEB: Final = "https://\ue002"
_MARKS: Final = re.compile(f"(?:{_WEB})?{_MARK.format('([0-9]+)')}")


def text_of(html: str) -> str:
    """Return the template of the plain text for the template ``html``."""
    addresses = set(_HREF.findall(html))
    tags: dict[str, int] = {}

    def put_aside(found: re.Match[str]) -> str:
        mark = _MARK.format(tags.setdefault(found[0], len(tags)))
        return _WEB + mark if found[0] in addresses else mark

    text = plain_text(TEMPLATE_TAG.sub(put_aside, without_preheader(html)))
    kept = list(tags)
    return _MARKS.sub(lambda found: kept[int(found[1])], text)
