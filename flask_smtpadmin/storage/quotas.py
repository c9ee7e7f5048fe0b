"""Slots at servers with limits: one row a server, locked by whoever reserves.

A reservation is part of the transaction that writes a hand-over ahead, so it is exact however
many workers on however many hosts there are, and a worker that is killed wastes at most the slots
of the next second. Servers without limits have no row and cost nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from flask_smtpadmin.core import rate
from flask_smtpadmin.core.rate import Cost, Limit, Slot, Usage
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.results import HandOver

#: Seconds ahead that slots are reserved: as long as a transaction and its way to a connection
#: may take, many times over, and as little as a killed worker may waste.
HORIZON: Final = 1.0
#: Seconds before its promised time that a message is due: time to be claimed and get its slot.
_EARLY: Final = 0.4
#: Promised times are rounded to this many seconds, so that many come due in one claim.
_STEP: Final = 0.5
#: Seconds that the first slot lies ahead, for the commit that comes before it.
_COMMIT: Final = 0.02
#: Seconds that the clocks of two workers may differ, and more is a mistake.
_CLOCKS_DIFFER: Final = 5.0
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as all times in the tables


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a server has a slot again, and when it was promised to nobody."""

    free: datetime
    unpromised: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one transaction asks of the servers with limits.

    ``limits`` by server key. ``unused``: hand-overs that never began and give their slots back.
    ``wanted``: hand-overs that need a slot. ``waiting``: messages that found none, with the
    server they wait for.
    """

    limits: Mapping[str, tuple[Limit, ...]]
    unused: Sequence[HandOver] = ()
    wanted: Sequence[HandOver] = ()
    waiting: Sequence[tuple[Claimed, str]] = ()

    def servers(self) -> list[str]:
        """Return the servers concerned, in the order in which every worker locks them."""
        keys = {item.server for item in self.wanted} | {key for _, key in self.waiting}
        keys |= {item.server for item in self.unused if item.slot is not None}
        return sorted(keys & self.limits.keys())


@dataclass(frozen=True, slots=True)
class Grant:
    """What it got: a slot by message id, when to try again, and how the servers stand."""

    slots: dict[int, Slot] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    promises: list[tuple[Claimed, datetime]] = field(default_factory=list)
    outlooks: dict[str, Outlook] = field(default_factory=dict)


class Quotas:
    """The reservations of all workers; methods run inside the caller's transaction."""

    def __init__(self, models: Models, now: Callable[[], datetime]) -> None:
        self._table = models.table("Quota")
        message = models.table("Message").c
        self._waits = sa.select(message.id).where(message.waiting_for == "quota").limit(1)
        self._now = now

    def settle(self, connection: Connection, request: Request) -> Grant:
        """Give back, reserve and promise; each server's row stays locked until the commit."""
        grant = Grant()
        for key in request.servers():
            limits = request.limits[key]
            usage = self._lock(connection, key, limits)
            now = seconds(self._now())  # after the lock: waiting for it took time
            usage = rate.mended(limits, usage, now, horizon=HORIZON + _CLOCKS_DIFFER)
            usage = _returned(limits, usage, [i for i in request.unused if i.server == key])
            usage = _reserved(
                limits, usage, now, [i for i in request.wanted if i.server == key], grant
            )
            waiting = [job for job, server in request.waiting if server == key]
            usage = _promised(limits, usage, now, waiting, grant)
            self._save(connection, key, limits, usage)
            grant.outlooks[key] = outlook(limits, usage, now)
        return grant

    def read(self, connection: Connection, keys: Iterable[str]) -> dict[str, Usage]:
        """Return what is reserved at servers that have a row, without a lock."""
        columns = self._table.c
        query = sa.select(columns.server_key, columns.usage)
        query = query.where(columns.server_key.in_(list(keys)))
        return {key: Usage.read(text) for key, text in connection.execute(query)}

    def _lock(self, connection: Connection, key: str, limits: tuple[Limit, ...]) -> Usage:
        """Return what is reserved; the row is made when there is none.

        Under other limits than before the promises are void: they were made at another pace. So
        they are when nobody waits any more: those they were made to were cancelled or expired.
        """
        columns = self._table.c
        query = sa.select(columns.limits, columns.usage).where(columns.server_key == key)
        query = query.with_for_update()
        row = connection.execute(query).one_or_none()
        if row is None:
            self._insert(connection, key)
            row = connection.execute(query).one()
        usage = Usage.read(row.usage)
        void = row.limits != _text(limits) or (usage.tails and not self._anybody_waits(connection))
        return Usage(usage.slots, usage.counts) if void else usage

    def _anybody_waits(self, connection: Connection) -> bool:
        return connection.execute(self._waits).first() is not None

    def _insert(self, connection: Connection, key: str) -> None:
        row = {"server_key": key, "limits": "{}", "usage": Usage().text()}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(self._table).values(updated_at=self._now(), **row))
        except IntegrityError:  # another worker was quicker
            pass

    def _save(
        self, connection: Connection, key: str, limits: tuple[Limit, ...], usage: Usage
    ) -> None:
        update = sa.update(self._table).where(self._table.c.server_key == key)
        values = {"limits": _text(limits), "usage": usage.text(), "updated_at": self._now()}
        connection.execute(update.values(**values))


