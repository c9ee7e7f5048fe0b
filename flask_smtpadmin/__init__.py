"""A complete e-mail back office for Flask."""

from __future__ import annotations

from flask_smtpadmin.core.actor import Actor
from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.errors import (
    ConfigurationError,
    DeliveryError,
    InvalidMessage,
    InvalidSearch,
    InvalidSettings,
    NotFound,
    QueueFull,
    QueueUnavailable,
    SchemaMissing,
    SecretError,
    SecretMismatch,
    SecretUnreadable,
    SMTPAdminError,
    WrongState,
)
from flask_smtpadmin.core.mail.message import Attachment, Message
from flask_smtpadmin.core.queued import QueuedMessage
from flask_smtpadmin.core.receipt import Receipt
from flask_smtpadmin.extension import SMTPAdmin
from flask_smtpadmin.signals import (
    message_dead,
    message_queued,
    message_retrying,
    message_sent,
    server_degraded,
    server_recovered,
)

__version__ = "0.1.0"

__all__ = [
    "Actor",
    "Attachment",
    "ConfigurationError",
    "DeliveryError",
    "EmailType",
    "InvalidMessage",
    "InvalidSearch",
    "InvalidSettings",
    "Message",
    "NotFound",
    "QueueFull",
    "QueueUnavailable",
    "QueuedMessage",
    "Receipt",
    "SMTPAdmin",
    "SMTPAdminError",
    "SchemaMissing",
    "SecretError",
    "SecretMismatch",
    "SecretUnreadable",
    "Texts",
    "WrongState",
    "message_dead",
    "message_queued",
    "message_retrying",
    "message_sent",
    "server_degraded",
    "server_recovered",
]
