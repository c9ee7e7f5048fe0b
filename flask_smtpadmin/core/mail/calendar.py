"""Invitations: a calendar object as mail programs expect it (RFC 5545, 5546, 6047)."""

from __future__ import annotations

import re
from typing import Final

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.headers import text_of

#: RFC 5546 1.4.
METHODS: Final = frozenset(
    {"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"}
)
_COMPONENTS: Final = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"})
_FOLD: Final = re.compile("\n[ \t]")
_FOLD_IN_BYTES: Final = re.compile(rb"\r?\n[ \t]")
_LINE_END: Final = re.compile("\r\n?|\n")
_PROPERTY: Final = re.compile(r'(?P<name>[A-Za-z0-9-]+)(?:;(?:"[^"]*"|[^":])*+)?:(?P<value>.*)')
_FIELD: Final = "ics"


def calendar_text(ics: object, method: object) -> tuple[str, str]:
    """Check a calendar object and return it as text, and its method in capitals.

    Only what would keep mail programs from showing it is looked at; what it says is the app's.

    Args:
        ics: ``BEGIN:VCALENDAR`` and so on; bytes are UTF-8.
        method: what is asked of the reader, ``REQUEST`` or another of :data:`METHODS`.

    Raises:
        InvalidMessage: mail programs could not use it; ``field`` is ``ics`` or ``method``.
    """
    wanted = text_of(method, "method").upper()
    if wanted not in METHODS:
        known = ", ".join(sorted(METHODS))
        raise InvalidMessage(f"{str(method)[:40]!r} is none of {known}", field="method")
    text = _LINE_END.sub("\n", _decoded(ics)).strip("\n")
    _check([line for line in _FOLD.sub("", text).split("\n") if line.strip()], wanted)
    return text.replace("\n", "\r\n") + "\r\n", wanted


def _decoded(ics: object) -> str:
    if not isinstance(ics, bytes | bytearray | memoryview):
        return text_of(ics, _FIELD).removeprefix("\ufeff")
    try:
        # it may have been folded between the bytes of one character
        return _FOLD_IN_BYTES.sub(b"", bytes(ics)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMessage(
            f"is not UTF-8 at byte {error.start}: a calendar in mail is", field=_FIELD
        ) from error


def _check(lines: list[str], method: str) -> None:
    """Check the content lines (RFC 5545 3.1), put together where they were folded."""
    if not lines or lines[0].strip().upper() != "BEGIN:VCALENDAR":
        raise InvalidMessage("a calendar begins with BEGIN:VCALENDAR", field=_FIELD)
    own: dict[str, str] = {}
    inner: set[str] = set()
    kinds: list[str] = []
    path: list[str] = []
    for line in lines:
        name, value = _property(line)
        if name == "BEGIN":
            path.append(value.upper())
            kinds.extend(path[1:] if len(path) == 2 and path[1] in _COMPONENTS else [])  # noqa: PLR2004 - in the calendar
        elif name == "END":
            if not path or path.pop() != value.upper():
                raise InvalidMessage(f"END:{value[:40]} ends what is not open", field=_FIELD)
        elif len(path) == 1:
            own.setdefault(name, value)
        elif len(path) > 1 and path[1] in _COMPONENTS:
            inner.add(name)
    if path:
        raise InvalidMessage(f"END:{path[-1][:40]} is missing", field=_FIELD)
    _check_content(own, inner, kinds, method)


def _check_content(own: dict[str, str], inner: set[str], kinds: list[str], method: str) -> None:
    stated = own.get("METHOD", "").strip().upper()
    if stated != method:
        says = f"says METHOD:{stated[:40]}" if stated else "has no line METHOD"
        raise InvalidMessage(
            f"the calendar {says}, the message {method}: both must be the same (RFC 6047 2.4)",
            field="method",
        )
    if not kinds:
        raise InvalidMessage("the calendar holds no VEVENT, and nothing alike", field=_FIELD)
    needed = {"UID", "DTSTAMP"} | (set() if method == "PUBLISH" else {"ORGANIZER"})
    missing = sorted(needed - inner)
    if own.get("VERSION") != "2.0":
        missing.insert(0, "VERSION:2.0")
    if missing:
        raise InvalidMessage(f"{missing[0]} is missing in the calendar", field=_FIELD)


def _property(line: str) -> tuple[str, str]:
    found = _PROPERTY.fullmatch(line)
    if found is None:
        raise InvalidMessage(f"{line[:60]!r} is no line of a calendar", field=_FIELD)
    return found["name"].upper(), found["value"].strip()
