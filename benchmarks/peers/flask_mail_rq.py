"""Flask-Mail behind RQ: ``fill N``, ``work CLASS`` (Worker or SimpleWorker), ``render N``.

The worker is a script that imports the app first, as RQ's documentation recommends under
"Performance notes", so that the default worker's forks need not import it again. Results are not
kept and nothing is logged.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time

import rq
from redis import Redis

from benchmarks.peers import flask_mail_app


def fill(count: int) -> None:
    """Enqueue a job for each mail."""
    queue = rq.Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS"]))
    job = flask_mail_app.deliver
    for start in range(0, count, 1000):
        numbers = range(start, min(count, start + 1000))
        queue.enqueue_many([rq.Queue.prepare_data(job, (n,), result_ttl=0) for n in numbers])


def work(kind: str) -> None:
    """Run one worker until the queue is empty."""
    logging.disable(logging.INFO)
    connection = Redis.from_url(os.environ["BENCH_REDIS"])
    worker = getattr(rq, kind)(["bench"], connection=connection)
    worker.work(burst=True, logging_level="WARNING")


def render(count: int) -> None:
    """Print how long it takes to render ``count`` mails."""
    with flask_mail_app.app.app_context():
        began = time.perf_counter()
        for number in range(count):
            flask_mail_app.message(number).as_bytes()
        print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    verb, argument = sys.argv[1:]
    if verb == "work":
        work(argument)
    else:
        {"fill": fill, "render": render}[verb](int(argument))
