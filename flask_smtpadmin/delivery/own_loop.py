"""Run a coroutine to its end from synchronous code, wherever that code runs.

The thread has an event loop of its own, so it does not matter whether the caller sits in one (an
ASGI server, a notebook). When a name look-up hangs the thread is left behind, not waited for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")
_POLL: Final = 0.05


def run(make: Callable[[], Coroutine[Any, Any, T]], *, cancel: threading.Event | None = None) -> T:
    """Return what the coroutine returns; setting ``cancel`` cancels it within 0.1 s."""
    result: Future[T] = Future()
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio.run is always a task
        running.set_result((asyncio.get_running_loop(), task))
        try:
            result.set_result(await make())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            result.set_exception(error)

    thread = threading.Thread(
        target=lambda: asyncio.run(main()), name="smtpadmin-loop", daemon=True
    )
    thread.start()
    if cancel is not None:
        loop, task = running.result()
        _watch(result, cancel, lambda: loop.call_soon_threadsafe(task.cancel))
    value = result.result()
    thread.join(1.0)  # as a rule the loop is closed by then; a hanging look-up is not waited for
    return value


def _watch(result: Future[Any], cancel: threading.Event, stop: Callable[[], object]) -> None:
    while not result.done():
        if cancel.wait(_POLL):
            if not result.done():
                stop()
            return
