"""Limits of a server as text: ``100/minute, 900 recipients/hour``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from flask_smtpadmin.core.rate import PERIODS
from flask_smtpadmin.core.settings.fields import LIMIT_NAMES
from flask_smtpadmin.core.words import mark, said

_RATE: Final = re.compile(rf"([0-9]+) ?(messages|recipients)? ?/ ?({'|'.join(PERIODS)})")
_SOME_LIMITS: Final = "100/minute, 5000/day or 900 recipients/hour"


def limits_text(limits: Mapping[str, int]) -> str:
    """Return limits as people write them: ``100/minute, 5000 recipients/day``."""
    return ", ".join(_limit_text(name, limits[name]) for name in LIMIT_NAMES if name in limits)


def _limit_text(name: str, number: int) -> str:
    unit, per, period = name.partition("per_")
    if not per or period not in PERIODS:
        return f"{name}={number}"
    return f"{number} recipients/{period}" if unit else f"{number}/{period}"


def limits_of(given: Mapping[str, Any] | str) -> dict[str, int]:
    """Return limits by name from a mapping, or from text as people or :func:`limits_text` write it.

    Raises:
        ValueError: with a sentence that names the reason.
    """
    found = given if isinstance(given, Mapping) else _limits_of_text(given)
    limits: dict[str, int] = {}
    for name, value in found.items():
        if name not in LIMIT_NAMES:
            raise ValueError(
                said(
                    "%(name)s is not a limit such as %(examples)s",
                    name=repr(name),
                    examples=_SOME_LIMITS,
                )
            )
        number = value if isinstance(value, int) and not isinstance(value, bool) else 0
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
            number = int(value)
        if number < 1:
            raise ValueError(said("%(name)s is not a whole number above 0", name=name))
        limits[name] = number
    return limits


def _limits_of_text(text: str) -> Mapping[str, Any]:
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            raise ValueError(mark("it is not valid JSON")) from None
        return found if isinstance(found, dict) else {}
    return dict(_limit_of_text(item.strip()) for item in text.split(","))


def _limit_of_text(text: str) -> tuple[str, str]:
    found = _RATE.fullmatch(text)
    if found is None:
        name, _, value = text.partition("=")
        return name.strip(), value
    number, unit, period = found.groups()
    return f"recipients_per_{period}" if unit == "recipients" else f"per_{period}", number
