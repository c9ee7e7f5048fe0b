"""A database that was copied from another installation sends nothing until somebody says so."""

from __future__ import annotations

from collections.abc import Callable

from support.smtp import MailServer
from support.workers import WorkerSite

WorkerSites = Callable[..., WorkerSite]


def test_a_copied_database_sends_nothing_until_it_is_adopted(
    worker_site: WorkerSites, smtp: MailServer, database_url: str
):
    """Production is recorded by its worker; staging holds the mail, and says why and what to do."""
    site = worker_site(database_url)
    site.send(1)
    assert site.burst(SMTPADMIN_INSTANCE="production")["sent"] == 1
    site.send(2)
    assert site.burst(SMTPADMIN_INSTANCE="staging")["waiting"] == 2
    assert {(row.state, row.waiting_for) for row in site.rows()[1:]} == {("queued", "settings")}
    assert len(smtp.received) == 1
    assert site.burst(SMTPADMIN_INSTANCE="production")["sent"] == 2


def test_status_names_the_variable_and_adopt_is_the_remedy(
    worker_site: WorkerSites, smtp: MailServer
):
    """Exit 1 with the sentence; afterwards the mail goes out, from here only."""
    site = worker_site(SMTPADMIN_INSTANCE="staging")
    runner = site.site.app.test_cli_runner()
    assert runner.invoke(args=["smtp", "adopt"]).exit_code == 0
    site.send(1)
    site.site.app.config["SMTPADMIN_INSTANCE"] = "laptop"
    told = runner.invoke(args=["smtp", "status"])
    assert told.exit_code == 1
    assert "SMTPADMIN_INSTANCE is 'laptop'" in told.output
    assert "flask smtp adopt" in told.output
    adopted = runner.invoke(args=["smtp", "adopt"])
    assert "belongs to 'laptop' (before: 'staging')" in adopted.output
    assert runner.invoke(args=["smtp", "status"]).exit_code == 1, "a message waits, and no worker"
    assert site.burst(SMTPADMIN_INSTANCE="laptop")["sent"] == 1


def test_without_a_name_nothing_can_be_adopted(worker_site: WorkerSites):
    """The command says which variable to set."""
    told = worker_site().site.app.test_cli_runner().invoke(args=["smtp", "adopt"])
    assert told.exit_code == 1
    assert "SMTPADMIN_INSTANCE" in told.output
