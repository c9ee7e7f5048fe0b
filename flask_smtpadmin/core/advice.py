"""What happened, why, and what to do about it, for every cause of failure."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Advice:
    """One cause of failure, explained; ``steps`` in the order in which to try them.

    With a provider named, the first step may be one that only its customers have.
    ``retry`` and ``scope`` are what the cause means as a rule (see ``outcome.Outcome``).
    """

    cause: str
    family: str
    retry: str
    scope: str
    what: str
    why: str
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """The steps as one line."""
        return " ".join(self.steps)

    def document(self) -> dict[str, Any]:
        """Return what pages and JSON show."""
        return {"what": self.what, "why": self.why, "steps": list(self.steps)}


#: What is said about a cause that this version does not know.
UNKNOWN: Final = "server_busy"


def _read(name: str) -> str:
    return resources.files("flask_smtpadmin.core").joinpath("data", name).read_text("utf-8")


@functools.cache
def causes() -> Mapping[str, Advice]:
    """Return the advice on every cause, by its name."""
    text = _read("causes.json")
    return {
        name: Advice(
            cause=name,
            family=row["family"],
            retry=row["retry"],
            scope=row["scope"],
            what=row["what"],
            why=row["why"],
            steps=tuple(row["do"]),
        )
        for name, row in json.loads(text).items()
    }


@functools.cache
def first_steps() -> Mapping[str, Mapping[str, str]]:
    """Return what to do first at single providers: by cause, then by key of a preset."""
    rows = json.loads(_read("first_steps.json"))
    return {
        cause: {key: step for keys, step in steps.items() for key in keys.split()}
        for cause, steps in rows.items()
    }


@functools.lru_cache(maxsize=512)
def advice(cause: str, provider: str = "") -> Advice:
    """Return the advice on ``cause``, for customers of ``provider``.

    That is the key of a preset, with or without its region (``ses:eu-west-1``).
    """
    known = causes().get(cause, causes()[UNKNOWN])
    first = first_steps().get(known.cause, {}).get(provider.partition(":")[0])
    return known if first is None else replace(known, steps=(first, *known.steps))


causes(), first_steps()  # read now: what fails later may be that no more files can be opened
