"""The colours of the layout in light and in dark, around one accent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from flask_smtpadmin.content.colours import ink_on, readable_on

#: The accent of the back office's own pages.
ACCENT: Final = "#4f46e5"
#: Colours look duller on a dark ground: more contrast than has to be.
_IN_THE_DARK: Final = 6.0


@dataclass(frozen=True, slots=True)
class Scheme:
    """The colours of one scheme; every text is read on ``card`` or ``page`` with 4.5:1."""

    page: str
    card: str
    ink: str
    body: str
    muted: str
    line: str
    sunken: str
    button: str
    button_ink: str
    link: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The two schemes."""

    light: Scheme
    dark: Scheme


@lru_cache(maxsize=16)
def palette(accent: str = ACCENT) -> Palette:
    """Return the colours around an accent (``#rrggbb``), moved where it could not be read."""
    dark_accent = readable_on("#171b21", accent, least=_IN_THE_DARK)
    light = Scheme(
        page="#f4f5f7",
        card="#ffffff",
        ink="#191c22",
        body="#3b424e",
        muted="#596170",
        line="#e4e7ec",
        sunken="#f1f3f6",
        button=accent,
        button_ink=ink_on(accent),
        link=readable_on("#ffffff", accent),
    )
    dark = Scheme(
        page="#0f1216",
        card="#171b21",
        ink="#f0f2f5",
        body="#cdd3dc",
        muted="#9aa4b2",
        line="#2b3139",
        sunken="#222830",
        button=dark_accent,
        button_ink=ink_on(dark_accent),
        link=dark_accent,
    )
    return Palette(light, dark)
