"""Rows as a file: CSV that spreadsheets open as it is and run nothing of, and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from flask_smtpadmin.core.rows import MessageRow

#: A cell that begins so would be a formula; an apostrophe in front makes it text.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Tells spreadsheets that it is UTF-8.
BOM: Final = "\ufeff"
#: What an export has of each message.
COLUMNS: Final = (
    "id",
    "message_id",
    "state",
    "state_at",
    "created_at",
    "first_recipient",
    "recipients_total",
    "subject",
    "type",
    "server",
    "sent_via",
    "attempts",
    "failures",
    "cause",
    "error",
    "key",
    "resent_from",
)
#: Columns that hold addresses.
ADDRESSES: Final = ("first_recipient", "error", "subject")


def exported(row: MessageRow, shown: Callable[[str], str]) -> dict[str, object]:
    """Return what an export has of one message; ``shown`` masks addresses where it must."""
    document = row.document()
    return {
        name: shown(value) if name in ADDRESSES and isinstance(value, str) else value
        for name, value in ((name, document[name]) for name in COLUMNS)
    }


def lines(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Yield the lines of a CSV file (RFC 4180), byte order mark and heading first."""
    yield BOM + _line(COLUMNS)
    for row in rows:
        yield _line(_cell(row[name]) for name in COLUMNS)


def documents(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Yield the parts of one JSON document, ``{"messages": [...]}``, a message a line."""
    yield '{"messages": [\n'
    for at, row in enumerate(rows):
        yield f"{',' if at else ''}{json.dumps(row)}\n"
    yield "]}\n"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
