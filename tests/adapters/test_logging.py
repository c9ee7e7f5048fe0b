"""Errors that an app logs, mailed by the handler."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from support.processes import wait_until

from flask_smtpadmin import InvalidMessage, SMTPAdmin, message_queued
from flask_smtpadmin.adapters.logging import MailHandler


class Clock:
    """A clock that stands until it is set."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time that was set."""
        return self.now


@pytest.fixture
def office(make_office):
    """Return an app inside its context."""
    return make_office(SMTPADMIN_APP_NAME="Shop")


@pytest.fixture
def make_log(office) -> Iterator[Any]:
    """``make_log(**options)`` returns a logger and its handler; both go when the test ends."""
    made = []

    def build(name: str = "shop.orders", admin: SMTPAdmin | None = None, **options: Any):
        handler = MailHandler(admin or office.admin, **{"to": ["ops@example.com"], **options})
        logger = logging.Logger(name)  # noqa: LOG001 - not to be found by others
        logger.addHandler(handler)
        made.append(handler)
        return logger, handler

    yield build
    for handler in made:
        handler.close()


def text_of(mail: EmailMessage) -> str:
    """Return a mail's text with the line ends of a text file."""
    return mail.get_content().replace("\r\n", "\n")


def fail(logger: logging.Logger, error: Exception | None = None, text: str = "It broke") -> None:
    """Log an exception, always from this line."""
    try:
        raise error or KeyError("price")  # noqa: TRY301 - the traceback is what is wanted
    except Exception:
        logger.exception(text)


def test_mail(office, make_log):
    """The mail says which app and level, what broke where, with the traceback."""
    logger, handler = make_log()
    fail(logger)
    handler.flush()
    (mail,) = office.mails()
    text = mail.get_content()
    assert (mail["To"], mail["Subject"]) == ("ops@example.com", "Shop: ERROR: It broke")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "KeyError: 'price'" in text
    assert "Traceback (most recent call last)" in text
    assert f"{__file__}:" in text
    assert f"Host:    {socket.gethostname()}, process {os.getpid()}" in text
    assert time.strftime("%Y-%m-%d", time.gmtime()) in text
    assert "Request:" not in text


def test_by_itself(office, make_log):
    """Nobody need flush: a thread queues it."""
    logger, _handler = make_log()
    logger.error("It broke")
    wait_until(lambda: len(office.numbers()) == 1)


def test_request_without_its_secrets(office, make_log):
    """Method and path are told; query, headers and body are not."""
    logger, handler = make_log()

    @office.app.post("/orders/<int:number>")
    def order(number):
        fail(logger)
        return "x"

    client = office.app.test_client()
    client.post("/orders/7?token=hush1", headers={"Cookie": "id=hush2"}, data={"pw": "hush3"})
    handler.flush()
    text = text_of(office.mails()[0])
    assert "Request: POST /orders/7\n" in text
    assert "hush" not in text


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])
def test_lower_levels(office, make_log, level):
    """Below ERROR nothing is mailed, unless the handler's level says so."""
    logger, handler = make_log()
    logger.log(level, "x")
    handler.flush()
    assert office.numbers() == []
    handler.setLevel(level)
    logger.log(level, "x")
    handler.flush()
    assert len(office.numbers()) == 1


def test_grouped(office, make_log):
    """The same error is mailed once, and the rest is told in one mail when its time is over."""
    logger, handler = make_log(minutes=5)
    handler._clock = clock = Clock()
    for number in range(4):
        fail(logger, text=f"It broke, try {number}")
    handler.flush()
    assert len(office.numbers()) == 1
    clock.now = 300.0
    handler.flush()
    first, rest = office.mails()
    assert first["Subject"] == "Shop: ERROR: It broke, try 0"
    assert rest["Subject"] == "Shop: ERROR: 3 times more: It broke, try 3"
    assert "It happened 3 times more in 5 minutes" in rest.get_content()
    fail(logger)
    handler.flush()
    assert len(office.numbers()) == 3


def test_groups_are_told_apart(office, make_log):
    """Another type or another line is another error."""
    logger, handler = make_log()
    fail(logger)
    fail(logger, ValueError("x"))
    logger.error("It broke")
    handler.flush()
    assert len(office.numbers()) == 3


def test_limit(office, make_log):
    """Beyond the limit different errors are told in one mail."""
    logger, handler = make_log(limit=2, minutes=1)
    handler._clock = clock = Clock()
    kinds = [type(f"Error{number}", (Exception,), {}) for number in range(5)]
    for kind in kinds:
        fail(logger, kind())
    handler.flush()
    assert len(office.numbers()) == 2
    clock.now = 60.0
    handler.flush()
    assert len(office.numbers()) == 3
    last = office.mails()[-1]
    assert last["Subject"] == "Shop: 3 further errors"
    assert last.get_content().count("1 x ERROR: It broke") == 3


