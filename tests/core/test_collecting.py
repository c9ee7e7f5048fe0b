"""When the garbage collector may run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from flask_smtpadmin.core.collecting import seldom_collected, set_apart


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """Leave the collector as it was found."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_collections_are_seldom_inside_and_usual_again_after_it() -> None:
    """The bound is high for the young, the app's for the others; an error restores it as well."""
    with seldom_collected():
        assert gc.get_threshold() == (100_000, 10, 10)
    assert gc.get_threshold() == (700, 10, 10)
    with pytest.raises(ValueError, match="no"), seldom_collected():
        raise ValueError("no")
    assert gc.get_threshold() == (700, 10, 10)


def test_the_last_one_out_restores_the_bound() -> None:
    """Two threads that overlap leave what the first one found."""
    inside, leave = Event(), Event()

    def first() -> None:
        with seldom_collected():
            inside.set()
            leave.wait(10)

    thread = Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with seldom_collected():
        leave.set()
        thread.join(10)
        assert gc.get_threshold()[0] == 100_000
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [0, 500_000])
def test_an_app_that_collects_less_still_does(own: int) -> None:
    """0 never collects; it stays, and so does a bound that is higher than ours."""
    gc.set_threshold(own, 5, 5)
    with seldom_collected():
        assert gc.get_threshold() == (own, 5, 5)


def test_what_is_set_apart_is_not_gone_through_until_the_end() -> None:
    """The collector knows the objects again afterwards."""
    mine: list[object] = [[]]
    with set_apart():
        assert gc.get_freeze_count() > 0
        assert not any(one is mine for one in gc.get_objects())
    assert gc.get_freeze_count() == 0
    assert any(one is mine for one in gc.get_objects())
