"""aiosmtplib's own commands behind our interface: what the pipelined path is held against."""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiosmtplib

from flask_smtpadmin.core.transaction import (
    Envelope,
    Phase,
    ProtocolFault,
    RecipientReply,
    Reply,
    Transaction,
)
from flask_smtpadmin.transport import stepwise
from flask_smtpadmin.transport.exchange import GO_AHEAD, RSET, deciding, ends_session, final
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.pipeline import Ended, NextEnvelope
from flask_smtpadmin.transport.smtp import SMTPSession, underneath
from flask_smtpadmin.transport.stepwise import unasked
from flask_smtpadmin.transport.wire import MALFORMED, crlf, make_reply, stuff

_QUIT_SECONDS = 2.0


class ReferenceSession(SMTPSession):
    """Opens as the engine ``aiosmtplib`` does and stays with it, one command after another."""

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""
        return self._client is not None and self._client.is_connected

    @property
    def phase(self) -> Phase:
        """How far the session or its present transaction got."""
        return self._phase

    async def relay(self, next_envelope: NextEnvelope, ended: Ended) -> None:
        """Hand messages over, one after the other."""
        await stepwise.relay(self, next_envelope, ended)

    async def transact(self, envelope: Envelope) -> Transaction:
        """Hand one message over."""
        started = time.perf_counter()
        asked: list[RecipientReply] = []
        self.served += 1
        self._phase = "sender"
        fault: BaseException | None = None
        reply: Reply | None = None
        try:
            reply = await self._hand_over(envelope, asked)
        except (OSError, aiosmtplib.SMTPException) as error:
            fault = underneath(error)
        except asyncio.CancelledError:
            self._drop()
            raise
        if fault is not None or (reply is not None and ends_session(reply)):
            self._drop()
        recipients = (*asked, *unasked(envelope, len(asked)))
        elapsed = (time.perf_counter() - started) * 1000
        return Transaction(self._phase, recipients, reply, elapsed, fault)

    async def close(self) -> None:
        """Say QUIT and close."""
        if self._client is not None and self._client.is_connected:
            with contextlib.suppress(OSError, aiosmtplib.SMTPException):
                await self._client.quit(timeout=_QUIT_SECONDS)
        self._drop()

    def _take_over(self) -> None:
        """Leave the transport to aiosmtplib."""

    async def _hand_over(self, envelope: Envelope, asked: list[RecipientReply]) -> Reply:
        client, offers = self._opened, Offers.of(self.extensions)
        content = crlf(envelope.content)
        refused = offers.refusal(envelope, len(content))
        if refused is not None:
            return refused
        options = offers.parameters(envelope, len(content))
        encoding = "utf-8" if envelope.smtputf8 else "ascii"
        try:
            await client.mail(envelope.sender, options=options, encoding=encoding)
        except aiosmtplib.SMTPResponseException as error:
            return await self._refused(_reply(error))
        self._phase = "recipient"
        for address in envelope.recipients:
            answer = await self._recipient(address, encoding)
            asked.append(RecipientReply(address, answer))
            if ends_session(answer):
                return answer
        if not any(item.accepted for item in asked):
            return await self._refused(deciding(asked))
        self._phase = "data"
        reply = _reply(await client.execute_command(b"DATA"))
        return await (self._content(content) if reply.code == GO_AHEAD else self._refused(reply))

    async def _recipient(self, address: str, encoding: str) -> Reply:
        try:
            return _reply(await self._opened.rcpt(address, encoding=encoding))
        except aiosmtplib.SMTPResponseException as error:
            return _reply(error)

    async def _content(self, content: bytes) -> Reply:
        protocol = self._opened.protocol
        if protocol is None:
            raise ProtocolFault("the link is gone")
        self._phase = "body"
        protocol.write(stuff(content))
        try:
            reply = _reply(await protocol.read_response(timeout=self.server.data_timeout))
        except aiosmtplib.SMTPResponseException as error:
            reply = _reply(error)
        if not final(reply):
            return Reply(MALFORMED, "", reply.text)
        self._phase = "done"
        return reply

    async def _refused(self, reply: Reply) -> Reply:
        """Reset the transaction, unless the session ends with it."""
        if reply.positive or ends_session(reply):
            self._drop()
            return reply
        try:
            answer = _reply(await self._opened.execute_command(RSET.strip()))
        except (OSError, aiosmtplib.SMTPException):
            self._drop()
        else:
            if not answer.positive:
                self._drop()
        return reply


def _reply(response: aiosmtplib.SMTPResponse | aiosmtplib.SMTPResponseException) -> Reply:
    return make_reply(response.code, response.message)
