"""From a claimed message to what is handed over: the sender block in front, and the envelope."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from flask_smtpadmin.core.errors import SecretUnreadable
from flask_smtpadmin.core.mail.address import Address, format_mailbox, parse_address
from flask_smtpadmin.core.mail.mime import sender_block, sender_email
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope
from flask_smtpadmin.storage.claims import Claimed

#: Tells the tries of one message apart; the Message-ID is the same on all of them.
TRACE_HEADER: Final = "X-SMTPAdmin-Attempt"


#: Opens the content of the secret message with this Message-ID; raises SecretUnreadable.
Unseal = Callable[[str, bytes], bytes]


def sealed_for_good(_message_id: str, _body: bytes) -> bytes:
    """Stand in for what opens secret messages where none was given."""
    raise SecretUnreadable("Nothing opens secret messages here.")


def build_envelope(
    message: Claimed, server: Server, attempt: int, unseal: Unseal = sealed_for_good
) -> Envelope:
    """Return what the server is given as try number ``attempt``, for the pending recipients.

    This is the one place of a worker in which a secret message is open.

    Raises:
        InvalidMessage: sender or Reply-To cannot be used.
        LookupError: the content or every recipient is gone.
        SecretUnreadable: it is secret, and no key opens it.
    """
    if message.content is None:
        raise LookupError("the content of the message is gone")
    if not message.recipients:
        raise LookupError("no recipient of the message is pending")
    content = message.content
    if message.secret:
        content = unseal(message.message_id, content)
    sender = mailbox(message.sender, server)
    reply_to = "" if message.has_reply_to else default_reply_to(message.sender, server)
    block = _block(sender, reply_to, attempt)
    return Envelope(
        sender=message.envelope_from or server.envelope_from or sender_email(sender),
        recipients=tuple(recipient.address for recipient in message.recipients),
        content=block + content,
        smtputf8=message.smtputf8 or not block.isascii(),
        eight_bit=message.eight_bit,
        number=message.id,
        secret=bool(message.secret),
    )


def mailbox(own: str | None, server: Server) -> str:
    """Return From: the message's own sender, else (or by FORCE_FROM) the server's."""
    if own and not server.force_from:
        return own
    return _server_mailbox(server.from_name, server.from_email)


def default_reply_to(own: str | None, server: Server) -> str:
    """Return Reply-To for a message that brings none; a replaced sender still gets the answers."""
    if server.reply_to:
        return server.reply_to
    return own if own and server.force_from else ""


@lru_cache(maxsize=256)
def _server_mailbox(name: str, email: str) -> str:
    return format_mailbox(Address(name, parse_address(email, field="sender").email))


@lru_cache(maxsize=1024)  # mostly the same few senders, and first tries
def _block(sender: str, reply_to: str, attempt: int) -> bytes:
    return sender_block(sender, reply_to=reply_to, trace={TRACE_HEADER: str(attempt)})