def test_close_tells_what_was_counted(office, make_log):
    """When the process ends, the count is not lost."""
    logger, handler = make_log()
    for _ in range(3):
        fail(logger)
    handler.close()
    assert [mail["Subject"] for mail in office.mails()] == [
        "Shop: ERROR: It broke",
        "Shop: ERROR: 2 times more: It broke",
    ]


@pytest.mark.parametrize("name", ["flask_smtpadmin.worker", "sqlalchemy.engine.Engine"])
def test_own_records(office, make_log, name):
    """What this package or SQLAlchemy log is not mailed: the mail would make more of it."""
    logger, handler = make_log(name)
    logger.error("x")
    handler.flush()
    assert office.numbers() == []


def test_errors_while_mailing(office, make_log):
    """What is logged while a mail is queued makes no further mail."""
    logger, handler = make_log()

    def receiver(_app, **_values):
        logger.error("The receiver broke")

    with message_queued.connected_to(receiver):
        fail(logger)
        handler.flush()
        handler.flush()
    assert len(office.numbers()) == 1


def test_errors_while_it_is_read(office, make_log, monkeypatch):
    """A value that logs or fails while it is formatted neither loops nor raises."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger, handler = make_log()

    class Odd:
        def __str__(self):
            logger.error("Odd")
            raise RuntimeError

        __repr__ = __str__

    logger.error("%s", Odd())
    logger.error("%s %s", "one")  # noqa: PLE1206 - what is tried
    handler.flush()
    assert [mail["Subject"] for mail in office.mails()] == ["Shop: ERROR: %s %s ('one',)"]


def test_nothing_of_a_rolled_back_request(office, make_log):
    """The mail goes out though the transaction that failed is rolled back."""
    logger, handler = make_log()
    with office.db.session.begin():
        fail(logger)
        handler.flush()
        office.db.session.rollback()
    assert len(office.numbers()) == 1


def test_database_that_is_away(make_office, make_log, caplog, tmp_path):
    """Without its tables it raises nothing, says so once, and mails later."""
    office = make_office(database_url=f"sqlite:///{tmp_path / 'other.db'}", create=False)
    logger, handler = make_log(admin=office.admin)
    fail(logger)
    handler.flush()
    handler.flush()
    assert caplog.text.count("A mail about an error waits") == 1
    office.db.create_all()
    handler.flush()
    assert len(office.numbers()) == 1


def test_outside_of_every_context(make_app):
    """With one app the handler knows whose queue it is; with two it mails in a context only."""
    site = make_app()
    handler = MailHandler(site.mail, ["ops@example.com"])
    logger = logging.Logger("x")  # noqa: LOG001 - as above
    logger.addHandler(handler)
    logger.error("one")
    handler.flush()
    other = Flask("other")
    other.config.update(SQLALCHEMY_DATABASE_URI="sqlite:///:memory:", SECRET_KEY="x")
    site.mail.init_app(other, site.db)
    logger.error("none")
    handler.flush()
    with site.app.app_context():
        logger.error("two")
        handler.close()
        texts = [row.subject for row in site.db.session.query(site.mail.models.Message)]
    assert texts == ["site: ERROR: one", "site: ERROR: two"]


def test_own_formatter(office, make_log):
    """A formatter of the app's own writes the text."""
    logger, handler = make_log()
    handler.setFormatter(logging.Formatter("own: %(message)s"))
    logger.error("x")
    handler.flush()
    assert "\nown: x\n" in text_of(office.mails()[0])


def test_long_text(office, make_log):
    """Of a very long text the middle is left out, and the subject is one short line."""
    logger, handler = make_log()
    logger.error("begin\n%s end", "x" * 100_000)
    handler.flush()
    (mail,) = office.mails()
    assert len(mail.get_content()) < 45_000
    assert "characters left out" in mail.get_content()
    assert len(mail["Subject"]) < 200


@pytest.mark.parametrize(("field", "options"), [("to", {"to": ["x"]}), ("sender", {"sender": "x"})])
def test_addresses_are_checked_at_once(make_log, field, options):
    """An address that cannot be used is an error when the handler is made, not later."""
    with pytest.raises(InvalidMessage) as caught:
        make_log(**options)
    assert caught.value.field == field


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_fork(office, make_log):
    """A forked process counts anew and does not tell what the parent counted."""
    logger, handler = make_log()
    handler._clock = Clock()
    fail(logger)
    fail(logger)
    handler.flush()
    child = os.fork()
    if child == 0:
        try:
            handler.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert len(office.numbers()) == 1
