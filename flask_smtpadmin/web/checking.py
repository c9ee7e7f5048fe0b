"""A check that somebody wants from a page: looked at first, then begun as a job and followed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, render_template, request, stream_with_context

from flask_smtpadmin import checkup
from flask_smtpadmin.checkup import Part
from flask_smtpadmin.core.check import MOST, Check, Wish
from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.words import mark, said
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, limits
from flask_smtpadmin.web.language import gettext as _

STREAM: Final = "application/x-ndjson"
_LOOK_EVERY: Final = 0.2
#: By the field of a test that cannot be used.
_UNUSABLE: Final = {
    "to": mark("The recipient cannot be used: %(why)s"),
    "sender": mark("The From address cannot be used: %(why)s"),
    "count": mark("The number cannot be used: %(why)s"),
}
#: Seconds that a form without script waits for the result of a check.
PATIENCE: Final = 40.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be checked; ``problem`` says why nothing can be tried at all.

    Attributes:
        server: with the settings to try.
        parts: one check each, all of the same server.
        saved: the settings are the saved ones.
        problem: one sentence, or "".
    """

    server: Server
    parts: tuple[Part, ...] = ()
    saved: bool = True
    problem: str = ""


def ask(server: Server, parts: Sequence[Part], *, saved: bool = True) -> Asked:
    """Look at what is wanted before anything connects; counts towards the rate limit."""
    try:
        parts = tuple(Part(_checked(part.wish), part.place) for part in parts)
    except InvalidMessage as error:
        text = _UNUSABLE.get(error.field or "", _UNUSABLE["count"])
        return Asked(server, problem=_(text, why=_(error.reason)))
    if not server.configured:
        return Asked(server, problem=_("There is no host to connect to yet."))
    if server.problems:
        return Asked(server, problem=_(server.problems[0].message))
    wait = limits.seconds_to_wait(len(parts))
    if wait:
        return Asked(server, problem=limits.too_many(wait))
    return Asked(server, parts, saved)


def _checked(wish: Wish) -> Wish:
    """Return the wish with addresses as they are used; raises InvalidMessage."""
    to, sender = wish.to.strip(), wish.sender.strip()
    if to:
        to = parse_address(to, field="to").email
    elif wish.scenario == "volume":
        raise InvalidMessage(mark("a volume test needs one"), field="to")
    if sender:
        sender = parse_address(sender, field="sender").email
    if not 1 <= wish.count <= MOST:
        raise InvalidMessage(
            said("1 to %(most)s messages can be sent in one test", most=MOST), field="count"
        )
    return Wish(to=to, sender=sender, scenario=wish.scenario, count=wish.count)


def begin(asked: Asked) -> str:
    """Begin what was asked for and return the batch's id."""
    return checkup.begin(
        current_state(), asked.server, asked.parts, saved=asked.saved, actor=access.actor_name()
    )


def followed(batch: str, seconds: float = PATIENCE) -> tuple[Check, ...]:
    """Wait until all checks of a batch are over, so many seconds at most, and return them."""
    ends = time.monotonic() + seconds
    while True:
        found = current_state().checks.batch(batch)
        if all(check.over for check in found) or time.monotonic() > ends:
            return found
        time.sleep(_LOOK_EVERY)


def streams() -> bool:
    """Say whether the script asks, which shows each step as it comes."""
    return request.accept_mimetypes.best == STREAM


def stream(asked: Asked) -> Response:
    """Answer with a line of JSON for each finished step and the whole report as the last."""
    lines = _lines(asked) if not asked.problem else iter([_last(asked, ())])
    response = Response(stream_with_context(lines), content_type=STREAM)
    response.headers["X-Accel-Buffering"] = "no"  # a proxy would hold the steps back
    return response


def _lines(asked: Asked) -> Iterator[str]:
    checks, batch = current_state().checks, begin(asked)
    told = 0
    ends = time.monotonic() + PATIENCE
    try:
        while True:
            (check,) = checks.batch(batch)
            steps = check.report.steps if check.report else ()
            for step in steps[told:]:
                yield _line(step=step.document() | {"detail": _(step.detail)})
            told = len(steps)
            if check.over or time.monotonic() > ends:
                yield _last(asked, (check,))
                return
            time.sleep(_LOOK_EVERY)
    finally:
        checks.cancel(batch)  # nothing happens when it is over; else nobody waits for the rest


def _last(asked: Asked, found: Sequence[Check]) -> str:
    return _line(html=render_template("smtpadmin/report.html", asked=asked, checks=found))


def _line(**values: Any) -> str:
    return json.dumps(values) + "\n"
