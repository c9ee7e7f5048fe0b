"""A message that joined a transaction shares its fate."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from support.crowd import received
from support.promises import Report, promise, size
from support.smtp import MailServer
from support.workers import WorkerSite

from flask_smtpadmin import Message

TRANSACTIONS = size(1_000, ci=100)


class Broken(Exception):
    """The app's own code failed."""


class Shop:
    """An app that sends mail inside its transactions, and knows which of them shall go out."""

    def __init__(self, site: WorkerSite, dice: random.Random) -> None:
        self.site, self.dice = site.site, dice
        self.promised: set[str] = set()
        self.sent = 0

    def transaction(self) -> None:
        """Send in a transaction with savepoints and end it in one of the ways there are."""
        session = self.site.db.session
        with suppress(Broken), self._promising():
            session.begin() if not session().in_transaction() else None
            for _ in range(self.dice.randint(1, 3)):
                self._send()
                if self.dice.random() < 0.5:
                    self._savepoint()
            self._end()
        session.rollback()
        session.remove()

    def _savepoint(self) -> None:
        with suppress(Broken), self._promising(), self.site.db.session.begin_nested() as savepoint:
            self._send()
            how = self.dice.choice(["release", "rollback", "exception", "nested"])
            if how == "nested":
                self._savepoint()
            elif how == "rollback":
                savepoint.rollback()
                raise Broken
            elif how == "exception":
                raise Broken

    def _end(self) -> None:
        how = self.dice.choice(["commit", "commit", "rollback", "exception", "integrity"])
        if how == "commit":
            self.site.db.session.commit()
            return
        if how == "integrity":
            with suppress(sa.exc.SQLAlchemyError):
                self.site.db.session.execute(sa.text("SELECT * FROM no_such_table"))
        raise Broken

    def _send(self) -> None:
        message = Message("Order", ["you@example.com"], body="x", sender="me@example.com")
        self.promised.add(self.site.mail.send(message).message_id)
        self.sent += 1

    @contextmanager
    def _promising(self) -> Iterator[None]:
        """Forget what was promised inside when the inside fails."""
        before = set(self.promised)
        try:
            yield
        except Broken:
            self.promised = before
            raise


@promise("R5")
def test_only_committed_transactions_send(
    database_url: str,
    worker_site: Callable[..., WorkerSite],
    smtp: MailServer,
    report: Report,
    dice: random.Random,
):
    """R5: 1,000 transactions with savepoints, rollbacks, exceptions: what was committed, only."""
    site = worker_site(database_url)
    shop = Shop(site, dice)
    with site.site.app.app_context():
        for _ in range(TRANSACTIONS):
            shop.transaction()
    site.burst()
    arrived = received(smtp)
    wrongly, missing = set(arrived) - shop.promised, shop.promised - set(arrived)
    report(transactions=TRANSACTIONS, mails=shop.sent, committed=len(shop.promised))
    report(sent_though_rolled_back=len(wrongly), missing=len(missing))
    assert 0 < len(shop.promised) < shop.sent
    assert not wrongly
    assert not missing
    assert set(arrived.values()) == {1}
