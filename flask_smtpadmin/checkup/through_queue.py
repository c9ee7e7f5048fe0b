"""A test message on the road that real mail takes: stored, queued, picked up, sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from flask_smtpadmin.checkup.order import Order
from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.catching import mode_of
from flask_smtpadmin.core.errors import SMTPAdminError, WrongState
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.core.mail.message import Message
from flask_smtpadmin.core.report import QUEUE_STEPS, Report, Step, StepState
from flask_smtpadmin.core.rows import AttemptRow, Detail
from flask_smtpadmin.core.words import mark, said, said_n
from flask_smtpadmin.delivery.sample import test_message
from flask_smtpadmin.posting import post
from flask_smtpadmin.state import State

_LOOK_EVERY: Final = 0.1
_OVER: Final = frozenset({"sent", "partial", "dead", "uncertain", "cancelled", "expired", "caught"})
#: What a message of a test carries as its type, so that the list tells it from real mail.
TYPE: Final = "test"
NOT_PICKED_UP: Final = "not_picked_up"
#: How the worker hears of it, by the health of Redis.
_BELL: Final = {
    True: mark("Redis rang the worker"),
    False: mark("Redis is down: the worker looks by itself"),
    None: mark("no Redis: the worker looks by itself"),
}


class Trial:
    """Sends messages through the queue and watches them; what is not sent in time is cancelled.

    Args:
        state: the app's.
        order: the server (its key) and what to send.
        seconds: how long all may take.
    """

    def __init__(self, state: State, order: Order, seconds: float) -> None:
        self._state = state
        self._order = order
        self._end = time.monotonic() + seconds
        self._last = time.perf_counter()
        self._steps: list[Step] = []
        self._cause = ""

    def run(self, report: Report) -> Report:
        """Return ``report`` with the steps of the queue; never raises."""
        obstacle = self._obstacle()
        if obstacle:
            first, *rest = QUEUE_STEPS
            self._add(first, "skipped", obstacle)
        else:
            self._try()
            rest = [name for name in QUEUE_STEPS if name not in {s.name for s in self._steps}]
        for name in rest:
            self._add(name, "skipped")
        known = advice(self._cause, self._order.server.preset or "").text if self._cause else ""
        return report.with_steps(*self._steps, cause=self._cause, advice=known)

    # -- what is in the way -------------------------------------------------------------------

    def _obstacle(self) -> str:
        """Say why no message is stored at all, "" when one can be."""
        snapshot, key = self._state.settings.snapshot(), self._order.server.key
        if not self._order.saved:
            return mark("A worker sends with saved settings only: save them to try this.")
        mode = mode_of(snapshot)
        if mode.word in {"catch", "record"} and not mode.passes([self._order.wish.to]):
            return said("MODE is %(mode)s: messages are stored and not sent.", mode=mode.word)
        if snapshot.paused or snapshot.servers[key].paused:
            return mark("Sending is paused, so a message would wait.")
        if not any(worker.live for worker in self._state.summary.workers()):
            return mark("No worker is running. Start one with `flask smtp-worker` and test again.")
        return ""

    # -- one message after the other ------------------------------------------------------------

    def _try(self) -> None:
        try:
            numbers = self._store()
        except SMTPAdminError as error:
            self._fail("stored", error.args[0], "misconfigured")
            return
        self._add("queued", "ok", _BELL[self._state.doorbell.healthy()])
        self._watch(numbers)

    def _store(self) -> list[int]:
        wish, server = self._order.wish, self._order.server
        one = self._message(wish.to)
        handling = Handling(type=TYPE, priority="urgent", server=server.key, expires_in=120)
        queued = post(self._state, [one] * wish.count, handling, session="own")
        numbers = [message.id for message in queued]
        alone = said("message %(number)s", number=numbers[0])
        many = said_n("%(count)s message", "%(count)s messages", len(numbers))
        self._add("stored", "ok", alone if len(numbers) == 1 else many)
        return numbers

    def _message(self, to: str) -> Message:
        made = test_message(self._order.server, to, now=datetime.now(UTC))
        made.sender = self._order.wish.sender or None
        return made

    def _watch(self, numbers: Sequence[int]) -> None:
        queue = self._state.queue
        first: Detail | None = None
        while True:
            found = queue.get(numbers[0])
            if first is None and found.attempts:
                first = found
                self._picked_up(found)
            states = queue.states(numbers)
            over = [number for number in numbers if states.get(number, "cancelled") in _OVER]
            if len(over) == len(numbers):
                break
            if self._order.stop.wait(_LOOK_EVERY) or time.monotonic() > self._end:
                break
        self._conclude(numbers, first)

    def _picked_up(self, found: Detail) -> None:
        names = {worker.id: worker for worker in self._state.summary.workers()}
        attempt = found.attempts[0]
        worker = names.get(attempt.worker_id)
        told = said("by %(worker)s", worker=attempt.worker_id)
        if worker:
            told = said("by %(worker)s on %(host)s", worker=worker.name, host=worker.host)
        self._add("picked_up", "ok", told)

    def _conclude(self, numbers: Sequence[int], first: Detail | None) -> None:
        states = self._state.queue.states(numbers)
        sent = sum(states.get(number) in {"sent", "partial"} for number in numbers)
        last = self._state.queue.get(numbers[-1])
        stopped = self._call_back(numbers)
        if first is None and not sent:
            why = _waits(last) or "no worker took it in time"
            self._fail("picked_up", why + stopped, NOT_PICKED_UP)
        elif len(numbers) > 1:
            self._volume(sent, len(numbers), last, stopped)
        else:
            self._one(last, stopped)

    def _one(self, found: Detail, stopped: str) -> None:
        message = found.message
        reply = _said(found)
        if message.state == "sent":
            self._add("sent", "ok", said("through %(server)s", server=message.sent_via), reply)
            return
        why = message.error or _waits(found) or f"it is {message.state}"
        self._fail("sent", why + stopped, message.cause or NOT_PICKED_UP, reply)

    def _volume(self, sent: int, total: int, last: Detail, stopped: str) -> None:
        ms = sum(step.ms for step in self._steps) + self._lap()
        rate = sent / max(ms / 1000, 0.001)
        told = said(
            "%(sent)s of %(total)s in %(seconds)s s (%(rate)s a second)",
            sent=sent,
            total=total,
            seconds=f"{ms / 1000:.1f}",
            rate=f"{rate:.1f}",
        )
        if sent == total:
            self._add("sent", "ok", told)
            return
        held = last.message.waiting_for == "quota"
        waits = _waits(last) or last.message.error or ""
        state: StepState = "ok" if held else "failed"
        cause = "" if held else last.message.cause or NOT_PICKED_UP
        self._cause = self._cause or cause
        self._add("sent", state, f"{told}; {waits}{stopped}", _said(last))

    def _call_back(self, numbers: Sequence[int]) -> str:
        """Cancel what still waits, so that no test arrives hours later."""
        left = 0
        for number, state in self._state.queue.states(numbers).items():
            if state in _OVER:
                continue
            try:
                self._state.queue.cancel(number)
                left += 1
            except WrongState:  # it is under way in this moment
                continue
        if not left:
            return ""
        return "; it was cancelled" if left == 1 else f"; the other {left} were cancelled"

    # -- steps ----------------------------------------------------------------------------------

    def _fail(self, name: str, detail: str, cause: str, reply: str = "") -> None:
        self._cause = self._cause or cause
        self._add(name, "failed", detail, reply)

    def _add(self, name: str, state: StepState, detail: str = "", reply: str = "") -> None:
        step = Step(name, state, self._lap() if state != "skipped" else 0.0, detail, reply)
        self._steps.append(step)
        self._order.progress(step)

    def _lap(self) -> float:
        now = time.perf_counter()
        elapsed, self._last = (now - self._last) * 1000, now
        return elapsed


def _waits(found: Detail) -> str:
    """Say what a message waits for, "" when it does not."""
    message = found.message
    if message.waiting_for is None:
        return ""
    slot = message.next_try_at
    until = f", next slot at {slot:%H:%M:%S} UTC" if slot else ""
    return f"the rest waits for {message.waiting_for}{until}"


def _said(found: Detail) -> str:
    """Return the server's words in the last attempt."""
    attempt: AttemptRow | None = next(reversed(found.attempts), None)
    if attempt is None or not attempt.reply:
        return ""
    return attempt.reply
