"""A site whose worker runs as a process of its own, and servers for it to talk to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.apps import Site
from support.smtp import MailServer, mail_server
from support.workers import WorkerSite


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    """Run a real SMTP server without TLS or sign-in."""
    with mail_server(pipelining=True) as server:
        yield server


@pytest.fixture
def worker_site(
    make_app: Callable[..., Site], sqlite_url: str, tmp_path: Path, smtp: MailServer
) -> Iterator[Callable[..., WorkerSite]]:
    """``worker_site(**config)``: a site on SQLite whose default server is ``smtp``."""
    with ExitStack() as ends:

        def build(database_url: str | None = None, **config: Any) -> WorkerSite:
            url = database_url or sqlite_url
            config = {
                "SMTPADMIN_HOST": "127.0.0.1",
                "SMTPADMIN_PORT": smtp.port,
                "SMTPADMIN_TLS_MODE": "none",
                **config,
            }
            made = WorkerSite(make_app(url, **config), tmp_path, url, config)
            ends.callback(made.stop)
            return made

        yield build