def outlook(limits: tuple[Limit, ...], usage: Usage, now: float) -> Outlook:
    """Say when a server is free for one more message, and for one that waits behind all others."""
    free = rate.next_free(limits, usage, now, Cost())
    return Outlook(moment(free), moment(max(free, *usage.tails.values(), now)))


def seconds(when: datetime) -> float:
    """Return a naive UTC time as seconds since 1970."""
    return (when - _EPOCH).total_seconds()


def moment(when: float) -> datetime:
    """Return seconds since 1970 as a naive UTC time."""
    return _EPOCH + timedelta(seconds=when)


def _returned(limits: tuple[Limit, ...], usage: Usage, unused: list[HandOver]) -> Usage:
    for item in unused:
        if item.slot is not None:
            usage = rate.give_back(limits, usage, seconds(item.slot.begins), _cost(item.job))
    return usage


def _reserved(
    limits: tuple[Limit, ...], usage: Usage, now: float, wanted: list[HandOver], grant: Grant
) -> Usage:
    late = timedelta(seconds=rate.lateness(limits))
    for item in sorted(wanted, key=lambda item: item.job.priority):
        slot = None
        if not _pushes_in(usage, now, item.job):
            begin = now + _COMMIT
            cost = _cost(item.job)
            slot, usage = rate.reserve(limits, usage, begin, cost, horizon=HORIZON)
        if slot is None:
            grant.refused.add(item.job.id)
        else:
            grant.slots[item.job.id] = Slot(moment(slot), moment(slot) + late)
    return usage


def _promised(
    limits: tuple[Limit, ...], usage: Usage, now: float, waiting: list[Claimed], grant: Grant
) -> Usage:
    for job in sorted(waiting, key=lambda job: (job.priority, job.due_at)):
        when, usage = rate.promise(limits, usage, now, _cost(job), job.priority)
        due = max((when - _EARLY) // _STEP * _STEP, now + _STEP)
        grant.promises.append((job, moment(due)))
    return usage


def _pushes_in(usage: Usage, now: float, job: Claimed) -> bool:
    """Say whether a message that has only just come would pass others that wait for their turn."""
    fresh = now - seconds(job.due_at) < HORIZON
    ahead = [tail for rank, tail in usage.tails.items() if rank <= job.priority]
    return fresh and max(ahead, default=0.0) > now + HORIZON


def _cost(job: Claimed) -> Cost:
    return Cost(recipients=len(job.recipients))


def _text(limits: tuple[Limit, ...]) -> str:
    return json.dumps({limit.name: limit.most for limit in limits}, sort_keys=True)
