"""Commands of the app: ``flask --app example_app create-tables`` and ``make-admin``."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from example_app.extensions import db
from example_app.models import User, normalise


def init_app(app: Flask) -> None:
    """Add the commands to ``flask``."""
    app.cli.add_command(create_tables)
    app.cli.add_command(make_admin)


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
