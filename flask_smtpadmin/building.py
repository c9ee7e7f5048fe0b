"""Messages of one batch, rendered one after the other: what they are given, and their numbers."""

from __future__ import annotations

import logging
import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from functools import cache
from typing import Any, Final, Protocol, TypeAlias

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.mime import Built, Renderer
from flask_smtpadmin.core.mail.pictures import missing_pictures
from flask_smtpadmin.core.settings import Server, Snapshot

log = logging.getLogger(__name__)

_HOST_CHARACTERS: Final = re.compile(r"[^A-Za-z0-9.-]+")
#: Bytes of the token in a Message-ID.
_TOKEN: Final = 16
#: With the token before it, what a Message-ID may be.
_LONGEST_DOMAIN: Final = 190
#: Pictures that are missing in a batch, and are told.
_MOST_TOLD: Final = 10

#: What ``send`` takes; a ``flask_mail.Message`` is known by its attributes, hence Any.
Sendable: TypeAlias = Message | EmailMessage | Any


class Sendables(Protocol):
    """So many messages, gone through once."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sendable]: ...


@dataclass(frozen=True, slots=True)
class Later:
    """Messages that are written when they are asked for, so that few are in memory at a time."""

    count: int
    messages: Iterator[Sendable]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sendable]:
        return self.messages


def built_of(snapshot: Snapshot, messages: Sendables, now: datetime) -> Iterator[Built]:
    """Yield ``messages`` rendered with the subject prefix and Message-ID domain in force.

    Raises:
        InvalidMessage: now or then; ``.index`` says which of several it is.
    """
    default = snapshot.default
    renderer = Renderer(
        now=now,
        domain=domain_of(default),
        subject_prefix=default.subject_prefix,
        limit=snapshot["MAX_MESSAGE_SIZE"],
    )
    missing: dict[str, None] = {}
    for index, (message, token) in enumerate(zip(messages, tokens(len(messages)), strict=True)):
        try:
            yield renderer.render(message, token)
        except InvalidMessage as error:
            if len(messages) == 1:
                raise
            raise error.at(index) from error
        for cid in missing_pictures(message):
            missing[cid] = None
    for cid in list(missing)[:_MOST_TOLD]:
        log.warning("The HTML of a message shows cid:%.80s, which no attachment is", cid)


def tokens(count: int) -> list[str]:
    """Return ``count`` unguessable tokens of 128 bits, all asked of the system at once."""
    digits = secrets.token_hex(_TOKEN * count)
    return [digits[at : at + 2 * _TOKEN] for at in range(0, len(digits), 2 * _TOKEN)]


def domain_of(server: Server) -> str:
    """Return what stands right of the @ in a Message-ID: the sender's domain, else a host name."""
    own = server.from_email.rpartition("@")[2] or server.helo_name or _host()
    return _HOST_CHARACTERS.sub("", own).strip(".-")[:_LONGEST_DOMAIN] or "localhost"


@cache
def _host() -> str:
    return socket.gethostname()
