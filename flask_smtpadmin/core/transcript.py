"""The dialogue of one session, line by line and without its secrets.

What we say while signing in is recorded without the secret in the first place; what a server says
goes through a :class:`~flask_smtpadmin.core.redact.Redactor`, because a hostile one repeats what
it heard. The content of messages is never recorded.

A worker records thousands of messages a second. So recording appends bytes to one flat list: a
tuple for each line would be looked at by each run of Python's garbage collector. A part of it is
searched for secrets and packed as a whole; only who reads it makes text of it.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

from flask_smtpadmin.core.redact import SECRET, Redactor, bytes_without_links, clean
from flask_smtpadmin.core.settings import Server

#: How much one transcript holds at once, in bytes (as good as they can be counted).
LIMIT: Final = 262_144
#: At this size a part is given away, where somebody takes parts.
PART: Final = 32_768
#: What an entry takes besides its text.
_ENTRY: Final = 60
_DAY: Final = 86_400

#: The longest beginning of a line that waits for its end.
_LONGEST: Final = 8192

#: What we said is 0, so that all else is quickly told from it.
_SAID, _HEARD, _NOTE, _CONTENT = range(4)
#: Three items for each thing said: time (seconds since 1970, UTC), kind, bytes.
_ITEMS: Final = 3
_TEXT, _RAW = b"T", b"R"


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
        return self.redact.sweep(_text(self.entries, self.redact) + self._missing())

    def packed(self) -> bytes:
        """Return it in a form that is quickly made and that :func:`unpacked` makes text of.

        Where there is any trace of a secret that is the text, which was searched line by line.
        """
        times, kinds, words = (self.entries[first::_ITEMS] for first in range(_ITEMS))
        blob = b"\n".join(words)
        missing = self._missing()
        heard = b"\n".join(compress(words, kinds))
        if missing or self.redact.finds(blob) or self.redact.finds_spread(heard):
            return _TEXT + self.text().encode("utf-8", "replace")
        sizes = array("I", map(len, words))
        count = array("I", [len(times)])
        parts = (count, array("d", times), bytes(kinds), sizes)
        return b"".join((_RAW, *map(bytes, parts), *words))

    def _missing(self) -> str:
        return f"-- … {self.left_out} more lines are left out\n" if self.left_out else ""


def unpacked(data: bytes) -> str:
    """Return the text of :meth:`Part.packed`."""
    kind, rest = data[:1], memoryview(data)[1:]
    if kind == _TEXT:
        return bytes(rest).decode("utf-8", "replace")
    counts, times, sizes = array("I"), array("d"), array("I")
    counts.frombytes(rest[: counts.itemsize])
    count, at = counts[0], counts.itemsize
    times.frombytes(rest[at : at + count * times.itemsize])
    at += count * times.itemsize
    kinds = rest[at : at + count]
    at += count
    sizes.frombytes(rest[at : at + count * sizes.itemsize])
    at += count * sizes.itemsize
    entries: list[Any] = []
    for time, one, size in zip(times, kinds, sizes, strict=True):
        entries += (time, one, bytes(rest[at : at + size]))
        at += size
    return _text(entries, None)


def packed_text(text: str) -> bytes:
    """Return a text that holds no secrets in the form of :meth:`Part.packed`."""
    return _TEXT + text.encode("utf-8", "replace")


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
        "_begun",
        "_clock",
        "_discreet",
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
        self._begun = b""
        self._discreet = False
        self._marks: deque[tuple[int, int]] = deque()

    @classmethod
    def of(cls, server: Server, *, clock: Callable[[], float], **options: Any) -> Transcript:
        """Return an empty one for a session with ``server``; ``options`` as the class takes."""
        return cls(secrets_of(server), clock=clock, **options)

    # -- recording ----------------------------------------------------------------------------

    def said(self, words: bytes | str) -> None:
        """Record one or more commands, which hold no secret."""
        self._keep(_SAID, words if isinstance(words, bytes) else words.encode())

    def said_signing_in(self, line: bytes) -> None:
        """Record a line of the AUTH dialogue: of it only AUTH and the name of the mechanism.

        The rest is a secret from now on, so that its echo is none either.
        """
        words = line.removesuffix(b"\r\n").split(b" ")
        shown, hidden = (words[:2], words[2:]) if words[0] == b"AUTH" else ([], words)
        if hidden:
            self.redact.add(b" ".join(hidden).decode("utf-8", "replace"))
            shown = [*shown, SECRET.encode()]
        self._keep(_SAID, b" ".join(shown))

    def heard(self, data: bytes) -> None:
        """Record what came from the server; a line is recorded when its end has come."""
        if self._begun or not data.endswith(b"\n"):
            lines, end, self._begun = (self._begun + data).rpartition(b"\n")
            data = lines + end
            if len(self._begun) > _LONGEST:
                data, self._begun = data + self._begun, b""
            if not data:
                return
        self._keep(_HEARD, data)

    def heard_lines(self, code: int, text: bytes | str) -> None:
        """Record one reply by its code, -1 for what is none, and its lines without their ends."""
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        if code >= 0:
            lines = data.split(b"\n")
            firm = [b"%d-%b" % (code, line) for line in lines[:-1]]
            data = b"\n".join((*firm, (b"%d %b" % (code, lines[-1])).rstrip()))
        self._keep(_HEARD, data)

    def note(self, text: str) -> None:
        """Record something that nobody said."""
        if self._begun:
            begun, self._begun = self._begun, b""
            self._keep(_HEARD, begun)
        self._keep(_NOTE, text.encode("utf-8", "replace"))

    def failed(self, text: str) -> None:
        """Record that the session could not be opened, which is a failure like any other."""
        self.note(text)
        self.failures += 1

    def content(self, number: int | None, size: int) -> None:
        """Record that the content of message ``number`` is written; of it only its size."""
        name = b"" if number is None else b"message %d, " % number
        self._keep(_CONTENT, b"%b%d bytes of content" % (name, size))

    def began(self, *, secret: bool = False) -> None:
        """Note that what is recorded from here on belongs to the next transaction as well.

        After one with a ``secret`` message links in replies are left out: it may be its own.
        """
        self._discreet |= secret
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

    def _keep(self, kind: int, words: bytes) -> None:
        if self._discreet and kind != _SAID:
            words = bytes_without_links(words)
        size = self.size + len(words) + _ENTRY
        if size > self._limit:
            self._left_out += 1
            return
        self.size = size
        self._entries += (self._clock(), kind, words)
        if size > PART and self.spill is not None:
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
        self._entries, self.size, self._left_out, self._begun = [], 0, 0, b""
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


def _text(entries: Iterable[Any], redact: Redactor | None) -> str:
    told: dict[bytes, str] = {}  # most replies are the same few
    lines: list[str] = []
    items = iter(entries)
    for time, kind, words in zip(items, items, items, strict=False):
        seconds = int(time)
        stamp = f"{_clock(seconds)}.{int(time * 1000) - seconds * 1000:03}"
        if kind == _HEARD:
            shown = told.get(words)
            if shown is None:
                shown = told[words] = _cleaned(words, redact)
            lines += [f"{stamp} S: {line}" for line in shown.split("\n")]
        elif kind == _SAID:
            lines += [f"{stamp} C: {line}" for line in _cleaned(words, None).split("\n")]
        else:
            lines.append(f"{stamp} -- {_cleaned(words, redact)}")
    lines.append("")
    return "\n".join(lines)


def _cleaned(words: bytes, redact: Redactor | None) -> str:
    """Return lines without secrets and without what could harm a reader, joined by LF."""
    text = words.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\r\n")
    shown = text if redact is None else redact(text)
    return "\n".join(clean(line) for line in shown.split("\n"))


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds % _DAY, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}"
