"""Style sheets of a mail put where each mail program reads them: into the elements' own styles.

Gmail, Outlook and others leave out some or all of ``<style>``. The package css-inline does it, if
it is installed (the extra ``html``). It is written in Rust and works by recursion: HTML that is
nested too deep would end the process, so such a mail is left as it is.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Final

from flask_smtpadmin.core.mail.markup import VOID, Tag, pieces

if TYPE_CHECKING:
    from css_inline import CSSInliner

#: Depth and number of elements; a newsletter has some 40 and 3,000. 10,000 within each other were
#: borne on a stack of 8 MiB.
_DEEPEST: Final = 256
_MOST_TAGS: Final = 5_000
#: Elements times selectors, for each is compared with each: below a second.
_MOST_WORK: Final = 5_000_000
#: Characters of the result, for each element may take up the whole style sheet.
_LONGEST: Final = 2_000_000

_STYLE: Final = re.compile(r"<style[\s>]", re.IGNORECASE)
_TAG: Final = re.compile(r"<[A-Za-z]")
#: Readers differ over what is a tag within these, and over how long ``:has`` takes.
_UNSURE: Final = re.compile(
    r"<!\[CDATA\[|<(?:noscript|plaintext|svg|math)[\s>/]|:has\(", re.IGNORECASE
)
#: Conditions in the form that no parser of HTML but Outlook's keeps, and the form that all keep.
_IF: Final = re.compile(r"<!\[(if\s[^\]>]*+)\]>")
_END_IF: Final = re.compile(r"<!\[endif\]>")

log = logging.getLogger(__name__)


def inline_styles(html: str) -> str:
    """Return ``html`` with the rules of its style sheets in ``style`` attributes.

    What cannot stand there (media queries, ``:hover``) stays in ``<style>``. Nothing is loaded,
    from a file as little as from the network. ``html`` comes back as it is when css-inline is not
    installed, when there is no style sheet, and when one cannot be read: a mail without its
    colours is better than none.
    """
    if not _STYLE.search(html) or (inliner := _inliner()) is None:
        return html
    if (why := _beyond(html)) is not None:
        log.warning("The styles of an e-mail stay in its style sheet: %s", why)
        return html
    source = _END_IF.sub("<!--<![endif]-->", _IF.sub(r"<!--[\1]><!-->", html))
    try:
        inlined = inliner.inline(source)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic in Rust is no Exception
        log.warning("The styles of an e-mail stay in its style sheet: %s", error)
        return html
    return inlined if len(inlined) <= max(_LONGEST, len(html)) else html


@cache
def _inliner() -> CSSInliner | None:
    try:
        from css_inline import CSSInliner
    except ImportError:
        return None
    return CSSInliner(
        load_remote_stylesheets=False,
        keep_style_tags=True,
        keep_link_tags=True,
        keep_at_rules=True,
        remove_inlined_selectors=True,
    )


def _beyond(html: str) -> str | None:
    """Return why ``html`` is left alone, None when nothing speaks against it."""
    if found := _UNSURE.search(html):
        return f"{found[0].strip()} is in it"
    tags = len(_TAG.findall(html))
    if tags > _MOST_TAGS:
        return f"it has {tags} elements, more than {_MOST_TAGS}"
    css = sum(piece.raw.count("{") + piece.raw.count(",") for piece in _styles(html))
    if css * tags > _MOST_WORK:
        return f"{tags} elements times {css} selectors are too many"
    depth = _depth(html)
    return f"its elements are nested {depth} deep" if depth > _DEEPEST else None


def _styles(html: str) -> list[Tag]:
    return [tag for tag in pieces(html) if isinstance(tag, Tag) and tag.name == "style"]


def _depth(html: str) -> int:
    """Return how many elements are open at once, at most, counting those that end by themselves."""
    opened: Counter[str] = Counter()
    depth = deepest = 0
    for tag in pieces(html):
        if isinstance(tag, str) or tag.name in VOID:
            continue
        if not tag.end:
            opened[tag.name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif opened[tag.name]:
            opened[tag.name] -= 1
            depth -= 1
    return deepest
