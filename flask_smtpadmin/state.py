"""What belongs to one app: its configuration, its stores, its doorbell.

The parts are made when they are first asked for, because ``app.config`` may still change after
``init_app``; those that hold threads or connections notice a fork by themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from flask import Config, Flask, current_app, has_app_context, has_request_context, request

from flask_smtpadmin.content.registry import Registry
from flask_smtpadmin.core.audit import Who
from flask_smtpadmin.core.audit_details import recipient
from flask_smtpadmin.core.deliverability.findings import Report
from flask_smtpadmin.core.deliverability.orders import Order
from flask_smtpadmin.core.dialogues import mode_of
from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.figures import Status, assess
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.delivery.deliverability import QUESTION, examine
from flask_smtpadmin.delivery.recorder import Recorder
from flask_smtpadmin.jobs.doorbell import Doorbell
from flask_smtpadmin.storage.audit import Audit
from flask_smtpadmin.storage.checks import Checks
from flask_smtpadmin.storage.database import Database
from flask_smtpadmin.storage.day_files import DayFiles
from flask_smtpadmin.storage.dialogues import Dialogues
from flask_smtpadmin.storage.findings import Findings
from flask_smtpadmin.storage.jobs import Jobs
from flask_smtpadmin.storage.keyfile import make_key, read_key
from flask_smtpadmin.storage.models import Models
from flask_smtpadmin.storage.notes import acting
from flask_smtpadmin.storage.outbox import Outbox
from flask_smtpadmin.storage.queue import Queue
from flask_smtpadmin.storage.seals import Seals
from flask_smtpadmin.storage.settings import Settings
from flask_smtpadmin.storage.summary import Summary
from flask_smtpadmin.storage.templates import Templates
from flask_smtpadmin.storage.trail import Trail
from flask_smtpadmin.storage.vault import Vault
from flask_smtpadmin.transport.dns import Resolver
from flask_smtpadmin.transport.outgoing import own_addresses

if TYPE_CHECKING:
    from flask.ctx import AppContext
    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy.engine import Connection, Engine

log = logging.getLogger(__name__)

NAME: Final = "smtpadmin"
#: In the environ of a request to one of our pages: a function that returns who makes it.
VISITOR: Final = "flask_smtpadmin.visitor"
#: Seconds for which the sending side may use settings it has read before.
SETTINGS_AGE: Final = 5.0


@dataclass(slots=True)
class Hooks:
    """What the app told the extension through decorators; None: not told yet.

    ``access_check(right)`` returns True, False or a Response; ``actor_loader()`` an Actor or None.
    ``recorders`` are the lists of the blocks of ``record_messages()`` that are open, ``apps`` those
    that this extension object is registered with; it keeps none of them alive. ``types`` are the
    kinds of mail that the app registered.
    """

    access_check: Callable[[str], Any] | None = None
    actor_loader: Callable[[], Any] | None = None
    recorders: list[list[Any]] = field(default_factory=list)
    apps: WeakSet[Flask] = field(default_factory=WeakSet)
    types: Registry = field(default_factory=Registry)

    def record(self, messages: Sequence[Any]) -> None:
        """List ``messages``, the app's own objects, in every block that is open."""
        for recorder in self.recorders:
            recorder.extend(messages)

    def forget(self, messages: Sequence[Any]) -> None:
        """Take ``messages`` back, for their transaction came to nothing."""
        gone = {id(message) for message in messages}
        for recorder in self.recorders:
            recorder[:] = [message for message in recorder if id(message) not in gone]


@dataclass(frozen=True, slots=True)
class Options:
    """What ``SMTPAdmin(...)`` was told.

    Attributes:
        bind_key: the Flask-SQLAlchemy bind that holds the tables.
        sqlite_wal: whether an SQLite file may be switched to write-ahead logging, for good.
        busy_timeout: seconds to wait for another writer before ``QueueUnavailable``; a worker tries
            again then.
    """

    bind_key: str | None = None
    sqlite_wal: bool = True
    busy_timeout: float = 5.0


