"""Messages that open accounts: marked as secret, with room in a full queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.shop import Shop, letter

from flask_smtpadmin import QueueFull
from flask_smtpadmin.core.handling import Handling
from flask_smtpadmin.posting import post


def test_the_mark_is_on_the_row(shop: Shop) -> None:
    """``Handling.secret`` is in the row and in its JSON; other messages are not secret."""
    (secret,) = post(shop.state, [letter()], Handling(secret=True))
    assert shop.mail.queue.get(secret.id)["secret"] is True
    assert shop.mail.queue.get(shop.mail.send(letter()).id)["secret"] is False


def test_critical_mail_is_taken_when_ordinary_mail_is_not(
    make_shop: Callable[..., Shop], sqlite_url: str
) -> None:
    """``Handling.critical`` uses the tenth above MAX_QUEUE, and no more than that."""
    shop = make_shop(sqlite_url, SMTPADMIN_MAX_QUEUE=10)
    shop.mail.send_many([letter() for _ in range(10)])
    with pytest.raises(QueueFull):
        shop.mail.send(letter())
    post(shop.state, [letter()], Handling(critical=True))
    with pytest.raises(QueueFull):
        post(shop.state, [letter()], Handling(critical=True))
