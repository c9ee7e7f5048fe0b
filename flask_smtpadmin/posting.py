"""From a message as the app wrote it to rows in the outbox: one way for every sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias, cast

from sqlalchemy.orm import Session, scoped_session

from flask_smtpadmin.building import Sendable, Sendables, built_of, domain_of, tokens
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
from flask_smtpadmin.core.mail.mime import Built, sender_block
from flask_smtpadmin.core.queued import Batch, Entry, Flow, QueuedMessage
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

AnySession: TypeAlias = Session | scoped_session[Any]


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
    if why := _kept_back(state, handling):
        handling = replace(handling, kept_back=why)
    joined = None if session == "own" else _session_to_join(state, session)
    room = Room(snapshot["MAX_QUEUE"], critical=handling.critical)

    def committed(new: list[QueuedMessage]) -> None:
        _committed(state, new)

    now, mode = datetime.now(UTC), mode_of(snapshot)
    with seldom_collected() if len(messages) > 1 else nullcontext():
        built = _written(snapshot, messages, handling, now)
        flows = joined is None and mode.live and handling.keys is None
        if flows and state.outbox.flows(len(messages)):
            terms = handling.terms(now=now, caught=False)
            flow = Flow(map(Entry, built), len(messages), terms)
            return state.outbox.add_flow(flow, room=room, committed=committed)
        return state.outbox.add(
            _batch(list(built), handling, mode, now),
            session=joined,
            room=room,
            committed=committed,
            undone=lambda _new: undone(),
        )


def _written(
    snapshot: Snapshot, messages: Sendables, handling: Handling, now: datetime
) -> Iterator[Built]:
    """Build ``messages`` as they are to be stored."""
    built = built_of(snapshot, messages, now)
    if handling.envelopes is not None:
        built = (sent_from(*pair) for pair in zip(built, handling.envelopes, strict=True))
    if handling.secret:
        built = (replace(one, subject=veiled(one.subject)) for one in built)
    return built


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
    token = f"{int(now.timestamp() * 1000):x}.{tokens(1)[0]}@{domain_of(snapshot.default)}"
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
    kind = state.hooks.types.find(row.type)
    (new,) = state.outbox.add_with(
        batch,
        lambda connection, new: state.queue.link(connection, number, new[0].id, **noted),
        room=Room(snapshot["MAX_QUEUE"], critical=kind is not None and kind.critical),
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
    (built,) = built_of(snapshot, [message], datetime.now(UTC))
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
