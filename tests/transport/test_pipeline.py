"""Whatever comes in whatever pieces: each transaction ends as its own replies say."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.transaction import Envelope, Transaction
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.pipeline import MailProtocol, Patience

REFUSED = st.sampled_from([450, 452, 550, 554])
Outcome = tuple[str, tuple[int | None, ...], int | None]


@dataclass(frozen=True)
class Course:
    """What a server answers to one message: MAIL, each RCPT, DATA, the final dot."""

    mail: int
    rcpt: tuple[int, ...]
    data: int
    dot: int
    lines: int = 1

    def outcome(self) -> Outcome:
        """Return what must be reported: RFC 5321 3.3 in five lines."""
        if self.mail != 250:
            return "sender", (None,) * len(self.rcpt), self.mail
        if 250 not in self.rcpt:
            soft = [code for code in self.rcpt if code < 500]
            return "recipient", self.rcpt, (soft or list(self.rcpt))[0]
        if self.data != 354:
            return "data", self.rcpt, self.data
        return "done", self.rcpt, self.dot


mostly = st.just(250) | REFUSED
courses = st.builds(
    Course,
    mostly,
    st.lists(mostly, min_size=1, max_size=3).map(tuple),
    st.just(354) | REFUSED,
    mostly,
    st.integers(1, 3),
)

noises = st.binary(max_size=40) | st.sampled_from(
    [b"250 ok\r\n", b"354 go\r\n", b"550 no\r\n", b"421 bye\r\n", b"250-\r\n", b"999 x\r\n"]
)


class Wire(asyncio.Transport):
    """A transport in memory; ``written`` holds what each call wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember what is written."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Return whether one side closed it."""
        return self.closing

    def abort(self) -> None:
        """Close it."""
        self.closing = True


@dataclass
class Receiver:
    """A server as RFC 5321 has it, which follows one course after another.

    ``careless``: it says 354 although nobody may get the message.
    """

    courses: list[Course]
    careless: bool = False
    accepted: list[bytes] = field(default_factory=list)
    _buffer: bytes = b""
    _number: int = -1
    _asked: int = 0
    _content: bool = False

    def answer(self, data: bytes) -> Iterator[bytes]:
        """Take what the client wrote in and yield the replies."""
        self._buffer += data
        while True:
            if self._content:
                found = re.match(rb"(.*?)(?:^|(?<=\n))\.\r\n", self._buffer, re.DOTALL)
                if found is None:
                    return
                self._buffer = self._buffer[found.end() :]
                self._content = False
                yield self._taken(found[1])
                continue
            line, end, rest = self._buffer.partition(b"\r\n")
            if not end:
                return
            self._buffer = rest
            yield self._reply(self._code(line[:4]))

    def _taken(self, content: bytes) -> bytes:
        code = self.courses[self._number].dot if content else 554
        if code == 250:
            self.accepted.append(content)
        return self._reply(code)

    def _code(self, verb: bytes) -> int:
        if verb == b"RSET":
            return 250
        if verb == b"MAIL":
            self._number += 1
            self._asked = 0
            return self.courses[self._number].mail
        course = self.courses[self._number]
        if verb == b"RCPT":
            self._asked += 1
            return course.rcpt[self._asked - 1] if course.mail == 250 else 503
        nobody = course.mail != 250 or 250 not in course.rcpt
        code = (354 if self.careless else 503) if nobody else course.data
        self._content = code == 354
        return code

    def _reply(self, code: int) -> bytes:
        lines = self.courses[max(self._number, 0)].lines
        return b"".join(b"%d-more\r\n" % code for _ in range(lines - 1)) + b"%d it\r\n" % code


def envelopes(courses: list[Course]) -> list[Envelope]:
    return [
        Envelope(
            "a@example.org",
            tuple(f"r{n}@example.org" for n in range(len(course.rcpt))),
            f"Subject: {number}\r\n\r\n.hello\r\n".encode(),
        )
        for number, course in enumerate(courses)
    ]


def told(result: Transaction) -> Outcome:
    codes = tuple(item.reply.code if item.reply else None for item in result.recipients)
    return result.phase, codes, result.reply.code if result.reply else None


async def relayed(
    mails: list[Envelope], *, pipelining: bool, server: Callable[[Wire, MailProtocol], None]
) -> tuple[list[Transaction], Wire]:
    """Relay ``mails``, while ``server`` does what it likes with the client's protocol."""
    wire = Wire()
    link = MailProtocol(wire, Offers(pipelining=pipelining), Patience(5, 5))
    waiting, results = iter(mails), list[Transaction]()
    task = asyncio.create_task(link.relay(lambda: next(waiting, None), results.append))
    await asyncio.sleep(0)
    server(wire, link)
    if not task.done():
        link.connection_lost(None)
    await asyncio.wait_for(task, 1)
    return results, wire


