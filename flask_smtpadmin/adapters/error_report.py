"""One log record as a mail tells it: made where it happened, sent from elsewhere."""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask import has_request_context, request

from flask_smtpadmin.adapters.error_groups import Group
from flask_smtpadmin.core.mail.address import Mailbox
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.redact import clean

#: Characters of message and traceback that are mailed; the middle of a longer one is left out.
MOST_TEXT: Final = 40_000
#: Bytes of the message that the subject shows.
_SUBJECT: Final = 120
#: Places that a mail about many lists.
_LISTED: Final = 50
#: RFC 3834: no holiday notes, please.
_AUTOMATIC: Final = {"Auto-Submitted": "auto-generated"}


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, in words; nothing of the record or the request is kept.

    ``place`` tells one error from another: logger, file and line (of the raise, where there is
    an exception), type of the exception. ``text`` is the message, below it the traceback.
    """

    place: Hashable
    level: str
    message: str
    text: str
    facts: tuple[tuple[str, str], ...]

    @property
    def where(self) -> str:
        """Logger and line in one line of text."""
        return " ".join(value for name, value in self.facts if name in {"Logger", "Where"})


def report_of(record: logging.LogRecord, formatter: logging.Formatter | None) -> Report:
    """Read a record in the context in which it was logged; ``formatter`` is the app's own."""
    message = _message(record)
    where, error = _origin(record)
    facts = [
        ("Level", record.levelname),
        ("Logger", record.name),
        ("Where", where),
        ("Error", error),
        ("Request", _request()),
        ("Host", f"{socket.gethostname()}, process {os.getpid()}"),
        ("Time", f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M:%S} UTC"),
    ]
    return Report(
        place=(record.name, where, error),
        level=record.levelname,
        message=message,
        text=_shortened(formatter.format(record) if formatter else _text(record, message)),
        facts=tuple((name, clean(value)) for name, value in facts if value),
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the mails of one handler: to whom, and how many minutes a group lasts."""

    to: Sequence[Mailbox]
    sender: Mailbox | None
    minutes: float

    def first(self, report: Report, app_name: str) -> Message:
        """Return the mail about an error that was not seen lately."""
        note = f"The same error is counted for {self.minutes:g} minutes, and told in one mail."
        return self._message(
            f"{app_name}: {report.level}: {report.message}",
            _body(app_name, report, "", note),
        )

    def again(self, group: Group[Report], app_name: str) -> Message:
        """Return the mail about what came after a first one."""
        times = "once" if group.more == 1 else f"{group.more:,} times"
        lead = f"It happened {times} more in {self.minutes:g} minutes. The last time:\n\n"
        return self._message(
            f"{app_name}: {group.last.level}: {times} more: {group.last.message}",
            _body(app_name, group.last, lead, ""),
        )

    def many(self, groups: Sequence[Group[Report]], app_name: str) -> Message:
        """Return the mail about errors that were too many to be told one by one."""
        total = sum(group.more + 1 for group in groups)
        lines = [
            f"{group.more + 1:,} x {group.last.level}: {clean(group.last.message, limit=_SUBJECT)}"
            f"\n    {group.last.where}"
            for group in groups[:_LISTED]
        ]
        if len(groups) > _LISTED:
            lines.append(f"and {len(groups) - _LISTED:,} more kinds of errors")
        lead = "So many different errors came at once that these were not told one by one:"
        return self._message(
            f"{app_name}: {total:,} further errors", "\n\n".join([lead, *lines]) + "\n"
        )

    def _message(self, subject: str, body: str) -> Message:
        return Message(
            clean(subject, limit=_SUBJECT + 60),
            recipients=self.to,
            body=body,
            sender=self.sender,
            extra_headers=_AUTOMATIC,
        )


def _body(app_name: str, report: Report, lead: str, note: str) -> str:
    facts = [("App", app_name), *report.facts]
    table = "\n".join(f"{name + ':':<9}{value}" for name, value in facts)
    return "\n\n".join(part for part in (f"{lead}{table}", report.text, note) if part) + "\n"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit still tell of an error
        return f"{record.msg} {record.args!r}"


def _text(record: logging.LogRecord, message: str) -> str:
    parts = [message]
    if record.exc_info and record.exc_info[0] is not None:
        parts.append("".join(traceback.format_exception(*record.exc_info)).rstrip())
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n\n".join(parts)


def _origin(record: logging.LogRecord) -> tuple[str, str]:
    """Return the line that failed and the type of what it raised, "" where nothing was."""
    if not record.exc_info or record.exc_info[0] is None:
        return f"{record.pathname}:{record.lineno} in {record.funcName}", ""
    kind, _error, trace = record.exc_info
    frames = traceback.extract_tb(trace)
    if not frames:
        return f"{record.pathname}:{record.lineno} in {record.funcName}", kind.__qualname__
    last = frames[-1]
    return f"{last.filename}:{last.lineno} in {last.name}", kind.__qualname__


def _request() -> str:
    """Return method and path; queries, headers and bodies hold what no mail should."""
    return f"{request.method} {request.path}" if has_request_context() else ""


def _shortened(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    half = MOST_TEXT // 2
    return f"{text[:half]}\n\n[{len(text) - MOST_TEXT:,} characters left out]\n\n{text[-half:]}"
