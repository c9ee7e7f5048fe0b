"""The style guide as one file: ``python -m example_app.demo.style_guide FILE``.

Every token of the style sheets, every state, icon and macro of the pages, drawn by the templates
and the style sheets themselves; the file needs nothing beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
from flask import Flask, render_template
from flask_sqlalchemy import SQLAlchemy
from jinja2 import nodes
from markupsafe import Markup

from flask_smtpadmin import SMTPAdmin
from flask_smtpadmin.core.rows import Page
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.web import assets, server_form, wording
from flask_smtpadmin.web.forms.controls import Control

SHEETS: Final = assets.TOGETHER["style.css"]
#: The templates whose macros are shown, by the name that they have on the page.
SHOWN: Final = {"components": "smtpadmin/components.html", "fields": "smtpadmin/fields.html"}
_TOKEN: Final = re.compile(r"--([\w-]+):\s*([^;]+);")
_SYMBOL: Final = re.compile(r'<symbol id="([\w-]+)"')
#: The parts of the page, each with an id, for pictures.
PARTS: Final = ("tokens", "states", "icons", "components", "fields")
_TONES: Final = ("ok", "warn", "bad", "info", "slate", "quiet", "doubt")
#: What a heading stands over: the looks of one kind of thing.
_LOOKS: Final = {
    "Messages": wording.MESSAGE,
    "Servers": wording.SERVER,
    "Recipients": wording.RECIPIENT,
    "Attempts": wording.ATTEMPT,
    "Tests": wording.CHECK,
    "Steps of a test": wording.STEP,
    "DNS records": wording.FINDING,
    "Addresses and ports": wording.PROBE,
    "Jobs": wording.JOB,
}


@dataclass(frozen=True, slots=True)
class Token:
    """A custom property of ``tokens.css``; ``dark`` "": the same in both schemes."""

    name: str
    light: str
    dark: str


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def main(file: Path) -> None:
    """Write the style guide to FILE."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(), encoding="utf-8")
    click.echo(file)


def render() -> str:
    """Return the style guide as HTML."""
    with _office() as app:
        return render_template(
            "style_guide.html",
            styles=Markup("\n".join(_static(name) for name in SHEETS)),  # noqa: S704 - our own
            symbols=Markup(_static("icons.svg")),  # noqa: S704 - our own
            sa_asset=lambda _name: "",  # the icons stand in the page itself
            tokens=tokens(),
            icons=icons(),
            tones=_TONES,
            looks=_LOOKS,
            signatures={name: _signatures(app, name) for name in SHOWN},
            fields=_controls(),
            moment=utcnow() - timedelta(minutes=3),
            pages=Page((), next="older", previous="newer"),
            nowhere=lambda **_query: "#",
            known=wording.advice_on("auth_app_password_required", "gmail"),
        )


def tokens() -> dict[str, list[Token]]:
    """Return the tokens by what they are for, as ``tokens.css`` groups them."""
    light, _, dark = _static("tokens.css").partition("@media (prefers-color-scheme: dark)")
    after = dict(_TOKEN.findall(dark.partition("/* A tone")[0]))
    groups: dict[str, list[Token]] = {}
    for part in re.split(r"\n\s*/\*", light.partition("{")[2]):
        heading, end, body = part.partition("*/")
        found = [Token(name, value, after.get(name, "")) for name, value in _TOKEN.findall(body)]
        if end and found:
            groups[heading.strip().capitalize()] = found
    return groups


def icons() -> list[str]:
    """Return the names of all icons."""
    return _SYMBOL.findall(_static("icons.svg"))


def macros(app: Flask, template: str) -> list[nodes.Macro]:
    """Return the macros of a template of ours, in order."""
    environment = app.jinja_env
    source, _, _ = environment.loader.get_source(environment, template)  # type: ignore[union-attr]  # Flask has one
    return list(environment.parse(source).find_all(nodes.Macro))


def _signatures(app: Flask, name: str) -> dict[str, str]:
    return {
        macro.name: f"{macro.name}({', '.join(argument.name for argument in macro.args)})"
        for macro in macros(app, SHOWN[name])
    }


def _static(name: str) -> str:
    return (assets.FOLDER / name).read_text(encoding="utf-8")


@contextmanager
def _office() -> Iterator[Flask]:
    """Make an app with a back office and one server, inside a request for one of its pages."""
    app = Flask("tidepool", template_folder=str(Path(__file__).with_name("templates")))
    app.config |= {
        "SECRET_KEY": "style guide",
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "SMTPADMIN_NAME": "Main server",
        "SMTPADMIN_HOST": "smtp.example.com",
        "SMTPADMIN_FROM_EMAIL": "hello@example.com",
    }
    db = SQLAlchemy(app)
    mail = SMTPAdmin(app, db)
    mail.access_check(lambda _right: True)
    with app.test_request_context("/admin/email/"):
        db.create_all()
        try:
            yield app
        finally:
            db.engine.dispose()


def _controls() -> dict[str, Control]:
    """Return one control of each kind, and of each origin and state."""
    found: dict[str, Any] = server_form.shown("default").controls()
    host = found["host"]
    return {
        "text": found["from_name"],
        "from app.config": host,
        "saved here": replace(found["reply_to"], origin="database", origin_word="saved here"),
        "from the provider": replace(host, origin="preset", origin_word="provider", name="ca_file"),
        "found by a search": replace(host, found=True, name="helo_name"),
        "number": found["timeout"],
        "secret": found["password"],
        "secret that is saved": replace(
            found["proxy_url"], is_set=True, removable=True, origin="database"
        ),
        "radio": found["tls_mode"],
        "select": found["engine"],
        "check": found["verify_cert"],
        "note": found["description"],
        "set by the environment": replace(
            host,
            name="envelope_from",
            locked=True,
            origin="environment",
            origin_word="environment",
            variable="SMTPADMIN_HOST",
        ),
        "with an error": replace(
            found["port"], text="often", errors=("The value cannot be used: it is no number.",)
        ),
    }


if __name__ == "__main__":
    main()
