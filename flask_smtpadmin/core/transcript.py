"""The dialogue of one session, line by line and without its secrets.

What we say while signing in is recorded without the secret in the first place; what a server says
goes through a :class:`~flask_smtpadmin.core.redact.Redactor`, because a hostile one repeats what
it heard. The content of messages is never recorded. A worker records thousands of messages a
second: recording appends to one flat list, since hundreds of thousands of tuples would be looked
at by each run of Python's garbage collector, and only who reads a transcript makes text of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_smtpadmin.core.redact import SECRET, Redactor, clean
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Reply

#: How much one transcript holds at once, in bytes (as good as they can be counted).
LIMIT: Final = 262_144
#: At this size a part is given away, where somebody takes parts.
PART: Final = 32_768
#: What an entry takes besides its text.
_ENTRY: Final = 60
_DAY: Final = 86_400

_SAID, _HEARD, _LINES, _NOTE, _CONTENT = range(5)
#: Three items for each thing said: time (seconds since 1970, UTC), kind, what there is to tell.
_ITEMS: Final = 3


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a dialogue as it was recorded, oldest first, each thing said in three items.

    ``messages`` counts the transactions that ended in it, ``failures`` those in which the server
    took nothing, and an opening that failed; ``left_out`` what there was no room for. ``size``:
    bytes, as good as they can be counted.
    """

    entries: Sequence[Any]
    messages: int
    failures: int
    left_out: int
    redact: Redactor
    size: int = 0

    @property
    def began(self) -> float:
        """When its first line was said, in seconds since 1970 (UTC)."""
        return float(self.entries[0]) if self.entries else 0.0

    @property
    def ended(self) -> float:
        """When its last line was said, in seconds since 1970 (UTC)."""
        return float(self.entries[-_ITEMS]) if self.entries else 0.0

    def text(self) -> str:
        """Return lines such as ``12:00:01.123 C: EHLO app.example``, each with its line end."""
        lines = _lines(self.entries, self.redact)
        if self.left_out:
            lines.append(f"-- … {self.left_out} more lines are left out")
        lines.append("")
        return self.redact.sweep("\n".join(lines))


class Transcript:
    """Records what is said in one session; every method only notes it.

    Args:
        secrets: what must not be in the text, in whatever form a server repeats it.
        clock: returns the time in seconds since 1970, as ``time.time`` does.
        only_failures: forget transactions as soon as the server has taken their message.
        limit: how many bytes to hold at most; what is said beyond that is counted only.
        session: names the session, 16 hex digits.

    ``address`` and ``tls`` are those of the open session; ``closed``: nothing more will be said.
    ``spill`` is called with the transcript when it holds as much as a part shall: take it then.
    """

    __slots__ = (
        "_clock",
        "_entries",
        "_left_out",
        "_limit",
        "_marks",
        "_only_failures",
        "address",
        "closed",
        "failures",
        "messages",
        "redact",
        "session",
        "size",
        "spill",
        "tls",
    )

    def __init__(
        self,
        secrets: Iterable[str] = (),
        *,
        clock: Callable[[], float],
        only_failures: bool = False,
        limit: int = LIMIT,
        session: str = "",
    ) -> None:
        self.session = session
        self.address = self.tls = ""
        self.closed = False
        self.spill: Callable[[Transcript], None] | None = None
        self.redact = Redactor(secrets)
        self.size = 0
        self.messages = 0
        self.failures = 0
        self._clock = clock
        self._limit = limit
        self._only_failures = only_failures
        self._entries: list[Any] = []
        self._left_out = 0
        self._marks: deque[tuple[int, int]] = deque()

    @classmethod
    def of(cls, server: Server, *, clock: Callable[[], float], **options: Any) -> Transcript:
        """Return an empty one for a session with ``server``; ``options`` as the class takes."""
        return cls(secrets_of(server), clock=clock, **options)

    # -- recording ----------------------------------------------------------------------------

    def said(self, words: bytes | str) -> None:
        """Record one or more commands, which hold no secret."""
        self._keep(_SAID, words, len(words))

    def said_signing_in(self, line: bytes) -> None:
        """Record a line of the AUTH dialogue: of it only AUTH and the name of the mechanism.

        The rest is a secret from now on, so that its echo is none either.
        """
        words = line.removesuffix(b"\r\n").split(b" ")
        shown, hidden = (words[:2], words[2:]) if words[0] == b"AUTH" else ([], words)
        command = b" ".join(shown).decode("utf-8", "replace")
        if hidden:
            self.redact.add(b" ".join(hidden).decode("utf-8", "replace"))
            command = f"{command} {SECRET}".strip()
        self._keep(_SAID, command, 0)

    def heard(self, replies: Sequence[Reply], size: int) -> None:
        """Record replies that came together in ``size`` bytes."""
        now = self._clock()
        for reply in replies:
            self._keep(_HEARD, reply, size, now)
            size = 0

    def heard_lines(self, code: int, text: bytes | str) -> None:
        """Record one reply with its lines as they came, without code and line ends."""
        self._keep(_LINES, (code, text), len(text))

    def note(self, text: str) -> None:
        """Record something that nobody said."""
        self._keep(_NOTE, text, len(text))

    def failed(self, text: str) -> None:
        """Record that the session could not be opened, which is a failure like any other."""
        self.note(text)
        self.failures += 1

    def content(self, number: int | None, size: int) -> None:
        """Record that the content of message ``number`` is written; of it only its size."""
        name = "" if number is None else f"message {number}, "
        self._keep(_CONTENT, f"{name}{size} bytes of content", 0)

    def began(self) -> None:
        """Note that what is recorded from here on belongs to the next transaction as well."""
        if self._only_failures:
            self._marks.append((len(self._entries), self.size))

    def ended(self, *, accepted: bool) -> None:
        """Note the end of the oldest transaction under way."""
        self.messages += 1
        self.failures += not accepted
        if self._only_failures and self._marks:
            begin = self._marks.popleft()
            if accepted:
                self._forget(begin)
            else:  # the replies to the next one came with the refusal of this one
                here = len(self._entries), self.size
                self._marks = deque(here for _ in self._marks)

    def _keep(self, kind: int, what: object, size: int, now: float = 0.0) -> None:
        size += _ENTRY
        if self.size + size > self._limit:
            self._left_out += 1
            return
        self.size += size
        self._entries += (now or self._clock(), kind, what)
        if self.size > PART and self.spill is not None:
            self.spill(self)

    def _forget(self, begin: tuple[int, int]) -> None:
        """Drop the transaction that began there, up to the beginning of the next one."""
        end = self._marks[0] if self._marks else (len(self._entries), self.size)
        entries, size = end[0] - begin[0], end[1] - begin[1]
        del self._entries[begin[0] : end[0]]
        self.size -= size
        self._marks = deque((place - entries, before - size) for place, before in self._marks)

    def silence(self) -> None:
        """Forget what is not taken yet, and record nothing more."""
        self._limit = -1
        self._entries, self.size, self._left_out = [], 0, 0
        self._marks.clear()

    # -- reading ------------------------------------------------------------------------------

    def take(self) -> Part | None:
        """Give away what can be told by now; None: there is nothing."""
        entries, kept, size = self._entries, list[Any](), 0
        if self._marks and not self.closed:  # what is under way may still be forgotten
            place, before = self._marks[0]
            entries, kept, size = entries[:place], entries[place:], self.size - before
            self._marks = deque((at - place, size_at - before) for at, size_at in self._marks)
        if not entries:
            return None
        taken, self._entries, self.size = self.size - size, kept, size
        counts = self.messages, self.failures, self._left_out
        part = Part(entries, *counts, self.redact, taken)
        self.messages = self.failures = self._left_out = 0
        return part

    def text(self) -> str:
        """Return the lines recorded so far, or since the last :meth:`take`."""
        entries = tuple(self._entries)
        return Part(entries, self.messages, self.failures, self._left_out, self.redact).text()


