"""The Python twin of the check, in an app whose server is the demo's own catcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from example_app.demo.catcher import Catcher, Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    """Return a mailbox."""
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    """Run a catcher that fills ``mailbox`` and return its port."""
    catcher = Catcher(mailbox)
    yield catcher.start()
    catcher.stop()


def test_check_climbs_the_whole_ladder(
    make_app: Callable[..., Any], mailbox: Mailbox, port: int
) -> None:
    """``mail.check(to=...)`` tries every step, obeys the host policy and sends a mail."""
    app, _db, mail = make_app()
    values = {"host": "127.0.0.1", "port": str(port), "tls_mode": "none", "auth": "none"}
    with app.app_context():
        settings = app.extensions["smtpadmin"].settings
        settings.save_server("default", values | {"from_email": "app@tidepool.example"})
        report = mail.check(to="eve@tidepool.example")
    assert report["ok"], report
    assert {step["state"] for step in report["steps"]} == {"ok", "skipped"}
    assert [mail.to for mail in mailbox.newest_first()] == [("eve@tidepool.example",)]
