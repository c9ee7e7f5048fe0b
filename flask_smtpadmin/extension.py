"""The extension object: what an app calls. It owns no app; per-app state is in the app."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from flask import Flask

from flask_smtpadmin import cli
from flask_smtpadmin.building import Sendable
from flask_smtpadmin.checkup import Order, run_here
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.errors import ConfigurationError, NotFound
from flask_smtpadmin.core.handling import Handling, OnUncertain, handled_as
from flask_smtpadmin.core.queued import QueuedMessage
from flask_smtpadmin.core.receipt import Receipt
from flask_smtpadmin.core.settings.describe import config_document
from flask_smtpadmin.core.states import Priority
from flask_smtpadmin.posting import AnySession, post_now, post_recorded
from flask_smtpadmin.queue_api import QueueAPI
from flask_smtpadmin.state import NAME, Options, State, current_state, ensure_debug_key
from flask_smtpadmin.storage import joining
from flask_smtpadmin.storage.models import Models, build_models
from flask_smtpadmin.types_api import TypesAPI
from flask_smtpadmin.types_twin import TypesTwin
from flask_smtpadmin.web.blueprint import create_blueprint

if TYPE_CHECKING:
    from flask_sqlalchemy import SQLAlchemy

_F = TypeVar("_F", bound=Callable[..., Any])


class SMTPAdmin(TypesAPI):
    """E-mail for a Flask app: send, and run the back office under ``/admin/email``.

    Args:
        app: the app to register with; or call :meth:`init_app` later, for any number of apps.
        db: the app's Flask-SQLAlchemy object; the tables are mapped on its metadata.
        bind_key: the bind of ``db`` that holds the tables; None: the main database.
        sqlite_wal: whether an SQLite file may be switched to write-ahead logging. That stays with
            the file and lets the worker write while pages read.
        busy_timeout: seconds that ``send`` waits for a lock before ``QueueUnavailable``.

    Example::

        db = SQLAlchemy()
        mail = SMTPAdmin(db=db)

        def create_app():
            app = Flask(__name__)
            db.init_app(app)
            mail.init_app(app)
            return app
    """

    def __init__(
        self,
        app: Flask | None = None,
        db: SQLAlchemy | None = None,
        *,
        bind_key: str | None = None,
        sqlite_wal: bool = True,
        busy_timeout: float = 5.0,
    ) -> None:
        super().__init__()
        self._db = db
        self._options = Options(bind_key, sqlite_wal, busy_timeout)
        self.queue = QueueAPI()
        self.types = TypesTwin()
        if db is not None:
            self._map(db)
        if app is not None:
            self.init_app(app, db)

    def init_app(self, app: Flask, db: SQLAlchemy | None = None) -> None:
        """Register pages, commands and state with ``app``; touches no database.

        Raises:
            ConfigurationError: ``app`` has an SMTPAdmin already, or there is no ``db``.
        """
        if NAME in app.extensions:
            raise ConfigurationError(
                f"{app.name!r} has an SMTPAdmin already. Make one SMTPAdmin and call its "
                "init_app(app) once for each app; remove the second call."
            )
        found = db or self._db or app.extensions.get("sqlalchemy")
        if found is None:
            raise ConfigurationError(
                "SMTPAdmin keeps mail in the app's database: pass the Flask-SQLAlchemy object, "
                "SMTPAdmin(app, db) or mail.init_app(app, db)."
            )
        models = self._map(found)
        state = State(app, found, models, hooks=self._hooks, options=self._options)
        app.extensions[NAME] = state
        self._hooks.apps.add(app)
        ensure_debug_key(app)
        app.register_blueprint(create_blueprint(state.settings.boot()["URL_PREFIX"]))
        cli.register(app)

    # -- sending ------------------------------------------------------------------------------

    def send(  # noqa: PLR0913 - the public verb, keywords only
        self,
        message: Sendable,
        *,
        type: str | None = None,  # noqa: A002 - the public name of the option
        priority: Priority | None = None,
        send_at: datetime | None = None,
        expires_in: float | timedelta | None = None,
        key: str | None = None,
        server: str | None = None,
        on_uncertain: OnUncertain | None = None,
        session: AnySession | None = None,
    ) -> QueuedMessage:
        """Queue one message: durable on return, or part of the caller's open transaction.

        It joins ``session``, else ``db.session`` when that is in use (its transaction was begun
        explicitly or is nested, objects wait in it, or anything but a SELECT ran). A joined
        message goes out if and only if that transaction commits. Nothing of the caller's is
        flushed or expired.

        Args:
            message: a :class:`Message`, a ``flask_mail.Message`` or an ``EmailMessage``.
            type: the name of an e-mail type; when :meth:`email_type` knows it, what it says
                counts wherever nothing is asked for here.
            priority: ``urgent``, ``normal`` (when neither caller nor type says) or ``bulk``.
            send_at: aware; not before this time.
            expires_in: seconds or timedelta from now; not sent after that.
            key: at most 255 characters, one per app: a second call with it returns the first
                message, ``created=False``, whatever became of that.
            server: the key of the server it must go through.
            on_uncertain: ``retry`` or ``hold`` when the link is lost after the content.
            session: the SQLAlchemy session to join, always.

        Raises:
            InvalidMessage: something of the message cannot be used; ``.field`` names it.
            NotFound: there is no such server.
            QueueFull: ``MAX_QUEUE`` messages wait.
            QueueUnavailable: the database is locked or away; nothing was stored.
            SchemaMissing: the tables are not there.
        """
        handling = Handling(
            type=type,
            send_at=send_at,
            expires_in=expires_in,
            server=server,
            on_uncertain=on_uncertain,
            keys=None if key is None else (key,),
        )
        handling = handled_as(self._hooks.types.find(type), handling, priority=priority)
        return post_recorded(current_state(), [message], handling, session=session)[0]

    def send_many(  # noqa: PLR0913 - the public verb, keywords only
        self,
        messages: Sequence[Sendable],
        *,
        keys: Sequence[str | None] | None = None,
        type: str | None = None,  # noqa: A002 - the public name of the option
        priority: Priority | None = None,
        send_at: datetime | None = None,
        expires_in: float | timedelta | None = None,
        server: str | None = None,
        on_uncertain: OnUncertain | None = None,
        session: AnySession | None = None,
    ) -> list[QueuedMessage]:
        """Queue all of ``messages`` or none, in one transaction; options as for :meth:`send`.

        Args:
            messages: in the order in which the results are returned.
            keys: one for each message, None where it needs none.
            type: as for ``send``, and so are the rest.
            priority: ``bulk`` unless caller or type say otherwise.
            send_at: aware.
            expires_in: seconds or timedelta.
            server: a server's key.
            on_uncertain: ``retry`` or ``hold``.
            session: the session to join.

        Raises:
            InvalidMessage: ``.index`` says which one, ``.field`` what; nothing was stored.
            QueueFull: there is not room for all; nothing was stored.
        """
        handling = Handling(
            type=type,
            send_at=send_at,
            expires_in=expires_in,
            server=server,
            on_uncertain=on_uncertain,
            keys=keys,
        )
        kind = self._hooks.types.find(type)
        handling = handled_as(kind, handling, priority=priority, usual="bulk")
        return post_recorded(current_state(), list(messages), handling, session=session)

    def send_now(self, message: Sendable, *, server: str | None = None) -> Receipt:
        """Hand one message over in this very call (30 s in all), past the queue.

        Nothing is retried or kept. While ``MODE`` is ``catch`` or ``record`` it is stored
        instead and nobody is in ``accepted``.

        Raises:
            DeliveryError: the server took it for nobody; ``.outcome`` says why.
            InvalidMessage: something of the message cannot be used.
            NotFound: there is no such server.
        """
        state = current_state()
        receipt = post_now(state, message, server)
        state.hooks.record([message])
        return receipt

    @contextmanager
    def record_messages(self) -> Iterator[list[Sendable]]:
        """List what is sent inside the block, for tests: the very objects, in order.

        A message whose transaction is rolled back leaves the list. Under ``app.testing`` nothing
        goes out anyway, because ``MODE`` is ``record`` there.
        """
        recorded: list[Sendable] = []
        hooks = self._hooks
        hooks.recorders.append(recorded)
        try:
            yield recorded
        finally:
            hooks.recorders = [one for one in hooks.recorders if one is not recorded]

    # -- what the app tells us ----------------------------------------------------------------

    def access_check(self, function: _F) -> _F:
        """Register who may do what: ``function(right)`` returns True, False or a Response.

        Rights: ``view``, ``operate``, ``configure``, ``read_content``, ``privacy``. Without one,
        every page answers 403.
        """
        self._hooks.access_check = function
        return function

    def actor_loader(self, function: _F) -> _F:
        """Register who is signed in: ``function()`` returns an :class:`Actor` or None.

        Without one, Flask-Login's ``current_user`` is used where there is one.
        """
        self._hooks.actor_loader = function
        return function

    # -- the twin of pages and CLI, in the shapes of the JSON ----------------------------------

    @property
    def models(self) -> Models:
        """The mapped classes (``models.Message`` ...), to query; only the extension writes them."""
        return self._map(self._db) if self._db is not None else current_state().models

    def config(self) -> dict[str, Any]:
        """Return every setting with its value and origin; a secret only as set or not."""
        return config_document(current_state().settings.snapshot())

    def status(self) -> dict[str, Any]:
        """Return figures, workers and servers, and what keeps mail from going out."""
        return current_state().status().document()

    def check(self, server: str = "default", to: str | None = None) -> dict[str, Any]:
        """Try every step to a server; with ``to`` up to a test message, by hand and by a worker.

        It takes 30 s at most, and the pages show the result, too.

        Raises:
            NotFound: there is no such server.
        """
        snapshot = current_state().settings.snapshot()
        if server not in snapshot.servers:
            raise NotFound("server", server)
        order = Order(server=snapshot.servers[server], wish=Wish(to=to or ""))
        return run_here(current_state(), order).document()

    def pause(self, server: str | None = None) -> None:
        """Stop handing mail to one server, or with None to any; mail is still taken."""
        current_state().pause(server)

    def resume(self, server: str | None = None) -> None:
        """Take back :meth:`pause`."""
        current_state().resume(server)

    # -- inside -------------------------------------------------------------------------------

    def _map(self, db: SQLAlchemy) -> Models:
        joining.watch_scoped(db.session)
        return build_models(_metadata(db, self._options.bind_key))


def _metadata(db: SQLAlchemy, bind_key: str | None) -> sa.MetaData:
    """Return the metadata of a bind; made as Flask-SQLAlchemy does where nothing uses it yet."""
    if bind_key is None:
        return db.metadata
    if bind_key not in db.metadatas:
        db.metadatas[bind_key] = sa.MetaData(
            naming_convention=db.metadata.naming_convention, info={"bind_key": bind_key}
        )
    return db.metadatas[bind_key]