def obedient(receiver: Receiver, sizes: Iterator[int]) -> Callable[[Wire, MailProtocol], None]:
    """Return a server that answers all that was written, in pieces of these sizes."""

    def serve(wire: Wire, link: MailProtocol) -> None:
        seen = 0
        pending = b""
        while True:
            fresh, seen = wire.written[seen:], len(wire.written)
            pending += b"".join(reply for data in fresh for reply in receiver.answer(data))
            if not pending:
                return
            size = next(sizes)
            piece, pending = pending[:size], pending[size:]
            link.data_received(piece)

    return serve


def pieces(seed: int) -> Iterator[int]:
    sizes = random.Random(seed)
    while True:
        yield sizes.choice([1, 2, 7, 30, 1000])


@given(
    script=st.lists(courses, min_size=1, max_size=4),
    pipelining=st.booleans(),
    careless=st.booleans(),
    seed=st.integers(),
)
def test_each_message_ends_as_its_own_replies_say(
    script: list[Course], *, pipelining: bool, careless: bool, seed: int
) -> None:
    """RFC 2920: in one flight or step by step, however TCP cuts the replies up."""
    receiver = Receiver(script, careless)
    serve = obedient(receiver, pieces(seed))
    mails = envelopes(script)
    results, _ = asyncio.run(relayed(mails, pipelining=pipelining, server=serve))
    assert [told(result) for result in results] == [course.outcome() for course in script]
    assert receiver.accepted == [
        mail.content.replace(b"\r\n.", b"\r\n..")
        for mail, result in zip(mails, results, strict=True)
        if result.accepted
    ]


@given(
    script=st.lists(courses, min_size=2, max_size=4),
    length=st.integers(0, 400),
    seed=st.integers(),
    pipelining=st.booleans(),
)
def test_a_link_that_breaks_leaves_each_message_with_its_own_phase(
    script: list[Course], length: int, seed: int, *, pipelining: bool
) -> None:
    """In front: uncertain exactly when its content was written. Behind: the server never came."""
    receiver = Receiver(script)

    def serve(wire: Wire, link: MailProtocol) -> None:
        left = length

        def sizes() -> Iterator[int]:
            nonlocal left
            for size in pieces(seed):
                left -= size
                yield size if left >= 0 else 0

        cut = obedient(receiver, sizes())
        deliver = link.data_received

        def until_cut(piece: bytes) -> None:
            if not piece:
                raise EOFError
            deliver(piece)

        link.data_received = until_cut  # type: ignore[method-assign] # the wire is cut here
        try:
            cut(wire, link)
        except EOFError:
            link.eof_received()

    results, wire = asyncio.run(relayed(envelopes(script), pipelining=pipelining, server=serve))
    everything = b"".join(wire.written)
    broken = [number for number, item in enumerate(results) if item.reply is None]
    for number, result in enumerate(results):
        written = b"Subject: %d\r\n" % number in everything
        assert written == (result.phase in {"body", "done"})
        if number not in broken:
            assert told(result) == script[number].outcome()
    assert len(broken) <= (2 if pipelining else 1)
    assert broken == list(range(len(results) - len(broken), len(results)))
    assert [results[number].untried for number in broken[1:]] == [True] * len(broken[1:])
    assert not any(results[number].untried for number in broken[:1] if broken[1:])


@given(noise=st.lists(noises, max_size=30), pipelining=st.booleans())
def test_no_reply_makes_it_stumble(noise: list[bytes], *, pipelining: bool) -> None:
    """Each message is reported once, in order, and none accepted that was not written."""

    def serve(_wire: Wire, link: MailProtocol) -> None:
        for piece in noise:
            link.data_received(piece)

    mails = envelopes([Course(250, (250,), 354, 250)] * 5)
    results, wire = asyncio.run(relayed(mails, pipelining=pipelining, server=serve))
    everything = b"".join(wire.written)
    for number, result in enumerate(results):
        written = mails[number].content.replace(b"\r\n.", b"\r\n..") + b".\r\n" in everything
        assert written == (result.phase in {"body", "done"})
        assert not result.accepted or written
    assert all(result.reply for result in results[:-2])  # nothing follows a failed link


def test_the_content_and_the_next_mail_are_one_flight() -> None:
    """RFC 2920 3.1: one round trip a message."""
    script = [Course(250, (250,), 354, 250)] * 3
    serve = obedient(Receiver(script), iter(lambda: 1000, 0))
    _, wire = asyncio.run(relayed(envelopes(script), pipelining=True, server=serve))
    verbs = [re.findall(rb"^(MAIL|RCPT|DATA|Subject|\.\r)", item, re.MULTILINE)
             for item in wire.written]  # fmt: skip
    flight = [b"MAIL", b"RCPT", b"DATA"]
    content = [b"Subject", b".\r"]
    assert verbs == [flight, content + flight, content + flight, content]


def test_the_next_mail_waits_where_pipelining_is_not_offered() -> None:
    """Each command waits for the reply to the one in front."""
    script = [Course(250, (250, 250), 354, 250)] * 2
    serve = obedient(Receiver(script), iter(lambda: 1000, 0))
    _, wire = asyncio.run(relayed(envelopes(script), pipelining=False, server=serve))
    assert [item[:4] for item in wire.written] == [
        b"MAIL", b"RCPT", b"RCPT", b"DATA", b"Subj"
    ] * 2  # fmt: skip
