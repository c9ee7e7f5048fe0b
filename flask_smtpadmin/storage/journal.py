"""The journal: results that the database has not taken yet, on this host's own disk.

A message that a server accepted while the database is away must not be sent again because its
worker died before it could write that down. One file a worker, one line a result, each synced
before we go on. The file is locked for as long as its worker lives, in whatever container that
is; who gets the lock of another's journal knows that its worker is gone, and writes the results
down in its stead. They name messages and recipients by number and hold no content.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from flask_smtpadmin.core.recipient_end import RecipientEnd
from flask_smtpadmin.core.retry import Decision
from flask_smtpadmin.core.states import STATES
from flask_smtpadmin.storage.claims import Claimed, PendingRecipient
from flask_smtpadmin.storage.results import AFTER_MAIL, Result, Trace

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows, where there is no journal either
    fcntl = None  # type: ignore[assignment]  # there is none on Windows

log = logging.getLogger(__name__)

_SUFFIX: Final = ".jnl"
_MOMENTS: Final = ("started_at", "finished_at", "run_at")
_NEVER: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as in the tables


class Journal:
    """The results of one worker that wait for the database.

    A folder that cannot be written to is told once and changes nothing else.

    Args:
        folder: where all workers of this host keep theirs; made (mode 0700) when missing.
        worker_id: whose results these are; names the file.
    """

    def __init__(self, folder: Path, worker_id: str) -> None:
        self.path = folder / f"{worker_id}{_SUFFIX}"
        self.error = ""
        self._waiting: set[tuple[int, int]] = set()
        self._size = 0
        self._file: int | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _own(self.path)
        except OSError as error:
            self._give_up(error)

    def __len__(self) -> int:
        """How many results wait here."""
        return len(self._waiting)

    def append(self, results: Iterable[Result]) -> None:
        """Keep the results of tries that got as far as MAIL; they are on the disk afterwards."""
        wanted = [r for r in results if r.trace.phase in AFTER_MAIL and not r.kept]
        wanted = [r for r in wanted if (r.job.id, r.n) not in self._waiting]
        if self._file is None or not wanted:
            return
        lines = b"".join(map(encode, wanted))
        try:
            done = 0
            while done < len(lines):
                done += os.pwrite(self._file, lines[done:], self._size + done)
            os.fsync(self._file)
        except OSError as error:  # a full disk; what was written half is written over next time
            self._tell(error)
            return
        self.error = ""
        self._size += len(lines)
        self._waiting.update((r.job.id, r.n) for r in wanted)

    def settle(self, results: Iterable[Result]) -> None:
        """Note that the database has these; an empty journal is cut to nothing."""
        if not self._waiting:
            return
        self._waiting.difference_update((r.job.id, r.n) for r in results)
        if not self._waiting and self._file is not None:
            with suppress(OSError):  # what stays is replayed in vain: the fences hold
                os.ftruncate(self._file, 0)
            self._size = 0

    def close(self) -> None:
        """End it; the file stays when results wait in it."""
        if self._file is None:
            return
        if not self._waiting:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._file)
        self._file = None

    def _give_up(self, error: OSError) -> None:
        self._file = None
        self._tell(error)

    def _tell(self, error: OSError) -> None:
        if not self.error:
            log.warning(
                "There is no journal in %s (%s): should the database go away and this worker die "
                "before it is back, mail that was accepted in between may be sent twice.",
                self.path.parent,
                error.strerror or error,
            )
        self.error = error.strerror or str(error)


def replay(folder: Path, write: Callable[[str, Sequence[Result]], int]) -> int:
    """Write down what workers of this host that are gone could not.

    Args:
        folder: as for :class:`Journal`.
        write: writes the results of the worker with this id, guarded by their lease tokens, and
            returns how many were still to be written; may raise: the journal stays then.

    Returns:
        How many results were written.
    """
    count = 0
    for path in sorted(_found(folder)):
        with _taken(path) as file:
            if file is None:
                continue  # its worker lives, or somebody else is at it
            results = list(read(file, path.name))
            written = write(path.name.removesuffix(_SUFFIX), results) if results else 0
            if results:
                log.warning("Journal %s: wrote %d of %d results.", path, written, len(results))
            count += written
            with suppress(OSError):
                path.unlink()
    return count


def waiting(folder: Path) -> int:
    """Return how many journals in ``folder`` hold results that wait to be written."""
    sizes = []
    for path in _found(folder):
        with suppress(OSError):
            sizes.append(path.stat().st_size)
    return sum(size > 0 for size in sizes)


def encode(result: Result) -> bytes:
    """Return one line: the checksum (CRC-32) and the result as JSON."""
    numbers = {item.address: item.id for item in result.job.recipients}
    decision = asdict(result.decision)
    decision["recipients"] = [
        [numbers[end.address], end.state, end.code, end.reply]
        for end in result.decision.recipients
        if end.address in numbers
    ]
    document = {
        "id": result.job.id,
        "token": result.job.token,
        "n": result.n,
        "secret": bool(result.job.secret),
        "decision": decision,
        "trace": asdict(result.trace),
    }
    body = json.dumps(document, separators=(",", ":"), default=datetime.isoformat).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Result:
    """Return what :func:`encode` was given, its recipients named by number.

    Raises:
        ValueError: the line is not whole, or of a version that knew other things.
    """
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        raise ValueError("the checksum is wrong")
    try:
        document = json.loads(body)
        decision, trace = _dated(document["decision"]), _dated(document["trace"])
        ends = [(int(number), *rest) for number, *rest in decision.pop("recipients")]
        if decision["state"] not in STATES:
            raise ValueError("the state is unknown")
        recipients = tuple(RecipientEnd(str(number), *rest) for number, *rest in ends)
        job = _reminder(int(document["id"]), document["token"], [number for number, *_ in ends])
        job.secret = document.get("secret", False)  # those of earlier versions know of none
        made = Decision(**decision, recipients=recipients)
        return Result(job, int(document["n"]), made, Trace(**trace))
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def read(file: int, name: str) -> Iterator[Result]:
    """Return the results of an open journal; a broken line is told and passed over."""
    with os.fdopen(os.dup(file), "rb") as stream:
        stream.seek(0)
        for number, line in enumerate(stream, 1):
            try:
                yield decode(line.removesuffix(b"\n"))
            except ValueError as error:
                log.warning("Journal %s: line %d is passed over: %s.", name, number, error)


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value else value
        for name, value in values.items()
    }


def _reminder(number: int, token: str, recipients: Iterable[int]) -> Claimed:
    """Return as much of a claimed message as it takes to write its result."""
    return Claimed(
        id=number,
        token=token,
        message_id="",
        priority=0,
        due_at=_NEVER,
        expires_at=None,
        sender=None,
        has_reply_to=False,
        smtputf8=False,
        eight_bit=False,
        size=0,
        server_key=None,
        cleared=False,
        on_uncertain=None,
        attempts=0,
        failures=0,
        recipients=tuple(PendingRecipient(item, str(item)) for item in recipients),
    )


def _own(path: Path) -> int:
    """Make and lock a journal; a sweep may have taken the new file for a dead worker's."""
    if fcntl is None:  # pragma: no cover - see above
        raise OSError("this system has no file locks")
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            _sync_folder(path.parent)
            return file
        os.close(file)


def _sync_folder(folder: Path) -> None:
    """Let the file's name outlive a power cut, too."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _found(folder: Path) -> list[Path]:
    if fcntl is None:  # pragma: no cover - see above
        return []
    try:
        return list(folder.glob(f"*{_SUFFIX}"))
    except OSError as error:
        log.warning("The journals in %s cannot be looked for: %s.", folder, error.strerror)
        return []


@contextmanager
def _taken(path: Path) -> Iterator[int | None]:
    """Open and lock a journal that nobody holds; None: somebody does, or it cannot be read."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        log.warning("Journal %s cannot be read: %s.", path, error.strerror)
        yield None
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
        else:
            yield file if os.fstat(file).st_nlink else None
    finally:
        os.close(file)
