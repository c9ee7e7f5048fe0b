"""What happened, why, and what to do about it, for every cause of failure."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Advice:
    """One cause of failure, explained; ``steps`` in the order in which to try them.

    ``retry`` and ``scope`` are what the cause means as a rule (see ``replies.Outcome``).
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


@functools.cache
def causes() -> Mapping[str, Advice]:
    """Return the advice on every cause, by its name."""
    text = resources.files("flask_smtpadmin.core").joinpath("data/causes.json").read_text("utf-8")
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


def advice(cause: str, provider: str = "") -> Advice:
    """Return the advice on ``cause``."""
    return causes().get(cause, causes()[UNKNOWN])


causes()  # read now: what fails later may be that no more files can be opened
