"""Every deviation from RQ 2.12 in one place.

The worker runs in the main thread and does nothing but answer the doorbell. A job is known by
name before anything is imported, and nothing else in its hash is followed; no job time-out
(SIGALRM) is armed, no pub/sub thread started, and signals set a flag instead of raising from
inside the handler.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus

from flask_smtpadmin.jobs.doorbell import JOB, token_key
from flask_smtpadmin.worker.tasks import drain

log = logging.getLogger(__name__)

#: Seconds that one wait for a job takes; a request to stop is heard that late at most.
DEQUEUE_SECONDS: Final = 1
_WORKER_TTL: Final = 60
_REFUSED_TTL: Final = 86_400


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether RQ tells more than that Redis went away: the supervisor says that in one line."""
    return not (record.exc_info and isinstance(record.exc_info[1], RedisError))


_rq_log = logging.getLogger("flask_smtpadmin.worker.rq")
_rq_log.addFilter(_is_news)


class SMTPWorker(SimpleWorker):
    """Answers the doorbell of one queue.

    Args:
        queue_name: the one queue: with a second one RQ could lose a job in a crash.
        connection: a client of its own: RQ changes the time-outs of its pool.
        name: unique among all RQ workers.
        answered: called whenever Redis answered.
        stopping: whether to end.
    """

    def __init__(
        self,
        queue_name: str,
        connection: Redis,
        name: str,
        answered: Callable[[], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._answered = answered
        self._stopping = stopping
        super().__init__(
            [queue_name],
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL,
            log_job_description=False,
        )
        self.log = _rq_log

    @property
    def dequeue_timeout(self) -> int:
        """How long one BLMOVE waits; RQ's own 405 s would make the worker deaf."""
        return DEQUEUE_SECONDS

    def bootstrap(self, *_args: Any, **_options: Any) -> None:
        """Register; without RQ's log handlers and its pub/sub thread."""
        self.register_birth()  # type: ignore[no-untyped-call]  # rq is typed in part
        self.set_state(WorkerStatus.STARTED)

    def _install_signal_handlers(self) -> None:
        """Leave signals to the supervisor."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Set a flag; RQ would raise from inside the signal handler."""
        del signum, frame
        self._stop_requested = True

    def procline(self, message: str) -> None:
        """Keep the process' name."""

    def run_maintenance_tasks(self) -> None:
        """Do not run RQ's registry cleaning: it imports and calls what a job names."""
        self.last_cleaned_at = _now()
        for queue in self.queues:
            self.connection.delete(queue.intermediate_queue_key)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job of ours; anything else in the queue is refused on the way.

        A Redis that goes away is no error here: the supervisor says so in one line.
        """
        del max_idle_time
        try:
            return self._wait_for_job(timeout)
        except RedisError as error:
            log.debug("Redis went away", exc_info=True)
            raise StopRequested from error

    def _wait_for_job(self, timeout: int | None) -> tuple[Job, Queue] | None:
        self.set_state(WorkerStatus.IDLE)
        while not (self._stopping() or self._stop_requested):
            self.heartbeat()
            self._answered()
            if self.should_run_maintenance_tasks:
                self.run_maintenance_tasks()
            try:
                found = self.queue_class.dequeue_any(
                    self._ordered_queues,
                    timeout,
                    connection=self.connection,
                    job_class=self.job_class,
                    serializer=self.serializer,
                    death_penalty_class=self.death_penalty_class,
                )
            except DequeueTimeout:
                continue
            except RedisError:
                raise
            except Exception as error:  # noqa: BLE001 - a corrupt job may raise anything
                self._refuse(getattr(error, "job_id", "?"), f"unreadable: {type(error).__name__}")
                continue
            if found is not None and self._is_ours(found[0]):
                return found
        raise StopRequested

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run the one function there is, by our own name for it.

        RQ's way would also follow callbacks, webhooks and retries that the job's hash names: who
        can write to Redis could have any code run. The token goes before the engine looks, so
        that later mail rings anew.
        """
        with self.connection.pipeline() as pipeline:
            pipeline.delete(token_key(queue.name), job.key)
            pipeline.lrem(queue.intermediate_queue_key, 1, job.id)
            pipeline.execute()
        drain()
        self.increment_successful_job_count()

    def _is_ours(self, job: Job) -> bool:
        """Say whether a job is our bell; asked before its function is imported."""
        try:
            ours = job.func_name == JOB and not (job.args or job.kwargs or job.instance)
            called = str(job.func_name)
        except Exception as error:  # noqa: BLE001 - pickle and other foreign formats
            ours, called = False, f"unreadable: {type(error).__name__}"
        if not ours:
            self._refuse(job.id, called)
            with suppress(RedisError):
                job.set_status(JobStatus.FAILED)
                job.connection.expire(job.key, _REFUSED_TTL)
        return ours

    def _refuse(self, job_id: str, called: str) -> None:
        log.error(
            "Refused job %s (%.100s): this queue runs nothing but %s.",
            job_id,
            called,
            JOB,
            extra={"job": job_id},
        )
        for queue in self.queues:
            self.connection.lrem(queue.intermediate_queue_key, 1, job_id)


def client(redis_url: str) -> Redis:
    """Return a client for a worker alone; a silent server is noticed after some seconds."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    made: Redis = Redis.from_url(
        redis_url,
        socket_connect_timeout=2,
        socket_timeout=DEQUEUE_SECONDS + 10,
        retry=Retry(NoBackoff(), 0),
    )
    return made


def _now() -> Any:
    from rq.utils import now

    return now()
