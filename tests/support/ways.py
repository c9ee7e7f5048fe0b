"""Every way in which a server's settings come to be used, as a person or a program takes it."""

from __future__ import annotations

import itertools
import json
import re
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_smtpadmin import ConfigurationError, DeliveryError, Message
from flask_smtpadmin.core.actor import Actor
from flask_smtpadmin.delivery.engine import Options
from flask_smtpadmin.web import limits
from flask_smtpadmin.worker.supervisor import Supervisor
from support.apps import Site
from support.processes import wait_until

PREFIX: Final = "/admin/email"
TO: Final = "grace@example.com"
STREAM: Final = {"Accept": "application/x-ndjson"}
_DIRECT: Final = {"server": "default", "to": TO, "scenario": "direct"}
TOKEN: Final = re.compile(r'name="csrf_token" value="([^"]+)"')


class Ways:
    """A site, somebody at its pages with all rights, its commands and its worker.

    Each way returns all that it showed, as one text.
    """

    def __init__(self, site: Site) -> None:
        self.app, _, self.mail = site
        self.state = self.app.extensions["smtpadmin"]
        self.client: FlaskClient = self.app.test_client()
        limits.forget()
        self.mail.access_check(lambda _right: True)
        # Somebody else each time: one person may begin ten tests a minute.
        people = itertools.count()
        self.mail.actor_loader(lambda: Actor("1", "Ada", f"ada{next(people)}@example.com"))

    def post(self, path: str, form: dict[str, str], **options: Any) -> TestResponse:
        """Send a form of the pages with a good token."""
        limits.forget()  # a page's own count, for whoever has no name
        found = TOKEN.search(self.client.get(f"{PREFIX}/test").text)
        assert found
        form = {"csrf_token": found[1], **form}
        return self.client.post(f"{PREFIX}{path}", data=form, **options)

    def save(self, **values: str) -> None:
        """Save the default server as the pages do."""
        with self.app.app_context():
            self.state.settings.save_server("default", values)

    def page(self) -> str:
        """Test the saved server from a page, without script."""
        return self.post("/test", _DIRECT).text

    def live(self) -> str:
        """Do the same with the script, and take the report along."""
        path = self.post("/test", {**_DIRECT, "live": "1"}).headers.get("Location", "")
        if not path:
            return self.page()
        found = wait_until(lambda: self._over(path))
        return found + self.client.get(f"{path}/report.txt").text

    def stream(self) -> str:
        """Test from the server's form, on which nothing was changed."""
        text = self.post("/servers/default/test", {"to": TO}, headers=STREAM).text
        return "".join(json.loads(line).get("html", line) for line in text.splitlines())

    def command(self) -> str:
        """Run ``flask smtp check``."""
        return self._run("smtp", "check", "--to", TO)

    def command_json(self) -> str:
        """Run it for a program."""
        return self._run("smtp", "check", "--to", TO, "--json")

    def test_command(self) -> str:
        """Run ``flask smtp test``."""
        return self._run("smtp", "test", TO)

    def python(self) -> str:
        """Call ``mail.check()``."""
        with self.app.app_context():
            return json.dumps(self.mail.check(to=TO))

    def send_now(self) -> str:
        """Call ``mail.send_now()``."""
        with self.app.app_context():
            try:
                receipt = self.mail.send_now(self._message())
            except (ConfigurationError, DeliveryError) as error:
                told = "".join(traceback.format_exception(error))
                return f"{told} {error!r} {getattr(error, 'outcome', '')}"
        return f"accepted {receipt}"

    def worker(self) -> str:
        """Queue a message and let a worker do what it can."""
        with self.app.app_context():
            number = self.mail.send(self._message(), priority="urgent").id
        worker = threading.Thread(target=Supervisor(self.state, Options(burst=True)).run)
        worker.start()
        worker.join(60)
        assert not worker.is_alive()
        with self.app.app_context():
            shown = str(self.state.queue.get(number))
        pages = (f"/messages/{number}", "/servers/default", "/")
        return shown + "".join(self.client.get(PREFIX + path).text for path in pages)

    def _over(self, path: str) -> str:
        text = self.client.get(path).text
        return text if 'data-over="true"' in text else ""

    def _message(self) -> Message:
        return Message("Hello", recipients=[TO], body="What it says.", sender="app@example.com")

    def _run(self, *arguments: str) -> str:
        return self.app.test_cli_runner().invoke(args=list(arguments)).output


#: What uses the settings that are in force.
IN_FORCE: Final[tuple[Callable[[Ways], str], ...]] = (
    Ways.page,
    Ways.live,
    Ways.stream,
    Ways.command,
    Ways.command_json,
    Ways.test_command,
    Ways.python,
    Ways.send_now,
    Ways.worker,
)
