"""Mail for a full server: what is held, what is parked, and when calling it back ends."""

from __future__ import annotations

import pytest
from support.queues import claimed

from flask_smtpadmin.delivery import overflow
from flask_smtpadmin.delivery.overflow import Overflow
from flask_smtpadmin.storage.parking import Recall


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Overflow:
    """Return what holds two messages a server, and lets recalls follow each other at once."""
    monkeypatch.setattr(overflow, "_RECALL_EVERY", -1.0)
    return Overflow(lambda: 2)


def crowded(crowd: Overflow) -> None:
    """Park a third message, and empty what is held."""
    assert [crowd.hold("a", claimed(number)) for number in range(3)] == [True, True, False]
    assert len(crowd.take(lambda _key: 9)) == 2


def test_a_round_of_recalls_ends_although_it_meets_mail_that_is_not_for_the_server(
    crowd: Overflow,
):
    """Mail that waits for another server is parked again each time: no round meets it twice."""
    crowded(crowd)
    assert crowd.recalls(["a"]) == [Recall("a", 1, 0)]
    crowd.recalled(Recall("a", 1, 0), 7)
    assert crowd.recalls(["a"]) == [Recall("a", 1, 7)]
    crowd.recalled(Recall("a", 1, 7), None)
    assert crowd.crowded == frozenset()
    assert crowd.recalls(["a"]) == []


def test_what_is_parked_behind_a_round_gets_another_one(crowd: Overflow):
    """The recall had passed its id already."""
    crowded(crowd)
    assert crowd.recalls(["a"])
    crowd.recalled(Recall("a", 1, 0), 7)
    crowded(crowd)
    crowd.recalled(Recall("a", 1, 7), None)
    assert crowd.crowded == {"a"}
    assert crowd.recalls(["a"]) == [Recall("a", 1, 0)]
    crowd.recalled(Recall("a", 1, 0), None)
    assert crowd.crowded == frozenset()
