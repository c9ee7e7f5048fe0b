"""Several workers that are started again when they end, as systemd or supervisor would."""

from __future__ import annotations

import random
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from support.processes import end, wait_until
from support.smtp import MailServer
from support.workers import WorkerSite

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Crowd:
    """``count`` workers of one site; :meth:`kill` ends one of them and starts another."""

    def __init__(self, site: WorkerSite, count: int, *arguments: str) -> None:
        self.site = site
        self.kills = 0
        self._arguments = arguments
        self.workers = [self._start() for _ in range(count)]

    def kill(self, dice: random.Random) -> None:
        """End one worker, or now and then all of them at once, with SIGKILL; start new ones."""
        victims = self.workers if dice.random() < 0.1 else [dice.choice(self.workers)]
        self.replace(*victims)

    def replace(self, *victims: subprocess.Popen[bytes]) -> None:
        """End these workers with SIGKILL and start others."""
        for victim in victims:
            assert victim.poll() is None, "it ended by itself"
            victim.kill()
            self.kills += 1
        for victim in victims:
            end(victim)
            self.workers[self.workers.index(victim)] = self._start()

    def wait(self) -> None:
        """Wait until all of them deliver mail."""
        told = "delivers mail"
        wait_until(lambda: self.site.log.read_text().count(told) >= len(self.workers), timeout=60)

    def stop(self) -> None:
        """End all of them in good order."""
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            end(worker, grace=40)

    def _start(self) -> subprocess.Popen[bytes]:
        return self.site.start(*self._arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def copies(contents: Iterable[bytes]) -> Counter[str]:
    """Count how often each Message-ID stands in these messages."""
    found = (_MESSAGE_ID.search(content) for content in contents)
    return Counter(match.group(1).decode() for match in found if match)


def received(smtp: MailServer) -> Counter[str]:
    """Count how often ``smtp`` accepted each Message-ID."""
    return copies(mail.content for mail in list(smtp.received))


def lost(site: WorkerSite, smtp: MailServer) -> int:
    """Count the messages that the server never accepted or that are not shown as sent."""
    seen = received(smtp)
    return sum(row.state != "sent" or not seen[row.message_id] for row in site.rows())


def doubled(smtp: MailServer) -> int:
    """Count the copies beyond the first."""
    return sum(count - 1 for count in received(smtp).values())


def unexplained(site: WorkerSite, smtp: MailServer) -> int:
    """Count the copies beyond the first that no ``uncertain`` attempt tells of."""
    unsure = Counter(row.message for row in site.rows("Attempt") if row.outcome == "uncertain")
    seen = received(smtp)
    return sum(max(0, seen[row.message_id] - 1 - unsure[row.id]) for row in site.rows())
