"""From a message as the app wrote it to rows in the outbox: one way for every sender."""

from __future__ import annotations

import logging
import re
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, cast

from sqlalchemy.orm import Session, scoped_session

from flask_smtpadmin.core.audit_details import recipient
from flask_smtpadmin.core.catching import Mode, mode_of
from flask_smtpadmin.core.collecting import seldom_collected
from flask_smtpadmin.core.errors import (
    ContentSecret,
    ContentWiped,
    InvalidMessage,
    NotFound,
    WrongState,
)
from flask_smtpadmin.core.handling import Handling, OnUncertain, sent_from
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.mail.again import once_more
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.mail.mime import Built, Renderer, sender_block
from flask_smtpadmin.core.mail.pictures import missing_pictures
from flask_smtpadmin.core.queued import Batch, Entry, QueuedMessage
from flask_smtpadmin.core.receipt import Receipt
from flask_smtpadmin.core.rows import MessageRow
from flask_smtpadmin.core.secrecy import veiled
from flask_smtpadmin.core.settings import Server, Snapshot
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.delivery import now as delivery_now
from flask_smtpadmin.delivery.policies import host_policy
from flask_smtpadmin.signals import announce, message_queued
from flask_smtpadmin.state import SETTINGS_AGE, State
from flask_smtpadmin.storage import joining
from flask_smtpadmin.storage.admission import Room

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


AnySession: TypeAlias = Session | scoped_session[Any]
log = logging.getLogger(__name__)
_HOST_CHARACTERS = re.compile(r"[^A-Za-z0-9.-]+")
_TOKEN = 16  # bytes
_MOST_TOLD = 10  # pictures that are missing in a batch
_LONGEST_DOMAIN = 190  # with the token before it, what a Message-ID may be


def post(
    state: State,
    messages: Sendables,
    handling: Handling,
    *,
    session: AnySession | Literal["own"] | None = None,
    undone: Callable[[], None] = lambda: None,
) -> list[QueuedMessage]:
    """Build ``messages`` and store them, all or none; the verbs' errors come from here.

    ``session`` is to be joined; ``"own"``: none is, whatever the caller has open.

    After the commit the doorbell rings and ``message_queued`` is sent for what is new; ``undone``
    is called instead when the caller's transaction came to nothing.
    """
    handling.check(len(messages))
    if not len(messages):
        return []
    snapshot = state.settings.snapshot(max_age=SETTINGS_AGE)
    if handling.server is not None and handling.server not in snapshot.servers:
        raise NotFound("server", handling.server)
    handling = replace(handling, kept_back=_kept_back(state, handling))
    joined = None if session == "own" else _session_to_join(state, session)
    with seldom_collected():
        return state.outbox.add(
            _written(snapshot, messages, handling),
            session=joined,
            room=Room(snapshot["MAX_QUEUE"], critical=handling.critical),
            committed=lambda new: _committed(state, new),
            undone=lambda _new: undone(),
        )


def _written(snapshot: Snapshot, messages: Sendables, handling: Handling) -> Batch:
    """Build ``messages`` as they are to be stored."""
    now, mode = datetime.now(UTC), mode_of(snapshot)
    built = _built(snapshot, messages, now)
    if handling.envelopes is not None:
        built = [sent_from(*pair) for pair in zip(built, handling.envelopes, strict=True)]
    if handling.secret:
        built = [replace(one, subject=veiled(one.subject)) for one in built]
    return _batch(built, handling, mode, now)


def post_recorded(
    state: State,
    messages: Sendables,
    handling: Handling,
    *,
    session: AnySession | None = None,
    written: Sequence[Any] | None = None,
) -> list[QueuedMessage]:
    """:func:`post` for the app's own mail: ``record_messages()`` lists what is new.

    ``written``: the objects to list, where ``messages`` were made of them.
    """
    if not state.hooks.recorders:  # nobody would look at them
        return post(state, messages, handling, session=session)
    messages = list(messages)
    originals = messages if written is None else written
    recorded = list(originals)
    queued = post(
        state, messages, handling, session=session, undone=lambda: state.hooks.forget(recorded)
    )
    recorded[:] = [one for one, row in zip(originals, queued, strict=True) if row.created]
    state.hooks.record(recorded)
    return queued


def hides(state: State, row: MessageRow) -> bool:
    """Say whether nobody may read what a message says.

    Developers may, of their own app while it runs in debug mode and catches its mail: the link
    in it is what they wait for, and it was meant for nobody else.
    """
    return row.secret and not (state.app.debug and row.state == "caught")