class State:
    """One app's share of the extension, in ``app.extensions["smtpadmin"]``."""

    def __init__(
        self, app: Flask, db: SQLAlchemy, models: Models, *, hooks: Hooks, options: Options
    ) -> None:
        self.app = app
        self.db = db
        self.models = models
        self.hooks = hooks
        self.options = options
        self.database = Database(
            partial(_engine, app, db, options.bind_key),
            models,
            wal=options.sqlite_wal,
            busy_timeout=options.busy_timeout,
        )

    @property
    def config(self) -> Config:
        """``app.config``."""
        return self.app.config

    @property
    def app_name(self) -> str:
        """``app.name``, the default of the app's name in mails."""
        return self.app.name

    def context(self) -> AppContext:
        """Return a new app context, for work outside a request."""
        return self.app.app_context()

    @property
    def bind(self) -> Engine | Connection:
        """What ``db.session`` takes connections from for our tables; needs the app's context."""
        return _bound(self.db, self.options.bind_key)

    @contextmanager
    def pushed(self) -> Iterator[None]:
        """Run a block inside the app's context: the one we are in, when it is this app's."""
        if _inside(self.app):
            yield
        else:
            with self.context():
                yield

    @property
    def journals(self) -> Path:
        """The folder where workers keep results that the database has not taken yet."""
        return Path(self.app.instance_path, "smtpadmin")

    @cached_property
    def vault(self) -> Vault:
        """Seals and opens stored secrets."""
        late_key = partial(read_key, self.app.instance_path)
        return Vault.from_config(self.config, late_key=late_key)

    @cached_property
    def settings(self) -> Settings:
        """The settings in force, and the verbs that change the stored ones."""
        return Settings(
            self.database,
            config=self.config,
            app_name=self.app_name,
            vault=self.vault,
            note=self.audit.note,
        )

    @cached_property
    def templates(self) -> Templates:
        """The words of mails that admins saved, and which types are switched off."""
        return Templates(self.database, note=self.audit.note)

    @cached_property
    def audit(self) -> Audit:
        """Writes down who did what."""
        return Audit(self.database, self.vault, who=_who)

    @cached_property
    def trail(self) -> Trail:
        """Reads what :attr:`audit` wrote."""
        return Trail(self.database, self.audit)

    @cached_property
    def outbox(self) -> Outbox:
        """Takes new messages."""
        return Outbox(self.database, self.seals.seal)

    @cached_property
    def seals(self) -> Seals:
        """Seals and opens what secret messages say."""
        return Seals(lambda: self.settings.vault)

    @cached_property
    def queue(self) -> Queue:
        """Lists, retries, cancels, removes."""
        return Queue(self.database, wake=self._wake, note=self.audit.note)

    @cached_property
    def jobs(self) -> Jobs:
        """Work on many messages that was asked for, and how far it is."""
        return Jobs(self.database, self.queue, note=self.audit.note)

    def _wake(self) -> None:
        self.doorbell.ring()

    @cached_property
    def dialogues(self) -> Dialogues:
        """What was said with mail servers."""
        return Dialogues(self.database)

    @cached_property
    def summary(self) -> Summary:
        """The figures on top of the pages."""
        return Summary(self.database)

    def recorder(self, snapshot: Snapshot) -> Recorder:
        """Return what puts a single session into the activity log, as the settings want it."""
        folder, days = snapshot["LOG_DIR"], snapshot["RETENTION_ACTIVITY"]
        files = DayFiles(Path(folder), lambda: days) if folder else None
        return Recorder(self.dialogues, files, mode_of(snapshot))

    @cached_property
    def checks(self) -> Checks:
        """The checks of servers that were asked for, and what came of them."""
        return Checks(self.database, note=self.audit.note, keys=self.audit.keys)

    @cached_property
    def findings(self) -> Findings:
        """The last results of the checks of domains."""
        return Findings(self.database, note=self.audit.note)

    @cached_property
    def resolver(self) -> Resolver:
        """Asks the DNS about domains; tests put one in its place that asks their own server."""
        return Resolver(QUESTION)

    def check_domains(
        self, orders: Sequence[Order], *, actor: str | None = None
    ) -> tuple[Report, ...]:
        """Ask the DNS about domains, 10 s at most, and keep the results for the page.

        Where this host sends itself, its addresses count, and those that servers saw it at.
        """
        servers = self.settings.snapshot(max_age=1.0).servers
        seen = [self.checks.last_seen_as(key) for key in servers]
        reports = examine(orders, self.resolver, own=lambda: (*own_addresses(), *seen))
        self.findings.save(reports, actor=actor)
        return reports

    def note_find(self, address: str) -> None:
        """Tell the audit trail that somebody lets us look for the mail server of an address."""
        domain = address.rpartition("@")[2]
        told = {"for": recipient(address, self.audit.keys())}
        self.audit.record("server.find", f"address:{domain}", told)

    @cached_property
    def doorbell(self) -> Doorbell:
        """Tells the workers that there is mail."""
        boot = self.settings.boot()
        return Doorbell(boot["REDIS_URL"], boot["QUEUE_NAME"])

    def status(self) -> Status:
        """Return how the whole thing is, for pages, CLI and API."""
        healthy = self.doorbell.healthy()
        snapshot = self.settings.snapshot()
        status = assess(
            self.summary.figures(exact=True),
            self.summary.workers(),
            snapshot,
            redis="none" if healthy is None else ("ok" if healthy else "down"),
            unreadable=self.summary.unreadable(),
        )
        return replace(status, allowances=self.summary.allowances(snapshot.servers.values()))

    def pause(self, server: str | None = None, *, actor: str | None = None) -> None:
        """Stop handing mail to one server, or with None to any."""
        self.settings.set_paused(server, True, actor=actor)  # noqa: FBT003 - the argument is the value itself

    def resume(self, server: str | None = None, *, actor: str | None = None) -> None:
        """Take back :meth:`pause` and wake the workers."""
        self.settings.set_paused(server, False, actor=actor)  # noqa: FBT003 - as above
        self.doorbell.ring()


