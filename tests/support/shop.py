"""An app with a table of its own beside the mail, and ways to look into the outbox."""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_smtpadmin import Message, SMTPAdmin
from flask_smtpadmin.state import State


class Rings:
    """A doorbell that counts; there is no queue server behind it."""

    redis_url = ""

    def __init__(self) -> None:
        self.count = 0

    def ring(self) -> None:
        """Count a ring in the background."""
        self.count += 1

    def ring_now(self) -> bool:
        """Count a ring that was waited for."""
        self.count += 1
        return True

    def healthy(self) -> bool | None:
        """Say that there is no queue server."""
        return None


class Shop(NamedTuple):
    """An app inside its context: ``Order`` is a table of its own, ``bell`` counts rings."""

    app: Flask
    db: SQLAlchemy
    mail: SMTPAdmin
    state: State
    Order: Any
    bell: Rings

    def stored(self) -> int:
        """Messages that are committed, seen through another connection."""
        return self._count(self.state.models.table("Message"))

    def orders(self) -> int:
        """Orders that are committed."""
        return self._count(self.Order.__table__)

    def _count(self, table: sa.Table) -> int:
        with self.db.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def open_shop(app: Flask, db: SQLAlchemy, mail: SMTPAdmin) -> Shop:
    """Add a table to ``app``, whose context is pushed, and make the bell count."""

    class Order(db.Model):
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String(40), nullable=False)

    db.create_all()
    state = app.extensions["smtpadmin"]
    bell = state.__dict__["doorbell"] = Rings()
    return Shop(app, db, mail, state, Order, bell)


def letter(to: str = "ada@example.com", **values: Any) -> Message:
    """Return a message that can be sent."""
    return Message("Hello", recipients=[to], body="Good to have you.", **values)
