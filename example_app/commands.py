"""Commands of the app: ``flask --app example_app create-tables`` and others.

``make-admin EMAIL``, ``send-test EMAIL``, and once a day, by cron, ``send-digests``.
"""

from __future__ import annotations

from datetime import timedelta

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from example_app import digest, mails
from example_app.extensions import db
from example_app.models import User, normalise, now


def init_app(app: Flask) -> None:
    """Add the commands to ``flask``."""
    app.cli.add_command(create_tables)
    app.cli.add_command(make_admin)
    app.cli.add_command(send_digests)
    app.cli.add_command(send_test)


@click.command()
@with_appcontext
def create_tables() -> None:
    """Create the tables of the app and of the mail queue."""
    db.create_all()


@click.command()
@click.argument("email")
@with_appcontext
def make_admin(email: str) -> None:
    """Open the e-mail back office to the account EMAIL."""
    user = db.session.query(User).filter_by(email=normalise(email)).one_or_none()
    if user is None:
        raise click.ClickException(f"There is no account {email}.")
    user.is_admin = True
    db.session.commit()


@click.command()
@with_appcontext
def send_digests() -> None:
    """Send everybody what others wrote in a day."""
    with current_app.test_request_context():  # for the links
        sent = mails.send_digests(digest.digests(now() - timedelta(days=1)))
    click.echo(f"{sent} digests are on their way.")


@click.command()
@click.argument("email")
@with_appcontext
def send_test(email: str) -> None:
    """Send a test mail to EMAIL."""
    with current_app.test_request_context():  # for the link
        mails.send_test(email, sent_by="flask send-test")