def readable(state: State, number: int) -> bytes | None:
    """Return the stored bytes of a message for a person, None when they are no longer kept.

    Raises:
        NotFound: there is no such message.
        ContentSecret: nobody may read it.
        SecretUnreadable: a developer may, and no key opens it.
    """
    content = state.queue.content(number)
    if content is not None:
        return content
    row = state.queue.get(number).message
    if not row.secret:
        return None
    if hides(state, row):
        raise ContentSecret
    body = state.queue.sealed(number)
    return None if body is None else state.seals.open(row.message_id, body)


def source(state: State, number: int) -> bytes | None:
    """Return a message as mail programs read it, None when its content is no longer kept.

    Its own From stands in front, as the server gets it; one that is only settled when it is sent
    is not there yet.

    Raises:
        NotFound, ContentSecret, SecretUnreadable: as of :func:`readable`.
    """
    sender = state.queue.get(number).message.sender
    content = readable(state, number)
    if content is None:
        return None
    try:
        return (sender_block(sender, trace={}) if sender else b"") + content
    except InvalidMessage:  # it is found out, and the message ended, when it is built
        return content


def resend(state: State, number: int, to: str = "") -> QueuedMessage:
    """Send a message again as a new one, linked to it, and return that.

    ``to``: the only recipient; "": those that the message had. A secret one goes to those only:
    who may have a reset link sent to another address takes the account.

    Raises:
        NotFound: there is no such message.
        InvalidMessage: ``to`` is no address or not allowed, or the content is no longer kept.
        ContentWiped: it is secret, and its content is no longer kept.
        SecretUnreadable: it is secret, and no key opens it.
        QueueFull, QueueUnavailable: as of :func:`post`.
    """
    return _again(state, number, to)


def release_to(state: State, number: int, to: str) -> QueuedMessage:
    """Send what was caught to ``to`` alone, whatever MODE is, as a new message; return that.

    The caught one stays as it is.

    Raises:
        NotFound, InvalidMessage, QueueFull, QueueUnavailable: as of :func:`resend`.
        WrongState: it is not caught.
    """
    found = state.queue.get(number).message.state
    if found != "caught":
        raise WrongState("release", found)
    told = recipient(to, state.audit.keys())
    return _again(state, number, to, action="release", sent_to=told)


def _again(state: State, number: int, to: str, **noted: Any) -> QueuedMessage:
    """Store a copy; one that is ``noted`` as released (see :meth:`Queue.link`) may go out."""
    address = parse_address(to, field="to") if to else None
    row = state.queue.get(number).message
    if row.secret and address is not None:
        raise InvalidMessage(mark("what it says is for its own recipients alone"), field="to")
    built = state.queue.stored(number)
    if row.secret:
        built = _unsealed(state, row, built)
    if built is None:
        raise InvalidMessage(
            "what it says is no longer kept, so it cannot be sent again", field="content"
        )
    snapshot, now = state.settings.snapshot(max_age=SETTINGS_AGE), datetime.now(UTC)
    token = f"{int(now.timestamp() * 1000):x}.{_tokens(1)[0]}@{_domain(snapshot.default)}"
    built = once_more(built, message_id=f"<{token}>", now=now, to=address)
    handling = Handling(
        type=row.type,
        priority=row.priority,
        secret=row.secret,
        expires_in=_left(row, now),
        server=row.server if row.server in snapshot.servers else None,
        on_uncertain=cast("OnUncertain | None", row.on_uncertain),
    )
    batch = _batch([built], handling, mode_of(snapshot), now)
    if noted:
        batch = Batch([Entry(built)], handling.terms(now=now, caught=False, cleared=True))
    (new,) = state.outbox.add_with(
        batch,
        lambda connection, new: state.queue.link(connection, number, new[0].id, **noted),
        room=Room(snapshot["MAX_QUEUE"]),
        committed=lambda new: _committed(state, new),
    )
    return new


def _batch(built: Sequence[Built], handling: Handling, mode: Mode, now: datetime) -> Batch:
    """Return what is to be stored, each message on the terms that ``mode`` leaves it."""
    keys = handling.keys or [None] * len(built)
    free = handling.terms(now=now, caught=False, cleared=not mode.live)
    if mode.live:
        return Batch([Entry(one, key) for one, key in zip(built, keys, strict=True)], free)
    held = handling.terms(now=now, caught=True)
    kept = [mode.keeps(one) for one in built]
    entries = [
        Entry(mode.turned(one), key, held if keep else free)
        for one, key, keep in zip(built, keys, kept, strict=True)
    ]
    return Batch(entries, held if all(kept) else free, mixed=len(set(kept)) > 1)


