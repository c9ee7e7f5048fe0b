"""The package's own layout: a whole HTML document around the fragment that a mail consists of.

Tables and styles at the tags carry the look, so that it holds where style sheets are thrown away
(old Outlook, some web mail). A style sheet adds narrow screens and dark schemes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from importlib import resources
from typing import Final, Literal

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from flask_smtpadmin.content.dress import PREHEADER, SANS
from flask_smtpadmin.content.palette import ACCENT, Scheme, palette

#: Languages that are written from right to left.
_RIGHT_TO_LEFT: Final = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"}
)
# Keeps the words after the preheader out of the list of mails.
_FILLER: Final = Markup("&#847;&zwnj;&nbsp; ") * 50
_JINJA: Final = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)
_INITIAL: Final = "{{ app_name | first | default('') | upper }}"
_PREHEADER: Final = re.compile(re.escape(PREHEADER) + r"([^<]*+(?:<(?!/?div\b)[^<]*+)*+)</div>\s*")
#: class in the layout -> what it takes from a scheme
_LOOKS: Final = {
    "m-page": {"background-color": "page"},
    "m-card": {"background-color": "card"},
    "m-body": {"color": "body"},
    "m-ink": {"color": "ink"},
    "m-muted": {"color": "muted"},
    "m-line": {"border-color": "line"},
    "m-link": {"color": "link"},
    "m-quote": {"background-color": "sunken", "color": "body"},
    "m-code": {"background-color": "sunken", "color": "body"},
    "m-button": {"background-color": "button"},
    "m-on": {"color": "button_ink"},
}


def direction_of(language: str) -> Literal["ltr", "rtl"]:
    """Return how a language (``de``, ``pt-BR``) is written."""
    return "rtl" if re.split("[-_]", language.lower())[0] in _RIGHT_TO_LEFT else "ltr"


def wrap(  # noqa: PLR0913 - all that a document consists of, each by its name
    source: str,
    *,
    title: str,
    header: str = "",
    footer: str = "",
    language: str = "en",
    accent: str = ACCENT,
) -> str:
    """Return the template of a whole document around the template of what a mail says.

    Every part is a template, and may use ``app_name``; the result is compiled as one.

    Args:
        source: HTML, dressed already (:func:`flask_smtpadmin.content.dress.dress`). What its
            ``<p class="preheader">`` says is shown by lists of mails beside the subject.
        title: of the document, as text: the subject.
        header: HTML above the mail; "": the app's name.
        footer: HTML below it; "": the app's name.
        language: its tag; "": English.
        accent: colour of buttons and links, ``#rrggbb``.
    """
    preheader, content = _without_preheader(source)
    colours = palette(accent)
    safe = Markup  # templates of the code's or the admins', into which values come escaped
    return _layout().render(
        content=safe(content),
        title=safe(_escaped(title)),
        preheader=safe(preheader),
        header=safe(header),
        footer=safe(footer),
        app_name=safe("{{ app_name }}"),
        initial=safe(_INITIAL),
        language=language or "en",
        direction=direction_of(language),
        light=colours.light,
        rules=[safe(rule) for rule in _dark_rules(colours.dark)],
        outlook_rules=[safe(rule) for rule in _outlook_rules(colours.dark)],
        filler=_FILLER,
        sans=safe(SANS),
    )


def _without_preheader(source: str) -> tuple[str, str]:
    found = _PREHEADER.search(source)
    if found is None:
        return "", source
    return found[1].strip(), source[: found.start()] + source[found.end() :]


def _escaped(title: str) -> str:
    """Return a template of text as one of HTML: its values are escaped when they come in."""
    pieces = _JINJA.split(title)
    return "".join(one if at % 2 else escape(one) for at, one in enumerate(pieces))


def _dark_rules(dark: Scheme) -> Iterator[str]:
    for name, takes in _LOOKS.items():
        values = " ".join(f"{what}: {getattr(dark, of)} !important;" for what, of in takes.items())
        yield f".{name} {{ {values} }}"


def _outlook_rules(dark: Scheme) -> Iterator[str]:
    """Yield rules for Outlook.com and its apps, which mark what they have darkened themselves."""
    marks = {"color": "data-ogsc", "border-color": "data-ogsc", "background-color": "data-ogsb"}
    for name, takes in _LOOKS.items():
        for what, of in takes.items():
            yield f"[{marks[what]}] .{name} {{ {what}: {getattr(dark, of)} !important; }}"


@lru_cache(maxsize=1)
def _layout() -> Template:
    source = (resources.files("flask_smtpadmin.content") / "layout.html").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=False, lstrip_blocks=False
    )
    return environment.from_string(source)
