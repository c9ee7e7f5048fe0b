"""The language of a page: which one, and its words, numbers and dates.

Where the app has set up Flask-Babel, its choice holds; else the browser's wishes do. The words
come from gettext catalogues, ``translations/<code>/LC_MESSAGES/smtpadmin.mo``; what a catalogue
lacks stays English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from typing import Any, Final

from flask import current_app, g, has_request_context, request
from markupsafe import escape

from flask_smtpadmin.core.words import Said, mark

__all__ = ["ENGLISH", "LANGUAGES", "Language", "format_number", "gettext", "language", "mark"]
__all__ += ["ngettext", "spoken"]


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the pages.

    ``code`` names the catalogue, ``tag`` is for HTML (BCP 47); ``thousands`` and ``point`` stand
    in numbers.
    """

    code: str
    tag: str
    thousands: str
    point: str


ENGLISH: Final = Language("en", "en", ",", ".")
LANGUAGES: Final[Mapping[str, Language]] = {
    "en": ENGLISH,
    "de": Language("de", "de", ".", ","),
    "fr": Language("fr", "fr", "\N{NARROW NO-BREAK SPACE}", ","),
    "es": Language("es", "es", ".", ","),
    "zh": Language("zh", "zh-Hans", ",", "."),
}


def language() -> Language:
    """Return the language of this request; English outside of one."""
    if not has_request_context():
        return ENGLISH
    if "smtpadmin_language" not in g:
        g.smtpadmin_language = _babels() if "babel" in current_app.extensions else _browsers()
    chosen: Language = g.smtpadmin_language
    return chosen


def gettext(text: str, /, **values: object) -> str:
    """Return ``text`` in the language of the page, with ``%(name)s`` replaced by ``values``.

    A sentence that the core has ``said`` brings its values along. The result is markup, with
    everything else in it escaped, if one of the values is.
    """
    if isinstance(text, Said):
        kept = text.values.items()
        values = {name: gettext(it) if isinstance(it, Said) else it for name, it in kept}
        if text.many:
            return ngettext(text.text, text.many, text.number, **values)
        text = text.text
    if not text:  # which names the header of a catalogue
        return ""
    return _filled(_catalogue(language().code).gettext(text), values)


def ngettext(one: str, many: str, count: int, /, **values: object) -> str:
    """Return ``one`` or ``many``, as the language wants it for ``count``, filled as by ``gettext``.

    ``%(count)s`` is ``count`` as people read numbers.
    """
    values.setdefault("count", format_number(count))
    return _filled(_catalogue(language().code).ngettext(one, many, count), values)


def spoken(error: Exception) -> str:
    """Return what an error says, in the language of the page."""
    said = error.args[0] if error.args else str(error)
    return gettext(said)


def format_number(value: float, digits: int = 0) -> str:
    """Return a number with the marks of the language: ``12,345.6`` or ``12.345,6``."""
    marks = language()
    whole, _, rest = f"{value:,.{digits}f}".partition(".")
    whole = whole.replace(",", marks.thousands)
    return f"{whole}{marks.point}{rest}" if rest else whole


def _filled(text: str, values: Mapping[str, object]) -> str:
    if not values:
        return text
    if any(hasattr(value, "__html__") for value in values.values()):
        return escape(text) % values
    return text % values


@cache
def _catalogue(code: str) -> NullTranslations:
    file = resources.files("flask_smtpadmin.web") / f"translations/{code}/LC_MESSAGES/smtpadmin.mo"
    if not file.is_file():  # English has none
        return NullTranslations()
    with file.open("rb") as opened:
        return GNUTranslations(opened)


def _browsers() -> Language:
    return LANGUAGES[request.accept_languages.best_match(list(LANGUAGES), default="en") or "en"]


def _babels() -> Language:
    """Return what Flask-Babel chose for this request, if it is one of ours."""
    from flask_babel import get_locale

    locale: Any = get_locale()
    return LANGUAGES.get(getattr(locale, "language", "en"), ENGLISH)
