"""``mail.queue``: the Python twin of ``flask smtp queue``, in the shapes of its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from flask_smtpadmin.core.errors import InvalidSearch, NotFound
from flask_smtpadmin.core.rows import Filter, Range
from flask_smtpadmin.core.states import State
from flask_smtpadmin.posting import release_to, resend, source
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

    def mark_sent(self, id: int) -> dict[str, Any]:  # noqa: A002 - the column's name
        """Settle an uncertain message as sent; return it.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is not uncertain.
        """
        current_state().queue.mark_sent(id)
        return self.get(id)

    def delete(self, id: int) -> dict[str, int]:  # noqa: A002 - the column's name
        """Remove a message with its attempts for good.

        Raises:
            NotFound: there is none with this id.
            WrongState: a worker holds it.
        """
        current_state().queue.delete(id)
        return {"deleted": 1}

    def release(self, id: int, *, to: str = "") -> dict[str, Any]:  # noqa: A002 - the column's name
        """Let a caught message go out whatever MODE is, and return it.

        ``to``: a copy goes to this address alone, and is returned; the caught one stays.

        Raises:
            NotFound: there is none with this id.
            WrongState: it is not caught.
            InvalidMessage: ``to`` is no address, or the content is no longer kept.
        """
        state = current_state()
        if to:
            return self.get(release_to(state, id, to).id)
        state.queue.release(id)
        return self.get(id)

    def release_all(self, **wanted: Any) -> dict[str, int]:
        """Let all caught messages that match go out, and return ``{"released": n}``.

        ``q``, ``type``, ``server`` and ``range`` as for :meth:`list`; none: all.
        """
        caught = Filter(**{**wanted, "state": "caught"})
        return {"released": current_state().queue.release_all(caught)}

    def retry_all(self, **wanted: Any) -> dict[str, int]:
        """Start over all that match and have ended, and return ``{"retried": n}``.

        ``state``, ``q``, ``type``, ``server`` and ``range`` as for :meth:`list`; at least one.
        """
        return {"retried": current_state().queue.retry_all(_meant(wanted))}

    def cancel_all(self, **wanted: Any) -> dict[str, int]:
        """Stop all that match and wait, and return ``{"cancelled": n}``; see :meth:`retry_all`."""
        return {"cancelled": current_state().queue.cancel_all(_meant(wanted))}

    def delete_all(self, **wanted: Any) -> dict[str, int]:
        """Remove all that match but those being sent, and return ``{"deleted": n}``."""
        return {"deleted": current_state().queue.delete_all(_meant(wanted))}

    def export(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """Yield all messages that match, newest first, read some hundred at a time."""
        for row in current_state().queue.export(Filter(**wanted)):
            yield row.document()

    def source(self, id: int) -> bytes | None:  # noqa: A002 - the column's name
        """Return a message as mail programs read it (``.eml``); None: it is no longer kept.

        The audit trail tells of it, as of every look at what a message says.

        Raises:
            NotFound: there is none with this id.
        """
        state = current_state()
        found = source(state, id)
        if found is not None:
            state.audit.record("message.read", f"message:{id}", {"part": "source"})
        return found

    def failures(self) -> dict[str, Any]:
        """Return ``{"failures": [{"cause", "count", "replayable", "newest"}]}`` of 24 hours."""
        groups = current_state().summary.failures()
        return {"failures": [group.document() for group in groups]}

    def replay(self, cause: str) -> dict[str, int]:
        """Start over what is dead or uncertain for a cause, and return ``{"replayed": n}``.

        ``cause`` as :meth:`failures` names it.
        """
        return {"replayed": current_state().queue.replay(cause)}

    def history(self) -> dict[str, Any]:
        """Return what was sent and failed in 24 ``hours`` and 30 ``days``, as the chart shows it.

        And which domains refused recipients in 24 hours.
        """
        return current_state().summary.picture().history.document()

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


def _meant(wanted: Mapping[str, Any]) -> Filter:
    """Return the filter of a wide verb; without any it would mean every message there is."""
    found = Filter(**wanted)
    if not found.document():
        raise InvalidSearch("Name what is meant: state, q, type, server or range.")
    return found
