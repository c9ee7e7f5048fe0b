"""The audit trail as a file: CSV that no spreadsheet takes for formulas, or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from flask_smtpadmin.core.audit import Entry
from flask_smtpadmin.core.audit_words import sentence

#: What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_HEAD: Final = (
    "number", "at", "actor", "origin", "source", "action", "object", "text", "details",
)  # fmt: skip


def as_csv(entries: Iterable[Entry], hide: Callable[[str], str]) -> Iterator[str]:
    """Return the lines of a CSV file (RFC 4180), head first; ``hide`` masks each cell."""
    yield _line(_HEAD)
    for entry in entries:
        document = entry.document()
        document |= {"text": sentence(entry), "details": _json(document["details"])}
        yield _line([_cell(hide(str(document[name] or ""))) for name in _HEAD])


def as_json(entries: Iterable[Entry], hide: Callable[[str], str]) -> Iterator[str]:
    """Return ``{"entries": [...]}`` in pieces; ``hide`` masks each text."""
    yield '{"entries": ['
    mark = "\n"
    for entry in entries:
        yield mark + _json(_hidden(entry.document() | {"text": sentence(entry)}, hide))
        mark = ",\n"
    yield "\n]}\n"


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(item, hide) for name, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, hide) for item in value]
    return hide(value) if isinstance(value, str) else value


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
