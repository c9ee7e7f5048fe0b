"""The export: what spreadsheets make of it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from flask_smtpadmin.core.rows import MessageRow
from flask_smtpadmin.core.table import BOM, COLUMNS, exported, lines

_NOW = datetime(2026, 11, 28, tzinfo=UTC)


def _row(**values: object) -> MessageRow:
    given = dict.fromkeys(MessageRow.__dataclass_fields__)
    given |= {"id": 7, "message_id": "<a@b>", "state": "dead", "subject": "Hello"}
    moments = {"state_at": _NOW, "created_at": _NOW, "first_recipient": "ada@example.com"}
    return MessageRow(**{**given, **moments, **values})


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(begin):
    """What would be run gets an apostrophe in front, which spreadsheets read as text."""
    row = exported(_row(subject=f'{begin}HYPERLINK("x","y")'), str)
    text = "".join(lines([row]))
    assert text.startswith(BOM + "id,")
    (_, cells) = csv.reader(io.StringIO(text.removeprefix(BOM)))
    assert cells[COLUMNS.index("subject")] == f'\'{begin}HYPERLINK("x","y")'


def test_addresses_are_masked_where_they_stand():
    """Recipient, subject and error go through the mask; nothing else changes."""
    row = exported(_row(error="550 ada@example.com"), lambda text: text.replace("ada", "•"))
    assert (row["first_recipient"], row["error"]) == ("•@example.com", "550 •@example.com")
    assert row["message_id"] == "<a@b>"
