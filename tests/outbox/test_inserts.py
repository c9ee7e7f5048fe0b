"""How messages become rows: whole batches, large contents, and few round trips."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.shop import Shop, letter

from flask_smtpadmin import Message
from flask_smtpadmin.storage.inserts import CHUNK_BYTES


def test_rows_belong_together_whatever_their_size(shop: Shop) -> None:
    """Contents too large for one statement go in several; text of any script stays what it is."""
    bodies = ["first", "x" * CHUNK_BYTES, "second", "y" * CHUNK_BYTES, 'Zoë \\ " \x01 💌', "last"]
    letters = [
        Message(f"Nr {n} \\ ë 💌", [f"to{n}@example.com"], body, bcc=[f"jörg{n}@example.com"])
        for n, body in enumerate(bodies)
    ]
    queued = shop.mail.send_many(letters, keys=[None, "k\\1", None, "ë💌", None, None])
    ids = [message.id for message in queued]
    assert len(set(ids)) == len(ids)
    for n, number in enumerate(ids):
        detail = shop.state.queue.get(number)
        assert (detail.message.subject, detail.message.message_id) == (
            f"Nr {n} \\ ë 💌",
            queued[n].message_id,
        )
        assert [(one.kind, one.address) for one in detail.recipients] == [
            ("to", f"to{n}@example.com"),
            ("bcc", f"jörg{n}@example.com"),
        ]
        content = shop.state.queue.content(number) or b""
        assert queued[n].message_id.encode() in content
        assert len(content) == detail.message.size


def test_messages_may_share_a_message_id(shop: Shop) -> None:
    """Two messages with one Message-ID of the caller's are two messages, each with its own rows."""
    headers = {"Message-ID": "<same@example.com>"}
    letters = [Message("S", [f"to{n}@example.com"], "Hi", extra_headers=headers) for n in range(3)]
    for n, message in enumerate(shop.mail.send_many(letters)):
        assert message.message_id == "<same@example.com>"
        (recipient,) = shop.state.queue.get(message.id).recipients
        assert recipient.address == f"to{n}@example.com"


@pytest.mark.parametrize("many", [False, True])
def test_one_round_trip_on_postgresql(
    postgresql_url: str, make_shop: Callable[..., Shop], *, many: bool
) -> None:
    """A message, or a small batch, is one statement that commits itself."""
    shop = make_shop(postgresql_url)
    shop.mail.send(letter())  # reads the settings and counts the queue
    engine = shop.state.database.engine
    said: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2]))
    sa.event.listen(engine, "commit", lambda _connection: said.append("COMMIT"))
    count = 20 if many else 1
    shop.mail.send_many([letter() for _ in range(count)])
    assert [text.partition(" ")[0] for text in said if "count(" not in text] == ["WITH"]
    assert shop.stored() == 1 + count
