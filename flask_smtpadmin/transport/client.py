"""aiosmtplib's client as we need it: dropped at once when it fails, and with a transcript."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

import aiosmtplib

from flask_smtpadmin.core.transcript import Transcript

_CHALLENGE: Final = 334


class Client(aiosmtplib.SMTP):
    """Opens sessions; ``transcript`` records what is said, the secrets of AUTH left out."""

    def __init__(self, transcript: Transcript | None, **options: Any) -> None:
        super().__init__(**options)
        self._transcript = transcript
        self._signing_in = False

    def close(self) -> None:
        """Drop the connection; its own ``close`` waits up to 30 s for the peer's farewell."""
        transport = cast("asyncio.Transport | None", self.transport)
        super().close()
        if transport is not None:
            transport.abort()

    async def connect(self, **options: Any) -> aiosmtplib.SMTPResponse:
        """Connect and read the greeting."""
        try:
            return self._heard(await super().connect(**options))
        except aiosmtplib.SMTPResponseException as refusal:
            self._hear(refusal.code, refusal.message)
            raise

    async def execute_command(self, *args: bytes, **options: Any) -> aiosmtplib.SMTPResponse:
        """Say one command and return the reply."""
        self._say(args)
        try:
            response = self._heard(await super().execute_command(*args, **options))
        except aiosmtplib.SMTPResponseException as broken:
            self._hear(broken.code, broken.message)
            raise
        self._signing_in = self._signing_in and response.code == _CHALLENGE
        return response

    async def starttls(self, *args: Any, **options: Any) -> aiosmtplib.SMTPResponse:
        """Ask for TLS and begin it."""
        if self._transcript is not None:
            self._transcript.said("STARTTLS")
        try:
            return self._heard(await super().starttls(*args, **options))
        except aiosmtplib.SMTPResponseException as refusal:
            self._hear(refusal.code, refusal.message)
            raise

    def _say(self, args: tuple[bytes, ...]) -> None:
        transcript = self._transcript
        if transcript is None:
            return
        self._signing_in = self._signing_in or args[0] == b"AUTH"
        line = b" ".join(args)
        if self._signing_in:
            transcript.said_signing_in(line)
        else:
            transcript.said(line)

    def _heard(self, response: aiosmtplib.SMTPResponse) -> aiosmtplib.SMTPResponse:
        self._hear(response.code, response.message)
        return response

    def _hear(self, code: int, message: str) -> None:
        if self._transcript is not None:
            self._transcript.heard_lines(code, message)
