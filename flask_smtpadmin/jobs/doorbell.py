"""The doorbell: one coalesced RQ job without arguments that says "there is mail".

The database is the queue. A ring that is lost, doubled or late changes nothing but speed, so the
caller never touches Redis: :meth:`Doorbell.ring` wakes a background thread and returns, and after
a failure the thread keeps silent for a while. Workers find due mail without it, too.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: The only job function that a worker of ours runs.
JOB: Final = "flask_smtpadmin.worker.tasks.drain"
#: Seconds that a token lives when a crash keeps ``drain`` from deleting it.
TOKEN_SECONDS: Final = 30
#: Seconds without another attempt after Redis could not be reached.
SILENCE: Final = 5.0
#: Seconds between two rings: whoever sends one mail after the other rings once for some of them.
PAUSE: Final = 0.01
#: Jobs that may lie in the queue while no worker runs.
MAX_WAITING: Final = 16


class Doorbell:
    """Rings for the workers of one queue; thread-safe, and usable again after a fork.

    Args:
        redis_url: ``redis://``, ``rediss://`` or ``unix://``; None or "": there is no bell.
        queue_name: the RQ queue that the workers listen on.
    """

    def __init__(self, redis_url: str | None, queue_name: str = "smtpadmin") -> None:
        self.redis_url = redis_url or ""
        self.queue_name = queue_name
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._pid = 0
        self._thread: threading.Thread | None = None
        self._client: Redis | None = None
        self._seen: tuple[float, bool] | None = None

    @property
    def token(self) -> str:
        """The Redis key that stands while a ring waits for a worker."""
        return token_key(self.queue_name)

    def ring(self) -> None:
        """Ask for a ring and return at once; never raises, never waits for Redis."""
        if not self.redis_url:
            return
        self._start_thread()
        self._wanted.set()

    def ring_now(self) -> bool:
        """Ring in this thread (bounded by a few seconds); whether Redis took it."""
        if not self.redis_url:
            return False
        self._adopt_process()
        try:
            self._push()
        except Exception as error:  # noqa: BLE001 - whatever redis or rq raise, mail still flows
            self._note(healthy=False, error=error)
            return False
        self._note(healthy=True)
        return True

    def healthy(self) -> bool | None:
        """Whether Redis answers; None when none is configured. Looks at most every 5 s."""
        if not self.redis_url:
            return None
        self._adopt_process()
        if self._seen is None or time.monotonic() - self._seen[0] > SILENCE:
            try:
                self._connection().ping()
            except Exception as error:  # noqa: BLE001 - an unusable URL counts as "does not answer"
                self._note(healthy=False, error=error)
            else:
                self._note(healthy=True)
        return self._seen is not None and self._seen[1]

    def _push(self) -> None:
        from rq import Queue
        from rq.serializers import JSONSerializer

        connection = self._connection()
        if not connection.set(self.token, "1", nx=True, ex=TOKEN_SECONDS):
            return
        queue = Queue(self.queue_name, connection=connection, serializer=JSONSerializer)
        if connection.llen(queue.key) < MAX_WAITING:
            queue.enqueue(JOB, description="mail is due", result_ttl=0, failure_ttl=60)

    def _connection(self) -> Redis:
        if self._client is None:
            self._client = connect(self.redis_url)
        return self._client

    def _note(self, *, healthy: bool, error: Exception | None = None) -> None:
        if error is not None and (self._seen is None or self._seen[1]):
            log.warning(
                "The queue server cannot be reached (%s); workers find mail by polling.",
                type(error).__name__,
                extra={"queue": self.queue_name},
            )
        self._seen = (time.monotonic(), healthy)

    def _adopt_process(self) -> None:
        """Forget what belongs to the parent: a forked child shares no socket and no thread."""
        if self._pid == os.getpid():
            return
        if self._pid:  # the lock may have been held by a thread that was not forked with us
            self._lock = threading.Lock()
        with self._lock:
            if self._pid != os.getpid():
                self._wanted = threading.Event()
                self._thread = None
                self._client = None
                self._seen = None
                self._pid = os.getpid()

    def _start_thread(self) -> None:
        self._adopt_process()
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._answer, name="smtpadmin-doorbell", daemon=True
                )
                self._thread.start()

    def _answer(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            time.sleep(PAUSE if self.ring_now() else SILENCE)


def token_key(queue_name: str) -> str:
    """Return the Redis key of the bell token of ``queue_name``."""
    return f"smtpadmin:{queue_name}:bell"


def connect(redis_url: str) -> Redis:
    """Return a client of our own with short time-outs: 1 s to connect, 2 s for an answer."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client: Redis = Redis.from_url(
        redis_url, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 1)
    )
    return client
