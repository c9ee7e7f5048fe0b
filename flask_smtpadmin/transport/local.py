"""Engines that reach no server: mail is printed, written to a folder, or kept in memory."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import (
    Connected,
    Envelope,
    Phase,
    RecipientReply,
    Reply,
    Transaction,
    TransportFailure,
)
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.transport import stepwise
from flask_smtpadmin.transport.dial import Observer
from flask_smtpadmin.transport.pipeline import Ended, NextEnvelope
from flask_smtpadmin.transport.tls import Encryption

#: Where the engine ``file`` writes when HOST names no folder, below the working directory.
FOLDER: Final = "smtpadmin-mail"


@dataclass(frozen=True, slots=True)
class Kept:
    """One message that the engine ``memory`` took."""

    server: str
    envelope: Envelope


#: What the engine ``memory`` took in this process, oldest first; the last 1,000 messages.
MEMORY: Final[deque[Kept]] = deque(maxlen=1000)


class LocalSession(ABC):
    """Accepts every message; the subclasses say what becomes of it."""

    def __init__(
        self,
        server: Server,
        observer: Observer | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self.server = server
        self.usable = False
        self.phase: Phase = "resolve"
        self.encryption: Encryption | None = None
        self.welcome = ""
        self.served = 0
        self.last_used = time.monotonic()
        self.transcript = transcript
        self._tell: Observer = observer or (lambda _phase, _detail, _reply: None)

    @property
    def place(self) -> str:
        """Where the mail goes, for people."""
        return self.server.engine

    async def open(self) -> Connected:
        """Make ready; raises TransportFailure when the place cannot be used."""
        try:
            self.prepare()
        except OSError as error:
            reason = f"{self.place}: {error.strerror or error}"
            fault = ConfigurationError(reason, field="host")
            raise TransportFailure("connect", error=fault, address=self.place) from error
        self._tell("connect", self.place, "")
        self.phase = "sign_in"
        self.usable = True
        return Connected(self.place, "")

    def hold(self) -> None:  # noqa: B027 - for all of them there is nothing to hold back
        """Do nothing: no message begins here before the one in front has ended."""

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over, one after the other."""
        await stepwise.relay(self, next_envelope, ended)

    async def transact(self, envelope: Envelope) -> Transaction:
        """Keep one message."""
        started = time.perf_counter()
        self.served += 1
        self.phase = "body"
        try:
            name = self.keep(envelope)
            reply = Reply(250, "2.0.0", f"kept: {name}")
        except OSError as error:
            # Nothing is uncertain here: what could not be written was not taken.
            reply = Reply(452, "4.3.1", f"{self.place}: {error.strerror or error}")
        self.phase = "done"
        self.last_used = time.monotonic()
        accepted = Reply(250, "2.1.5", "ok")
        if self.transcript is not None:
            self._record(self.transcript, envelope, reply)
        recipients = tuple(RecipientReply(item, accepted) for item in envelope.recipients)
        elapsed = (time.perf_counter() - started) * 1000
        return Transaction("done", recipients, reply, elapsed)

    async def close(self) -> None:
        """Let go."""
        self.usable = False

    def _record(self, transcript: Transcript, envelope: Envelope, reply: Reply) -> None:
        transcript.began(secret=envelope.secret)
        transcript.content(envelope.number, len(envelope.content))
        transcript.note(f"{self.place}: {reply}")
        transcript.ended(accepted=reply.positive)

    def prepare(self) -> None:  # noqa: B027 - most places need nothing
        """Make the place ready; raises OSError."""

    @abstractmethod
    def keep(self, envelope: Envelope) -> str:
        """Keep one message and return a name for it; raises OSError."""


class ConsoleSession(LocalSession):
    """Prints each message on standard output."""

    def keep(self, envelope: Envelope) -> str:
        """Print envelope and content."""
        text = envelope.content.decode("utf-8", "replace").replace("\r\n", "\n")
        recipients = ", ".join(envelope.recipients)
        line = "-" * 72
        text = f"{line}\n{envelope.sender} -> {recipients}\n{line}\n{text}\n{line}\n"
        encoding = sys.stdout.encoding or "utf-8"  # in the C locale it may know few letters
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
        return "printed"


class FileSession(LocalSession):
    """Writes each message as ``.eml`` into the folder that HOST names."""

    @property
    def place(self) -> str:
        """The folder, absolute."""
        return str(Path(self.server.host or FOLDER).absolute())

    def prepare(self) -> None:
        """Make the folder, readable by this user only."""
        Path(self.place).mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, envelope: Envelope) -> str:
        """Write the file under a name of its own; a half-written one is never seen."""
        folder = Path(self.place)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{uuid4().hex[:8]}.eml"
        part = folder / f".{name}.part"
        trace = f"X-Envelope-From: <{envelope.sender}>\r\n"
        trace += "".join(f"X-Envelope-To: <{item}>\r\n" for item in envelope.recipients)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(trace.encode() + envelope.content)
        part.rename(folder / name)
        return name


class MemorySession(LocalSession):
    """Keeps each message in :data:`MEMORY`, for tests."""

    def keep(self, envelope: Envelope) -> str:
        """Append it."""
        MEMORY.append(Kept(self.server.key, envelope))
        return f"number {len(MEMORY)}"
