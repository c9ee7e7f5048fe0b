"""The group ``flask smtp``."""

from __future__ import annotations

import click

from flask_smtpadmin.cli.activity import activity
from flask_smtpadmin.cli.audit import audit
from flask_smtpadmin.cli.check import check, test
from flask_smtpadmin.cli.config import adopt, config
from flask_smtpadmin.cli.deeds import delete, mark_sent, release, resend, send_via, source
from flask_smtpadmin.cli.dns import dns
from flask_smtpadmin.cli.explain import explain
from flask_smtpadmin.cli.failures import failures, history, replay
from flask_smtpadmin.cli.find import find
from flask_smtpadmin.cli.output import Group
from flask_smtpadmin.cli.presets import list_presets
from flask_smtpadmin.cli.queue import queue, status
from flask_smtpadmin.cli.types import types


@click.group("smtp", cls=Group)
def smtp() -> None:
    """Look after the app's e-mail: settings, checks, DNS, queue, types, audit."""


for _command in (
    activity,
    adopt,
    audit,
    check,
    config,
    dns,
    explain,
    find,
    list_presets,
    test,
    status,
    queue,
    types,
):
    smtp.add_command(_command)

for _command in (delete, failures, history, mark_sent, release, replay, resend, send_via, source):
    queue.add_command(_command)
