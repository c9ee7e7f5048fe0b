"""Kinds of mail as an app could have them, with the words of some changed."""

from __future__ import annotations

from typing import Any

from web.conftest import Office

from flask_smtpadmin import Texts


def register(office: Office) -> None:
    """Let the app tell of its e-mails: changed, critical, fixed, switched off, none of that."""
    mail = office.mail
    link = "https://app.example.com/reset/1f4c"
    mail.email_type(
        "welcome",
        subject="Welcome to {{ app_name }}, {{ name }}",
        html="<h1>Hello {{ name }}</h1>\n<p>Good to have you with us.</p>\n"
        '<p><a href="{{ base_url }}/start">Begin here</a></p>\n',
        trigger="user registration",
        sample={"name": "Ada"},
        locales={"de": Texts("Willkommen, {{ name }}", "<h1>Hallo {{ name }}</h1>")},
    )
    mail.email_type(
        "password-reset",
        subject="Reset your password",
        html='<p>Hello {{ name }}</p>\n<p><a href="{{ link }}">Choose a new password</a></p>\n',
        trigger="reset request",
        sample={"name": "Ada", "link": link},
        critical=True,
        secret=True,
        expires_in=3600,
    )
    mail.email_type(
        "digest", subject="Your week", text="{{ count }} news", sample={"count": 3}, bulk=True
    )
    mail.email_type(
        "account-locked", subject="Locked", text="Locked", trigger="lockout", customizable=False
    )


def reword(office: Office) -> dict[str, Any]:
    """Register types and change the words of some."""
    register(office)
    saved = office.state.templates
    first = Texts("Hello {{ name }}", "<p>Hello {{ name }}</p>", "Hello {{ name }}")
    earlier = saved.save("welcome", "", first, actor="grace@example.com")
    new = "<h1>Hello {{ name }}</h1>\n<p>How good to have you.</p>\n<p>See you soon</p>\n"
    saved.save("welcome", "", Texts("Welcome, {{ name }}!", new), actor="ada@example.com")
    broken = saved.save("digest", "", Texts("Week", None, "{{ count|upper }}"), actor="ada")
    saved.failed(broken, "text, line 1: `upper` takes a text, and this is a number.")
    saved.save("@footer", "", Texts("", "<p>Shop, Ada Street 1</p>", "Shop"), actor="ada")
    saved.switch("digest", on=False)
    for n in range(3):
        office.add("sent" if n else "dead", type="welcome", to=f"customer{n}@example.com")
    return {"earlier": earlier.id}
