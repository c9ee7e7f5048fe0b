"""What the numbers in a server's reply mean: reply codes and enhanced status codes, in words.

RFC 5321 and those that add to it name the reply codes; RFC 3463 and the registry of RFC 5248 the
enhanced ones.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")


@functools.cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    file = resources.files("flask_smtpadmin.core").joinpath("data", "codes.json")
    tables: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return tables


def enhanced_words(code: str | None) -> str:
    """Return what an enhanced status code says: ``"5.1.1"`` is "bad destination mailbox address".

    A detail that nobody registered is told by its subject; what is no such code gives "".
    """
    found = _ENHANCED.fullmatch(code or "")
    if found is None:
        return ""
    kind, subject, detail = (str(int(part)) for part in found.groups())
    tables = _tables()
    if kind == "2":
        return tables["classes"][kind]
    words = tables["details"].get(f"{subject}.{detail}")
    return words or f"{tables['subjects'].get(subject, tables['subjects']['0'])} problem"


def reply_words(code: int | None) -> str:
    """Return what a reply code says: ``550`` is "mailbox unavailable"; "" for an unknown one."""
    return _tables()["replies"].get(str(code), "")


_tables()  # read now: what fails later may be that no more files can be opened
