"""A mail of a type with its sample, sent to somebody who tries it out."""

from __future__ import annotations

from flask import url_for

from flask_smtpadmin.content.composing import Rendered, message_of
from flask_smtpadmin.core.audit_details import recipient
from flask_smtpadmin.core.email_type import Texts
from flask_smtpadmin.core.errors import InvalidMessage, QueueFull, QueueUnavailable, TemplateError
from flask_smtpadmin.core.handling import Handling, handled_as
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.queued import QueuedMessage
from flask_smtpadmin.posting import post
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import limits
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.pieces import Piece, in_words


def sent(thing: Piece, texts: Texts, to: str, server: str | None = None) -> dict[str, str]:
    """Queue the mail for ``to`` and return what to say: ``tone``, ``text``, and where it is."""
    try:
        address = parse_address(to.strip(), field="to").email
    except InvalidMessage as error:
        text = _("The recipient cannot be used: %(why)s", why=_(error.reason))
        return {"tone": "bad", "text": text}
    wait = limits.seconds_to_wait()
    if wait:
        return {"tone": "warn", "text": limits.too_many(wait)}
    try:
        queued = _queue(thing, thing.written(texts), address, server)
    except TemplateError as error:
        return {"tone": "bad", "text": in_words(error)}
    except (InvalidMessage, QueueFull, QueueUnavailable) as error:
        return {"tone": "bad", "text": spoken(error)}
    return {
        "tone": "ok",
        "text": _("Queued for %(address)s, with sample values.", address=address),
        "href": url_for(".message", number=queued.id),
        "label": _("See what becomes of it"),
        "number": str(queued.id),
    }


def _queue(thing: Piece, made: Rendered, address: str, server: str | None) -> QueuedMessage:
    state, kind = current_state(), thing.kind
    known = state.hooks.types.find(kind.name)
    wanted = Handling(type=kind.name if known else None, server=server, though_off=True)
    handling = handled_as(known, wanted, priority=None)
    message = message_of(made, kind, address)
    (queued,) = post(state, [message], handling, session="own")
    told = {"to": recipient(address, state.audit.keys()), "message": queued.id}
    what = f"frame:{thing.name[1:]}" if thing.around else f"type:{thing.name}"
    state.audit.record("type.test", what, told)
    return queued