def secrets_of(server: Server) -> tuple[str, ...]:
    """Return what must never be read in a dialogue with ``server``."""
    username, password = server.username, server.password
    if not password:
        return ()
    return (password, f"\0{username}\0{password}", f"{username}\0{password}")


def _lines(entries: Iterable[Any], redact: Redactor) -> list[str]:
    """Return the lines; written for speed, since a busy worker has some 50,000 a second."""
    told: dict[int, str] = {}  # most replies are the same few objects, which live in the entries
    lines: list[str] = []
    second, clock = -1, ""
    items = iter(entries)
    for time, kind, what in zip(items, items, items, strict=False):
        seconds = int(time)
        if seconds != second:
            second, clock = seconds, _clock(seconds)
        stamp = f"{clock}.{int(time * 1000) - seconds * 1000:03}"
        if kind == _HEARD:
            shown = told.get(id(what))
            if shown is None:
                shown = told[id(what)] = _reply(what, redact)
            lines.append(f"{stamp} S: {shown}")
        elif kind == _SAID:
            lines.append(f"{stamp} C: {_commands(what, stamp)}")
        elif kind == _LINES:
            code, text = what
            lines.extend(f"{stamp} S: {line}" for line in _reply_lines(code, text, redact))
        elif kind == _CONTENT:
            lines.append(f"{stamp} -- {what}")
        else:
            lines.append(f"{stamp} -- {redact(clean(what))}")
    return lines


def _commands(words: bytes | str, stamp: str) -> str:
    """Return one or more commands, each but the first with its stamp in front."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    commands = text.removesuffix("\r\n").split("\r\n")
    if not text.isascii() or not "".join(commands).isprintable():
        commands = [clean(command) for command in commands]
    return f"\n{stamp} C: ".join(commands)


def _reply(reply: Reply, redact: Redactor) -> str:
    return redact(str(reply) if reply.code >= 0 else reply.text)


def _reply_lines(code: int, text: bytes | str, redact: Redactor) -> Iterator[str]:
    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    lines = redact(shown).split("\n")
    for number, line in enumerate(lines, 1):
        separator = "-" if number < len(lines) else " "
        yield f"{code}{separator}{clean(line)}".rstrip() if code >= 0 else clean(line)


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds % _DAY, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}"