def _kept_back(state: State, handling: Handling) -> str:
    """Say why mail of this type does not go out, "" when it does."""
    kind = state.hooks.types.find(handling.type)
    if kind is None or kind.critical or handling.though_off:
        return ""
    if kind.name not in state.templates.in_force(max_age=SETTINGS_AGE).off:
        return ""
    return f"The type {kind.title} is switched off."


def _unsealed(state: State, row: MessageRow, built: Built | None) -> Built:
    """Return a secret message for a copy of it, which needs headers of its own."""
    if built is None or (row.expires_at is not None and row.expires_at <= datetime.now(UTC)):
        raise ContentWiped("resend", row.state)
    return replace(built, content=state.seals.open(row.message_id, built.content))


def _left(row: MessageRow, now: datetime) -> timedelta | None:
    """Return how long a copy may wait: what a secret one says lapses when it does."""
    return row.expires_at - now if row.secret and row.expires_at is not None else None


def _session_to_join(state: State, session: AnySession | None) -> Session | None:
    return joining.session_to_join(
        session, state.db.session, mapped=state.models.Message, bind=state.bind
    )


def post_now(state: State, message: Sendable, server: str | None) -> Receipt:
    """Hand one message over at once; caught modes store it and hand nothing over."""
    snapshot = state.settings.snapshot()
    chosen = _server(snapshot, server)
    (built,) = _built(snapshot, [message], datetime.now(UTC))
    mode = mode_of(snapshot)
    if not mode.keeps(built):
        built = mode.turned(built)
        recorder = state.recorder(snapshot)
        transcript = recorder.begin(chosen)
        policy = host_policy(snapshot)
        try:
            return delivery_now.send_now(built, chosen, policy=policy, transcript=transcript)
        finally:
            recorder.keep_soon(transcript, chosen.key, "send_now")
    queued = post(state, [message], Handling(server=server))[0]
    return Receipt(queued.message_id, chosen.key, "caught, not sent", ())


def _built(snapshot: Snapshot, messages: Sendables, now: datetime) -> list[Built]:
    """Render ``messages`` with the subject prefix and Message-ID domain that are in force."""
    default = snapshot.default
    renderer = Renderer(
        now=now,
        domain=_domain(default),
        subject_prefix=default.subject_prefix,
        limit=snapshot["MAX_MESSAGE_SIZE"],
    )
    built = []
    missing: dict[str, None] = {}
    for index, (message, token) in enumerate(zip(messages, _tokens(len(messages)), strict=True)):
        try:
            built.append(renderer.render(message, token))
        except InvalidMessage as error:
            if len(messages) == 1:
                raise
            raise error.at(index) from error
        missing.update(dict.fromkeys(missing_pictures(message)))
    for cid in list(missing)[:_MOST_TOLD]:
        log.warning("The HTML of a message shows cid:%.80s, which no attachment is", cid)
    return built


def _tokens(count: int) -> list[str]:
    """Return ``count`` unguessable tokens of 128 bits, all asked of the system at once."""
    digits = secrets.token_hex(_TOKEN * count)
    return [digits[at : at + 2 * _TOKEN] for at in range(0, len(digits), 2 * _TOKEN)]


def _committed(state: State, new: list[QueuedMessage]) -> None:
    if any(message.next_try_at is not None for message in new):
        state.doorbell.ring()
    if message_queued.receivers:
        with state.pushed():
            for message in new:
                if message.state == "cancelled":
                    continue
                announce(message_queued, state.app, message=message)


def _server(snapshot: Snapshot, key: str | None) -> Server:
    if key is not None:
        if key not in snapshot.servers:
            raise NotFound("server", key)
        return snapshot.servers[key]
    usable = sorted(
        (server for server in snapshot.servers.values() if server.usable),
        key=lambda server: (server.priority, server.key != "default", server.key),
    )
    return usable[0] if usable else snapshot.default


def _domain(server: Server) -> str:
    """Return what stands right of the @ in a Message-ID: the sender's domain, else a host name."""
    own = server.from_email.rpartition("@")[2] or server.helo_name or _host()
    return _HOST_CHARACTERS.sub("", own).strip(".-")[:_LONGEST_DOMAIN] or "localhost"


@cache
def _host() -> str:
    return socket.gethostname()
