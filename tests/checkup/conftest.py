"""A site with a real server, and checks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.apps import Site
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite

from flask_smtpadmin.checkup import Order, run_here
from flask_smtpadmin.checkup.order import nobody
from flask_smtpadmin.core.check import Wish
from flask_smtpadmin.core.report import Report, Step
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.state import State


@dataclass
class Bench:
    """One site's checks."""

    site: WorkerSite
    smtp: MailServer

    @property
    def state(self) -> State:
        """The site's state."""
        state: State = self.site.state
        return state

    def server(self, key: str = "default") -> Server:
        """Return a server as it is saved."""
        return self.state.settings.snapshot().servers[key]

    def check(
        self,
        *,
        saved: bool = True,
        progress: Callable[[Step], None] = nobody,
        server: Server | None = None,
        **wish: Any,
    ) -> Report:
        """Run one check in this thread."""
        order = Order(
            server=server or self.server(), wish=Wish(**wish), saved=saved, progress=progress
        )
        with self.site.site.app.app_context():
            return run_here(self.state, order, actor="ada@example.com")


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """Run a real SMTP server without TLS or sign-in."""
    with mail_server(pipelining=True) as server:
        yield server


@pytest.fixture
def bench(
    make_app: Callable[..., Site], sqlite_url: str, tmp_path: Path, smtp: MailServer
) -> Iterator[Callable[..., Bench]]:
    """``bench(url=None, **config)``: a site whose default server is ``smtp``."""
    with ExitStack() as ends:

        def build(url: str = "", **config: Any) -> Bench:
            config = {
                "SMTPADMIN_HOST": "127.0.0.1",
                "SMTPADMIN_PORT": smtp.port,
                "SMTPADMIN_TLS_MODE": "none",
                "SMTPADMIN_FROM_EMAIL": "app@example.com",
                **config,
            }
            site = WorkerSite(make_app(url or sqlite_url, **config), tmp_path, url, config)
            ends.callback(site.stop)
            return Bench(site, smtp)

        yield build


def states(report: Report) -> dict[str, str]:
    """Return step name -> state."""
    return {step.name: step.state for step in report.steps}
