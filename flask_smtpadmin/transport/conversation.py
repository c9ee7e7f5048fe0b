"""One mail transaction (RFC 5321 3.3) over a :class:`MailProtocol`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from flask_smtpadmin.core.transaction import (
    Envelope,
    Phase,
    ProtocolFault,
    RecipientReply,
    Reply,
    Transaction,
)
from flask_smtpadmin.transport.dial import Observer
from flask_smtpadmin.transport.pipeline import CHUNK, SHUTTING_DOWN, MailProtocol
from flask_smtpadmin.transport.wire import (
    MALFORMED,
    announced_size,
    crlf,
    mail_command,
    plain_address,
    rcpt_command,
    stuff,
)

GO_AHEAD: Final = 354
_RESET_SECONDS: Final = 5.0


def refusal(envelope: Envelope, size: int, extensions: Mapping[str, str]) -> Reply | None:
    """Return the refusal that the server has announced for ``envelope``, else None.

    ``size`` is that of the content in bytes. Nothing is sent then: the reply is ours, with the
    codes that the server would use (RFC 1870 6.1, RFC 6531 3.5, RFC 5321 4.1.2).
    """
    limit = announced_size(dict(extensions))
    if limit and size > limit:
        return Reply(552, "5.3.4", f"not sent: {size} bytes, and the server takes {limit} at most")
    addresses = (envelope.sender, *envelope.recipients)
    international = envelope.smtputf8 or not all(item.isascii() for item in addresses)
    if international and "smtputf8" not in extensions:
        return Reply(553, "5.6.7", "not sent: it needs SMTPUTF8, which the server does not offer")
    if not all(plain_address(item) for item in addresses):
        return Reply(501, "5.1.3", "not sent: an address holds characters that end a command")
    if not envelope.recipients:
        return Reply(554, "5.5.1", "not sent: there is no recipient")
    return None


class Conversation:
    """Runs one transaction; ``phase`` is known at every moment.

    ``timeout`` bounds the reply to each command, ``data_timeout`` the final one and each chunk
    of content, both in seconds. ``observer`` hears of each step that went well.
    """

    def __init__(
        self,
        link: MailProtocol,
        extensions: Mapping[str, str],
        *,
        timeout: float,
        data_timeout: float,
        observer: Observer | None = None,
    ) -> None:
        self.phase: Phase = "sign_in"
        self._link = link
        self._extensions = extensions
        self._timeout = timeout
        self._data_timeout = data_timeout
        self._observer = observer
        self._pipelined = "pipelining" in extensions
        self._recipients: list[RecipientReply] = []
        self._started = time.perf_counter()

    async def run(self, envelope: Envelope) -> Transaction:
        """Hand ``envelope`` over and say how it ended; a cancelled one drops the link."""
        content = crlf(envelope.content)
        refused = refusal(envelope, len(content), self._extensions)
        if refused is not None:
            return self._ended(envelope, "sender", refused)
        try:
            return await self._exchange(envelope, content)
        except OSError as error:
            self._link.abort(error)
            return self._ended(envelope, self.phase, None, error)
        except BaseException:
            self._link.abort(ConnectionAbortedError("the transaction was cancelled"))
            raise

    async def _exchange(self, envelope: Envelope, content: bytes) -> Transaction:
        sender = mail_command(envelope, len(content), dict(self._extensions))
        recipients = [rcpt_command(address) for address in envelope.recipients]
        if self._pipelined:
            flight = (sender, *recipients, b"DATA\r\n")
            self._link.write(b"".join(flight), replies=len(flight))
        reply = await self._ask("sender", sender)
        if not reply.positive:
            await self._leave(len(recipients), mail_accepted=False)
            return self._ended(envelope, "sender", reply)
        for address, command in zip(envelope.recipients, recipients, strict=True):
            reply = await self._ask("recipient", command)
            self._recipients.append(RecipientReply(address, reply))
            if reply.code in {SHUTTING_DOWN, MALFORMED}:
                return self._ended(envelope, "recipient", reply)
        if not any(item.accepted for item in self._recipients):
            await self._leave(0, mail_accepted=True)
            return self._ended(envelope, "recipient", deciding(self._recipients))
        reply = await self._ask("data", b"DATA\r\n")
        if reply.code != GO_AHEAD:
            await self._reset()
            return self._ended(envelope, "data", reply)
        return await self._content(envelope, content)

    async def _ask(self, phase: Phase, command: bytes) -> Reply:
        """Return the reply to ``command``, which is on its way already when pipelined."""
        if not self._pipelined:
            self._link.write(command, replies=1)
        self.phase = phase
        reply = await self._link.reply(self._timeout)
        if self._observer is not None and reply.positive:
            self._observer(phase, "", str(reply))
        return reply

    async def _content(self, envelope: Envelope, content: bytes) -> Transaction:
        """Write the content and wait for the final reply: from here on it may be accepted."""
        body = stuff(content)
        self._link.write(b"", replies=1)
        self.phase = "body"
        try:
            for start in range(0, len(body), CHUNK):
                self._link.write(body[start : start + CHUNK], replies=0)
                await self._link.drain(self._data_timeout)
        except OSError:
            early = self._link.answered
            if early is None or early.positive:
                raise  # only a refusal can rightly come before the end of the content
        reply = await self._link.reply(self._data_timeout)
        if not (reply.positive or 400 <= reply.code < 600):  # noqa: PLR2004 - RFC 5321 4.2.1
            self._link.condemn(ProtocolFault(f"no final reply: {reply}"))
            return self._ended(envelope, "body", Reply(MALFORMED, "", reply.text))
        self.phase = "done"
        if self._observer is not None and reply.positive:
            self._observer("done", "", str(reply))
        return self._ended(envelope, "done", reply)

    async def _leave(self, recipients: int, *, mail_accepted: bool) -> None:
        """End a transaction that nobody accepted so that the next one may begin.

        Pipelined, DATA has been written: a server that answers 354 all the same gets an empty
        message (RFC 2920 3.1), unless it might deliver that to somebody.
        """
        try:
            if self._pipelined:
                await self._drop_content(recipients)
            elif not mail_accepted:
                return
        except OSError as error:
            self._link.abort(error)
            return
        await self._reset()

    async def _drop_content(self, recipients: int) -> None:
        took = [(await self._link.reply(self._timeout)).positive for _ in range(recipients)]
        reply = await self._link.reply(self._timeout)
        if reply.code != GO_AHEAD:
            return
        if any(took):
            raise ProtocolFault("the server waits for content that somebody would get")
        self._link.write(b".\r\n", replies=1)
        await self._link.reply(self._timeout)

    async def _reset(self) -> None:
        """Say RSET; a server that does not take it is left."""
        try:
            self._link.write(b"RSET\r\n", replies=1)
            reply = await self._link.reply(min(self._timeout, _RESET_SECONDS))
        except OSError as error:
            self._link.abort(error)
            return
        if not reply.positive:
            self._link.condemn(ProtocolFault(f"RSET: {reply}"))

    def _ended(
        self,
        envelope: Envelope,
        phase: Phase,
        reply: Reply | None,
        error: BaseException | None = None,
    ) -> Transaction:
        self.phase = phase
        known = len(self._recipients)
        unasked = (RecipientReply(address, None) for address in envelope.recipients[known:])
        elapsed = (time.perf_counter() - self._started) * 1000
        return Transaction(phase, (*self._recipients, *unasked), reply, elapsed, error)


def deciding(recipients: Sequence[RecipientReply]) -> Reply | None:
    """Return the reply that stands for all when every recipient was refused: waiting may help."""
    replies = [item.reply for item in recipients if item.reply is not None]
    return next((reply for reply in replies if reply.code < 500), replies[0] if replies else None)  # noqa: PLR2004 - RFC 5321 4.2.1
