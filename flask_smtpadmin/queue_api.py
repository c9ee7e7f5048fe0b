"""``mail.queue``: the Python twin of ``flask smtp queue``, in the shapes of its JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from flask_smtpadmin.core.rows import Filter, Range
from flask_smtpadmin.core.states import State
from flask_smtpadmin.state import current_state


class QueueAPI:
    """The messages of the current app; every method needs an app context."""

    def list(  # noqa: PLR0913 - the public verb, keywords only
        self,
        *,
        state: State | Literal["failed"] | None = None,
        q: str = "",
        type: str | None = None,  # noqa: A002 - the name that page and CLI use
        server: str | None = None,
        range: Range | None = None,  # noqa: A002 - as above
        cursor: str | None = None,
        per_page: int = 25,
    ) -> dict[str, Any]:
        """Return ``{"messages": [...], "next": cursor}``, newest first, at most 100."""
        wanted = Filter(state=state, q=q, type=type, server=server, range=range)
        return current_state().queue.list(wanted, cursor, per_page).document()

    def get(self, id: int) -> dict[str, Any]:  # noqa: A002 - the column's name
        """Return one message with ``recipients`` and ``attempts``, or raise NotFound."""
        return current_state().queue.get(id).document()

    def retry(self, id: int) -> dict[str, Any]:  # noqa: A002 - the column's name
        """Start a message over, or send one that waits now; return it.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is being sent, or was sent.
        """
        current_state().queue.retry(id)
        return self.get(id)

    def cancel(self, id: int) -> dict[str, Any]:  # noqa: A002 - the column's name
        """Stop a message that waits; return it.

        Raises:
            NotFound: there is none with this id.
            WrongState: it does not wait.
        """
        current_state().queue.cancel(id)
        return self.get(id)

    def purge(
        self, *, state: State | None = None, before: datetime | None = None
    ) -> dict[str, int]:
        """Remove messages that ended (or are in ``state``) and return ``{"purged": n}``."""
        return {"purged": current_state().queue.purge(state=state, before=before)}
