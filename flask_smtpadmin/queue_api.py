"""``mail.queue``: the Python twin of ``flask smtp queue``, in the shapes of its JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.rows import Filter, Range
from flask_smtpadmin.core.states import State
from flask_smtpadmin.posting import resend
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
        """Return ``{"messages": [...], "next": cursor, "unfinished": bool}``, newest first.

        At most 100. ``q`` is a search as on the page (``to:ada@example.com after:2026-11-01``);
        ``unfinished``: it stopped after a moment and goes on at ``next``.

        Raises:
            InvalidSearch: a qualifier or date that is none; the text says what to type instead.
        """
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

    def resend(self, id: int, *, to: str = "") -> dict[str, Any]:  # noqa: A002 - the column's name
        """Send a message again as a new one, to ``to`` alone if given; return the new one.

        Raises:
            NotFound: there is none with this id.
            InvalidMessage: ``to`` is no address, or the content is no longer kept.
        """
        return self.get(resend(current_state(), id, to).id)

    def send_via(self, id: int, server: str) -> dict[str, Any]:  # noqa: A002 - the column's name
        """Send a message that waits or has ended through ``server``, now; return it.

        Raises:
            NotFound: there is no such message or server.
            WrongState: it is being sent, or was sent.
        """
        state = current_state()
        if server not in state.settings.snapshot().servers:
            raise NotFound("server", server)
        state.queue.send_via(id, server)
        return self.get(id)

    def purge(
        self, *, state: State | None = None, before: datetime | None = None
    ) -> dict[str, int]:
        """Remove messages that ended (or are in ``state``) and return ``{"purged": n}``."""
        return {"purged": current_state().queue.purge(state=state, before=before)}
