"""A proxy in front of a database that cuts connections at the moment of a commit."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from support.smtp import LoopThread

_CHUNK = 2**16
_COMMIT = re.compile(rb"COMMIT(?!TED)")


class Scissors:
    """Listens on a unix socket; ``cut`` is asked at each COMMIT whether to cut, and where.

    It returns "before" (the database never hears of the commit), "after" (it commits, and nobody
    hears of that) or "".
    """

    def __init__(self, upstream: str) -> None:
        self.cut: Callable[[], str] = str
        self._upstream = upstream

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what a client and the database say, until one of them ends or a cut."""
        source, sink = await asyncio.open_unix_connection(self._upstream)
        answers = asyncio.create_task(_pass_on(source, writer))
        try:
            while data := await reader.read(_CHUNK):
                where = self.cut() if _COMMIT.search(data) else ""
                if where == "before":
                    break
                if where == "after":
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                    sink.write(data)
                    await source.read(1)  # it is done
                    break
                sink.write(data)
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            writer.close()
            sink.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
    writer.close()


@contextmanager
def scissors(url: str) -> Iterator[tuple[Scissors, str]]:
    """Put a proxy before the database of ``url``; yield it and the URL to use instead."""
    there = sa.make_url(url)
    with tempfile.TemporaryDirectory(prefix="cut-") as folder:
        if there.get_backend_name() == "postgresql":
            place = Path(folder, ".s.PGSQL.5432")
            upstream = str(Path(str(there.query["host"]), place.name))
            here = there.update_query_dict({"host": folder})
        else:
            place = Path(folder, "sock")
            upstream = str(there.query["unix_socket"])
            here = there.update_query_dict({"unix_socket": str(place)})
        thread = LoopThread()
        proxy = Scissors(upstream)
        listener = thread.run(asyncio.start_unix_server(proxy.serve, place))
        try:
            yield proxy, here.render_as_string(hide_password=False)
        finally:
            thread.loop.call_soon_threadsafe(listener.close)
            thread.stop()
