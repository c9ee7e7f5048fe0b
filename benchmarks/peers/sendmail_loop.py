"""aiosmtplib alone: ``sendmail`` in a loop on so many connections, rendered mails, uvloop.

``python -m benchmarks.peers.sendmail_loop MAILS CONNECTIONS``; the port is in BENCH_PORT.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

import aiosmtplib
import uvloop

from benchmarks import mails


def _client(port: int) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)


async def _send(port: int, numbers: Iterator[int]) -> None:
    content = mails.rendered(1)
    async with _client(port) as client:
        for number in numbers:
            await client.sendmail(mails.SENDER, [mails.recipient(number)], content)


async def _main(count: int, connections: int) -> None:
    numbers = iter(range(count))
    port = int(os.environ["BENCH_PORT"])
    await asyncio.gather(*(_send(port, numbers) for _ in range(connections)))


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2])))
