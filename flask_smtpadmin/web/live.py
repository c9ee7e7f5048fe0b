"""The moving parts of a page, for the script that fetches the page again to keep it up to date.

The script asks for the same address with a header of ours. The answer has no shell, takes nothing
out of the session, reads no content of messages, and is 304 as long as nothing has changed.
"""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any, Final

from flask import Response, make_response, request

from flask_smtpadmin.core.rows import MessageRow
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web.language import gettext as _

#: The request names the messages that it shows, "12,9,7", or "1"; the answer bears it, too, so that
#: a log-in page is not taken for one.
HEADER: Final = "Smtpadmin-Live"
#: Seconds between two looks; 0 is off. The browser remembers what was chosen.
CHOICES: Final = (0, 5, 15, 60)
USUAL: Final = 5
#: As many as a page of a list holds at most.
_MOST: Final = 100
#: Seconds for which the same answer may be called unchanged: its form tokens must not grow old.
_TOKEN_AGE: Final = 1200
#: What differs though nothing has happened: how long ago it was (the script counts on), the token.
_PASSING: Final = re.compile(r'(<time [^>]*>)[^<]*|(name="csrf_token" value=)"[^"]*"')


def asked() -> bool:
    """Say whether this request wants the moving parts alone."""
    return HEADER in request.headers


def answer(html: str) -> Response:
    """Return the parts, or 304 where the browser has them already."""
    response = make_response(html)
    response.set_etag(_digest(html))
    response.headers[HEADER] = "1"
    response.make_conditional(request)
    return response


def left(found: tuple[MessageRow, ...]) -> tuple[MessageRow, ...]:
    """Return the messages that the browser shows and that are not among ``found`` (any more).

    They no longer match the filter, or newer ones took their place; their rows stay and go on.
    """
    if not asked():
        return ()
    there = {row.id for row in found}
    return current_state().queue.some([number for number in _shown() if number not in there])


def words() -> dict[str, str]:
    """Return what the script says, in the language of the page."""
    return {
        "now": _("just now"),
        "soon": _("in a moment"),
        "ago": _("%(span)s ago"),
        "ahead": _("in %(span)s"),
        "seconds": _("%(seconds)s s"),
        "minutes": _("%(minutes)s min"),
        "hours": _("%(hours)s h"),
        "days": _("%(days)s d"),
        "updated": _("Updated %(ago)s"),
        "stale": _("Not updated since %(time)s."),
        "ticked": _("Paused while messages are ticked"),
        "dialog": _("Paused while a dialog is open"),
        "form": _("Paused while a form is in use"),
        "signed_out": _("The app wants you to sign in again."),
        "missing": _("It is no longer there."),
        "failed": _("The app answered %(status)s."),
        "away": _("The app cannot be reached."),
        "show": _("Show %(count)s new"),
        "gone": _("deleted"),
    }


def settings() -> dict[str, Any]:
    """Return what the bar with the refresh button needs: words, choices, the time here."""
    return {"words": words(), "choices": CHOICES, "usual": USUAL, "now": int(time.time())}


def _shown() -> tuple[int, ...]:
    given = request.headers[HEADER].split(",")[:_MOST]
    numbers = (int(text) for text in given if text.isascii() and text.isdecimal())
    return tuple(number for number in numbers if number <= LARGEST_ID)


def _digest(html: str) -> str:
    lasting = _PASSING.sub(r"\1\2", html)
    period = int(time.time() // _TOKEN_AGE)
    return hashlib.sha256(f"{period}\n{lasting}".encode()).hexdigest()[:32]
