"""A server's words and what libraries make of them, without the password of the server.

A hostile server repeats what it heard, in this session or in one before, and at any step.
"""

from __future__ import annotations

from collections.abc import Callable

from flask_smtpadmin.core.redact import hider
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Phase
from flask_smtpadmin.transport.dial import Observer

Hide = Callable[[str], str]


def hider_for(server: Server) -> Hide:
    """Return what takes the server's password out of a text."""
    if not server.password:
        return str
    return hider((server.password, f"\0{server.username}\0{server.password}"))


def redacting(observer: Observer | None, hide: Hide) -> Observer:
    """Return what tells ``observer``, if there is one, of each step without the password."""

    def tell(phase: Phase, detail: str, reply: str) -> None:
        if observer is not None:
            observer(phase, hide(detail), hide(reply))

    return tell


def scrub(error: BaseException, hide: Hide) -> None:
    """Take the password out of an exception and those behind it: a traceback shows them all."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        item = waiting.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        item.args = tuple(_clean(part, hide) for part in item.args)
        for name in ("message", "smtp_error"):  # as aiosmtplib and smtplib call the reply
            if hasattr(item, name):
                setattr(item, name, _clean(getattr(item, name), hide))
        waiting += (item.__cause__, item.__context__)


def _clean(part: object, hide: Hide) -> object:
    if isinstance(part, str):
        return hide(part)
    if isinstance(part, bytes):
        text = part.decode("utf-8", "surrogateescape")
        return hide(text).encode("utf-8", "surrogateescape")
    return part
