"""Workers, crashes and an admin in any order, against a model: nothing is lost or sent twice."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.apps import build_site, close_site
from support.queues import MailQueue, decided

from flask_smtpadmin.core.errors import WrongState
from flask_smtpadmin.core.retry import Policy
from flask_smtpadmin.core.states import FINAL
from flask_smtpadmin.storage.claims import Claimed
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.parking import PARKED, Parking
from flask_smtpadmin.storage.rescue import Leases
from flask_smtpadmin.storage.results import HandOver, Results

WORKERS = ("w1", "w2")
workers = st.sampled_from(WORKERS)
picks = st.integers(0, 50)
ENDS = ("sent", "retrying", "dead", "queued", "uncertain", "partial")


class Mail(RuleBasedStateMachine):
    """Each message is in exactly one place, and the model knows which."""

    @initialize()
    def start(self) -> None:
        """Begin with an empty queue."""
        self.folder = Path(tempfile.mkdtemp(prefix="smtpadmin-machine-"))
        self.site = build_site(f"sqlite:///{self.folder / 'app.db'}", {})
        self.queue = MailQueue(self.site)
        self.states: dict[int, str] = {}
        self.secret: set[int] = set()
        self.accepted: dict[int, int] = {}
        self.crashed: dict[int, int] = {}
        self.staged: dict[str, list[Claimed]] = {name: [] for name in WORKERS}
        self.handed: dict[str, list[Claimed]] = {name: [] for name in WORKERS}
        self.ghosts: list[Claimed] = []

    def teardown(self) -> None:
        """Remove the files."""
        if hasattr(self, "site"):
            close_site(self.site)
            shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 3), secret=st.booleans())
    def send(self, count: int, *, secret: bool) -> None:
        """The app queues mail."""
        for number in self.queue.send(count, secret=secret):
            self.states[number] = "queued"
            self.secret.add(number) if secret else self.secret.discard(number)
            self.accepted[number] = self.crashed[number] = 0  # SQLite may use a number again

    @rule(worker=workers, limit=st.integers(1, 4))
    def claim(self, worker: str, limit: int) -> None:
        """A worker claims; everything due that it asks for comes, and nothing else."""
        due = [n for n, state in self.states.items() if state in {"queued", "retrying"}]
        jobs = self.queue.claim(worker, limit)
        assert len(jobs) == min(limit, len(due))
        for job in jobs:
            assert job.id in due
            self.states[job.id] = "sending"
        self.staged[worker] += jobs

    @rule(worker=workers)
    def hand_over(self, worker: str) -> None:
        """What is staged is written ahead and goes out."""
        jobs, self.staged[worker] = self.staged[worker], []
        if jobs:
            assert self.queue.hand_over(jobs, worker) == {job.id for job in jobs}
            self.handed[worker] += jobs

    @rule(worker=workers, how=st.sampled_from(ENDS))
    def finish(self, worker: str, how: Any) -> None:
        """The server answered."""
        jobs, self.handed[worker] = self.handed[worker], []
        run_at = utcnow() if how in {"retrying", "queued"} else None
        written, lost = self.queue.finish(jobs, decided(how, run_at=run_at), worker)
        assert (len(written), lost) == (len(jobs), [])
        for job in jobs:
            self.states[job.id] = how
            self.accepted[job.id] += how == "sent"

    @rule(worker=workers, reason=st.sampled_from([*PARKED, None]))
    def put_back(self, worker: str, reason: Any) -> None:
        """Servers are away or paused, settings lack, or the worker ends: what is staged waits."""
        jobs, self.staged[worker] = self.staged[worker], []
        with self.queue.database.write() as connection:
            results = Results(self.queue.models, worker)
            results.put_back(connection, [(job, reason) for job in jobs], utcnow())
        self.states.update((job.id, "parked" if reason else "queued") for job in jobs)

    @rule(worker=workers)
    def withdraw(self, worker: str) -> None:
        """What was written ahead never began: a server was lost, or the worker ends."""
        jobs, self.handed[worker] = self.handed[worker], []
        items = [HandOver(job, job.attempts + 1, "default") for job in jobs]
        with self.queue.database.write() as connection:
            Results(self.queue.models, worker).withdraw(connection, items, utcnow())
        self.states.update((job.id, "queued") for job in jobs)

    @rule(worker=workers)
    def expire(self, worker: str) -> None:
        """Time ran out: for what is staged, and for all that is parked."""
        jobs, self.staged[worker] = self.staged[worker], []
        with self.queue.database.write() as connection:
            Results(self.queue.models, worker).expire(connection, jobs, utcnow())
            Parking(self.queue.models).expire(connection, utcnow(), max_age=0.0)
        parked = [number for number, state in self.states.items() if state == "parked"]
        self.states.update(dict.fromkeys([*parked, *(job.id for job in jobs)], "expired"))

    @rule()
    def release(self) -> None:
        """A server is back."""
        with self.queue.database.write() as connection:
            Parking(self.queue.models).release(connection, PARKED, ["default"], utcnow())
        for number, state in self.states.items():
            if state == "parked":
                self.states[number] = "queued"

    @rule(worker=workers)
    def crash(self, worker: str) -> None:
        """The worker dies with what it has; another one takes it back."""
        with self.queue.database.write() as connection:
            leases = Leases(self.queue.models)
            leases.rescue(connection, worker, Policy(threshold=99, attempts=99), utcnow())
        for job in self.staged[worker]:
            self.states[job.id] = "queued"
        for job in self.handed[worker]:
            self.crashed[job.id] += 1
            self.states[job.id] = "retrying" if self.crashed[job.id] < 3 else "dead"
        self.ghosts += self.staged[worker] + self.handed[worker]
        self.staged[worker], self.handed[worker] = [], []

    @precondition(lambda self: self.ghosts)
    @rule(pick=picks, how=st.sampled_from(["sent", "dead", "retrying"]))
    def late_write(self, pick: int, how: Any) -> None:
        """A worker thought dead writes after all: too late, it changes nothing."""
        ghost = self.ghosts[pick % len(self.ghosts)]
        written, lost = self.queue.finish([ghost], decided(how, run_at=utcnow()), "w1")
        assert (written, len(lost)) == ([], 1)

    @precondition(lambda self: self.states)
    @rule(pick=picks, verb=st.sampled_from(["retry", "cancel", "delete", "mark_sent"]))
    def admin(self, pick: int, verb: str) -> None:
        """A person presses a button; what a worker holds or everybody got is not touched."""
        number = sorted(self.states)[pick % len(self.states)]
        before = self.states[number]
        may = {
            "retry": before not in {"sending", "sent"} and not self.is_wiped(number),
            "cancel": before in {"queued", "retrying", "parked"},
            "delete": before != "sending",
            "mark_sent": before == "uncertain",
        }
        try:
            getattr(self.site.app.extensions["smtpadmin"].queue, verb)(number)
        except WrongState:
            assert not may[verb]
            return
        assert may[verb]
        if verb == "delete":
            del self.states[number]
        elif verb == "retry":
            self.states[number] = "retrying" if before == "retrying" else "queued"
            self.crashed[number] *= before not in FINAL
        else:
            self.states[number] = {"cancel": "cancelled", "mark_sent": "sent"}[verb]

    def is_wiped(self, number: int) -> bool:
        """Say whether nothing of what a message said may be left."""
        return number in self.secret and self.states[number] in {"sent", "cancelled", "expired"}

    @invariant()
    def secrets_are_wiped_with_their_end(self) -> None:
        """Whatever comes in between, what a secret message says is there until it has ended."""
        if hasattr(self, "queue"):
            kept = {number for number in self.states if number in self.secret}
            kept -= {number for number in kept if self.is_wiped(number)}
            assert {row.id for row in self.queue.rows("Sealed")} == kept

    @invariant()
    def the_tables_agree_with_the_model(self) -> None:
        """States match, held rows have a lease, and nothing was accepted twice."""
        if not hasattr(self, "queue"):
            return
        rows = self.queue.rows()
        assert {row.id for row in rows} == set(self.states)
        for row in rows:
            expected = self.states[row.id]
            assert row.state == ("queued" if expected == "parked" else expected)
            assert (row.worker_id is not None) == (row.state == "sending")
            assert (row.run_at is None) == (expected not in {"queued", "retrying"})
        assert all(count <= 1 for count in self.accepted.values())


Mail.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestMail = Mail.TestCase
TestMail.__doc__ = "Any order of events leaves the tables as the model says."
