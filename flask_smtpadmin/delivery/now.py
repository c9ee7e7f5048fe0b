"""Hand one message over at once, in the caller's own time."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.errors import ConfigurationError, DeliveryError
from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.mail.mime import Built, sender_block, sender_email
from flask_smtpadmin.core.receipt import Receipt
from flask_smtpadmin.core.replies import classify, classify_transaction
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, Phase, Transaction, TransportFailure
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.delivery.envelope import TRACE_HEADER, default_reply_to, mailbox
from flask_smtpadmin.delivery.own_loop import run
from flask_smtpadmin.transport import Session, open_session, opened

LIMIT: Final = 30.0


def send_now(  # noqa: PLR0913 - all but two by keyword
    built: Built,
    server: Server,
    *,
    sender: str | None = None,
    policy: HostPolicy = PRIVATE,
    limit: float = LIMIT,
    transcript: Transcript | None = None,
) -> Receipt:
    """Hand ``built`` to ``server`` now and return the receipt; ``limit`` in seconds, in all.

    The From mailbox is ``sender``, else the message's own, else the server's; ``transcript``
    records what is said. Raises
    DeliveryError when the server took it for nobody, ConfigurationError when the server's
    settings cannot be used or there is no sender.
    """
    check_usable(server)
    envelope = envelope_of(built, server, sender=sender)
    started = time.perf_counter()
    session = open_session(server, policy=policy, transcript=transcript)
    result = run(lambda: _hand_over(session, envelope, limit))
    if not result.accepted:
        raise _error(result, server)
    return Receipt(
        message_id=built.message_id,
        server=server.key,
        reply=str(result.reply),
        accepted=tuple(item.address for item in result.recipients if item.accepted),
        refused={item.address: str(item.reply) for item in result.recipients if not item.accepted},
        ms=(time.perf_counter() - started) * 1000,
    )


def check_usable(server: Server) -> None:
    """Raise ConfigurationError for a server whose settings cannot be used."""
    for problem in server.problems:
        raise ConfigurationError(problem.message, field=problem.field, variable=problem.variable)
    if not server.configured:
        raise ConfigurationError("There is no mail server host yet.", field="host")


def envelope_of(built: Built, server: Server, *, sender: str | None = None) -> Envelope:
    """Return what goes to ``server``: the sender block in front, every recipient of ``built``.

    Raises ConfigurationError when neither ``sender``, message nor server names a From mailbox.
    """
    own = sender or built.sender
    if not server.from_email and (not own or server.force_from):
        raise ConfigurationError("There is no From address to send with.", field="from_email")
    chosen = mailbox(own, server)
    reply_to = "" if built.has_reply_to else default_reply_to(own, server)
    block = sender_block(chosen, reply_to=reply_to, trace={TRACE_HEADER: "1"})
    return Envelope(
        sender=server.envelope_from or sender_email(chosen),
        recipients=tuple(item.address for item in built.recipients),
        content=block + built.content,
        smtputf8=built.smtputf8 or not block.isascii(),
        eight_bit=built.eight_bit,
    )


async def _hand_over(session: Session, envelope: Envelope, limit: float) -> Transaction:
    server = session.server
    try:
        async with asyncio.timeout(limit):
            await opened(session)
            return await session.transact(envelope)
    except TransportFailure as failure:
        raise _error(failure, server) from failure
    except TimeoutError as error:
        raise _late(session.phase, limit, server) from error
    finally:
        await session.close()


def _error(result: Transaction | TransportFailure, server: Server) -> DeliveryError:
    outcome = classify_transaction(result, provider=server.preset) or classify("")
    said = str(result.reply) if result.reply is not None else ""
    what = advice(outcome.cause).what
    doubt = ""
    if isinstance(result, Transaction) and result.uncertain:
        doubt = " It may have taken the message all the same."
    text = f"{what}{doubt} ({server.key}: {said or result.error})"
    return DeliveryError(text, outcome=outcome, reply=said, phase=result.phase, server=server.key)


def _late(phase: Phase, limit: float, server: Server) -> DeliveryError:
    outcome = classify(TimeoutError(), stage=phase)
    doubt = " It may have taken the message all the same." if phase == "body" else ""
    text = f"{server.key} was not done within {limit:g} s.{doubt}"
    return DeliveryError(text, outcome=outcome, reply="", phase=phase, server=server.key)
