"""Colours as ``#rrggbb``, and whether words in one can be read on another (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from typing import Final

#: What contrast text of the usual size needs.
READABLE: Final = 4.5
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_STEPS: Final = 40
#: sRGB is linear below this (IEC 61966-2-1).
_DARKEST: Final = 0.04045


def is_colour(text: str) -> bool:
    """Say whether ``text`` is a colour as this module takes it."""
    return _COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: 1 (none) to 21 (black on white)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(ground: str) -> str:
    """Return the ink that can be read on ``ground``: white where that is enough, else dark."""
    inks = ("#ffffff", "#10131a", "#000000")
    return next(ink for ink in inks if contrast(ink, ground) >= READABLE)


def readable_on(ground: str, colour: str, *, least: float = READABLE) -> str:
    """Return ``colour``, moved towards black or white until it can be read on ``ground``."""
    goal = max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, ground))
    moved = (_between(colour, goal, step / _STEPS) for step in range(_STEPS))
    return next((one for one in moved if contrast(one, ground) >= least), goal)


def _between(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return share / 12.92 if share <= _DARKEST else ((share + 0.055) / 1.055) ** 2.4
