"""Messages that open accounts: how long what they say is kept, and what is left of their subject.

With a reset link or a one-time code whoever reads it takes the account. So it is kept for as long
as it takes to deliver it, and no list shows a code that stands in a subject.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from flask_smtpadmin.core.masks import LEFT_OUT
from flask_smtpadmin.core.states import State

#: With these nothing is left to be sent: what they say is wiped in the same transaction.
WIPED: Final[tuple[State, ...]] = ("sent", "cancelled", "expired")
#: These a person may send after all, for a while.
KEPT: Final[tuple[State, ...]] = ("dead", "partial", "uncertain", "caught")
KEPT_FOR: Final = timedelta(hours=24)

#: What has a digit, or is a link, and other words.
_WORD: Final = re.compile(r"(?P<telling>\S*(?:\d|://)\S*)|[^\W\d_]{4,}")


def kept_until(state: State, state_at: datetime, expires_at: datetime | None) -> datetime | None:
    """Return until when the content of a secret message is kept; None: until it has ended."""
    if state not in KEPT:
        return None
    latest = state_at + KEPT_FOR
    return latest if expires_at is None else min(latest, expires_at)


def veiled(subject: str) -> str:
    """Return a subject without the words in it that may be a code or a link."""
    return _WORD.sub(_shown, subject)


def _shown(word: re.Match[str]) -> str:
    """Return a word of a subject; one in capitals may be a code of letters."""
    telling = word["telling"] is not None or word[0].isupper()
    return LEFT_OUT if telling else word[0]
