"""Failures of one cause in the last 24 hours: what to do about it, and starting them over."""

from __future__ import annotations

from typing import Final

from flask import Response, request

from flask_smtpadmin.core.history import FailureGroup
from flask_smtpadmin.core.rows import NO_CAUSE
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import wording
from flask_smtpadmin.web.language import gettext, ngettext
from flask_smtpadmin.web.render import done, page

#: More than so many are started over only when that was confirmed.
SURE: Final = 100


def failure(cause: str) -> Response:
    """Explain one cause of failures and offer to start over what failed for it."""
    return _show(cause, sure=False)


def failure_replay(cause: str) -> Response:
    """Start over what is dead or uncertain for this cause; many only when that is confirmed."""
    group = _group(cause)
    if group.replayable > SURE and request.form.get("sure") != "1":
        return _show(cause, sure=True)
    count = current_state().queue.replay(cause)
    if not count:
        text = gettext("Nothing was changed: none of them is there any more.")
        return done(text, "overview", tone="warn")
    return done(ngettext("%(count)s queued again.", "%(count)s queued again.", count), "overview")


def _show(cause: str, *, sure: bool) -> Response:
    group = _group(cause)
    return page(
        "failure",
        here="Overview",
        group=group,
        cause=cause,
        advice=wording.advice_on(group.cause, None),
        many=group.replayable > SURE,
        sure=sure,
    )


def _group(cause: str) -> FailureGroup:
    name = "" if cause == NO_CAUSE else cause
    found = (group for group in current_state().summary.failures() if group.cause == name)
    return next(found, FailureGroup(name, 0, 0, None))
