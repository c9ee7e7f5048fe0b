"""An app with SMTPAdmin inside its context, and what it stored, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from support.apps import Site

from flask_smtpadmin import SMTPAdmin
from flask_smtpadmin.posting import source
from flask_smtpadmin.state import State


class Office(NamedTuple):
    """An app whose context is pushed."""

    app: Flask
    db: SQLAlchemy
    admin: SMTPAdmin

    @property
    def state(self) -> State:
        """The app's State."""
        return self.app.extensions["smtpadmin"]

    def numbers(self) -> list[int]:
        """Ids of the messages that are committed, seen through another connection."""
        table = self.state.models.table("Message")
        with self.db.engine.connect() as connection:
            return list(connection.scalars(sa.select(table.c.id).order_by(table.c.id)))

    def mails(self) -> list[EmailMessage]:
        """Return what is committed, as a mail program reads it."""
        sources = [source(self.state, number) for number in self.numbers()]
        return [message_from_bytes(text, policy=policy.default) for text in sources]

    def recipients(self) -> list[set[tuple[str, str]]]:
        """Kind and address of each message's recipients."""
        documents = [self.admin.queue.get(number) for number in self.numbers()]
        return [
            {(one["kind"], one["address"]) for one in document["recipients"]}
            for document in documents
        ]


@pytest.fixture
def make_office(make_app: Callable[..., Site]) -> Iterator[Callable[..., Office]]:
    """``make_office(**config)`` returns an Office; its app context stays pushed."""
    with ExitStack() as contexts:

        def build(**config: Any) -> Office:
            site = make_app(**config)
            contexts.enter_context(site.app.app_context())
            return Office(*site)

        yield build
