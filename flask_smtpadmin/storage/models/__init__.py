"""The tables, mapped once per metadata on the user's own ``db``; one module for each noun.

A ``DeclarativeBase`` of our own shares only ``db.metadata``: the user's base class flavour and
class names never meet ours, while ``create_all`` and Alembic see the tables. Columns use plain
SQLAlchemy types, because Alembic writes the type's name into the user's migration. Times are
naive UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

from flask_smtpadmin.storage.models.audit import AuditMixin, audit_indexes
from flask_smtpadmin.storage.models.checks import CheckMixin, FindingMixin
from flask_smtpadmin.storage.models.dialogue import DialogueMixin, dialogue_indexes
from flask_smtpadmin.storage.models.hour import HourMixin
from flask_smtpadmin.storage.models.job import JobMixin
from flask_smtpadmin.storage.models.message import (
    AttemptMixin,
    ContentMixin,
    MessageMixin,
    RecipientMixin,
    SealedMixin,
    message_indexes,
    recipient_indexes,
    room_for_updates,
)
from flask_smtpadmin.storage.models.server import QuotaMixin, ServerMixin, SettingMixin
from flask_smtpadmin.storage.models.template import TemplateMixin, template_indexes
from flask_smtpadmin.storage.models.worker import WorkerMixin

_INFO_KEY = "flask_smtpadmin.models"


@dataclass(frozen=True, slots=True)
class Models:
    """The mapped classes of one metadata; users may query them, only we write them."""

    metadata: sa.MetaData
    Message: Any
    Content: Any
    Recipient: Any
    Attempt: Any
    Server: Any
    Setting: Any
    Worker: Any
    Quota: Any
    Check: Any
    Finding: Any
    Dialogue: Any
    Job: Any
    Hour: Any
    Audit: Any
    Template: Any
    Sealed: Any

    def table(self, name: str) -> sa.Table:
        """Return the table of the class ``name`` (``"Message"``)."""
        table = getattr(self, name).__table__
        assert isinstance(table, sa.Table)  # noqa: S101 - narrows the type only
        return table


def build_models(metadata: sa.MetaData) -> Models:
    """Map the tables on ``metadata``; the second call for the same one returns the same classes."""
    known = metadata.info.get(_INFO_KEY)
    if isinstance(known, Models):
        return known
    base = type("SMTPAdminBase", (DeclarativeBase,), {"metadata": metadata})
    models = Models(metadata, *(_map(mixin, base) for mixin in _MIXINS))
    metadata.info[_INFO_KEY] = models
    return models


def _map(mixin: type, base: type) -> type:
    extra = {"__table_args__": _TABLE_ARGS[mixin]()} if mixin in _TABLE_ARGS else {}
    return type(mixin.__name__.removesuffix("Mixin"), (mixin, base), extra)


_TABLE_ARGS: dict[type, Callable[[], tuple[Any, ...]]] = {
    MessageMixin: message_indexes,
    RecipientMixin: recipient_indexes,
    AttemptMixin: room_for_updates,
    DialogueMixin: dialogue_indexes,
    AuditMixin: audit_indexes,
    TemplateMixin: template_indexes,
}
_MIXINS = (
    MessageMixin,
    ContentMixin,
    RecipientMixin,
    AttemptMixin,
    ServerMixin,
    SettingMixin,
    WorkerMixin,
    QuotaMixin,
    CheckMixin,
    FindingMixin,
    DialogueMixin,
    JobMixin,
    HourMixin,
    AuditMixin,
    TemplateMixin,
    SealedMixin,
)