def ensure_debug_key(app: Flask) -> None:
    """Let an app in debug mode that has no SECRET_KEY show its pages; see ``storage/keyfile``.

    ``app.config.setdefault("SECRET_KEY", ...)`` does nothing, because Flask's own default is None.
    """
    if not app.debug or app.testing or app.config.get("SECRET_KEY"):
        return
    app.config["SECRET_KEY"] = make_key(app.instance_path)
    if app.config["SECRET_KEY"]:
        log.warning(
            "SECRET_KEY is not set; while debugging, a key kept in %s stands in for it.",
            app.instance_path,
        )


def current_state() -> State:
    """Return the State of the current app.

    Raises:
        ConfigurationError: the app has no SMTPAdmin.
    """
    state = current_app.extensions.get(NAME)
    if not isinstance(state, State):
        raise ConfigurationError(
            "This app has no SMTPAdmin: call SMTPAdmin(app, db), or mail.init_app(app, db)."
        )
    return state


def _who() -> Who:
    """Return who acts: the visitor of a page, whoever runs a command, else the app's own code."""
    visitor = request.environ.get(VISITOR) if has_request_context() else None
    return acting() if visitor is None else visitor()


def _inside(app: Flask) -> bool:
    if not has_app_context():
        return False
    current: Any = current_app
    return current._get_current_object() is app  # noqa: SLF001 - Flask documents it


def _engine(app: Flask, db: SQLAlchemy, bind_key: str | None) -> Engine:
    if _inside(app):
        return _bound(db, bind_key).engine
    with app.app_context():
        return _bound(db, bind_key).engine


def _bound(db: SQLAlchemy, bind_key: str | None) -> Engine | Connection:
    engines: dict[str | None, Engine | Connection] = dict(db.engines)
    if bind_key not in engines:
        where = "SQLALCHEMY_DATABASE_URI" if bind_key is None else f"SQLALCHEMY_BINDS[{bind_key!r}]"
        raise ConfigurationError(f"There is no database for the mail tables: set {where}.")
    return engines[bind_key]
