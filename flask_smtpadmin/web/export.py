"""The messages of a filter as a file, sent while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Response, request, stream_with_context

from flask_smtpadmin.core import table
from flask_smtpadmin.core.audit_details import filtered
from flask_smtpadmin.core.errors import InvalidSearch
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web.language import gettext, spoken
from flask_smtpadmin.web.messages import asked_for, understood
from flask_smtpadmin.web.render import bare, shown_address


def messages_csv() -> Response:
    """Send the messages as CSV."""
    return _file("csv")


def messages_json() -> Response:
    """Send the messages as one JSON document, ``{"messages": [...]}``."""
    return _file("json")


def _file(form: str) -> Response:
    wanted = asked_for()
    try:
        _ = wanted.terms
        problem = "" if understood(wanted) else gettext("There is no such state or time.")
    except InvalidSearch as error:
        problem = spoken(error)
    if problem:
        title = gettext("This search cannot be understood")
        return bare("errors/error", status=400, icon="search", title=title, text=problem)
    if request.method != "HEAD":
        told = {"format": form, "filter": filtered(wanted)}
        current_state().audit.record("queue.download", "queue", told)
    rows = _rows(wanted)
    parts = table.lines(rows) if form == "csv" else table.documents(rows)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    response = Response(stream_with_context(parts), content_type=kind)
    if request.method == "HEAD":
        response.response = ()
    name = f"messages-{datetime.now(UTC):%Y-%m-%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _rows(wanted: Filter) -> Iterator[dict[str, object]]:
    for row in current_state().queue.export(wanted):
        yield table.exported(row, shown_address)
