"""Mail goes out with the words that admins saved, and always goes out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.apps import Site

from flask_smtpadmin import Message, Texts

HTML = "<p>Hello {{ name }}</p>"


@pytest.fixture
def site(make_app: Callable[..., Site]) -> Site:
    """Build an app with a type in two languages, one that cannot be changed and a secret one."""
    site = make_app()
    sample = {"name": "Ada"}
    german = {"de": Texts("Hallo", None, "Hallo {{ name }}")}
    site.mail.email_type("hi", subject="Hello", html=HTML, sample=sample, locales=german)
    site.mail.email_type("fixed", subject="Fixed", text="Fixed", customizable=False, critical=True)
    site.mail.email_type(
        "reset", subject="Reset", text="{{ link }}", sample={"link": ""}, secret=True
    )
    return site


def sent(site: Site, name: str = "hi", **options: Any) -> Message:
    """Send one of the type and return it as it was written."""
    options.setdefault("context", {"name": "Ada"})
    with site.app.app_context(), site.mail.record_messages() as messages:
        site.mail.send_type(name, "ada@example.com", **options)
    return messages[0]


def saved(site: Site) -> Any:
    """Return the saved words, as the app's own process has them."""
    return site.app.extensions["smtpadmin"].templates


def noted() -> None:
    """Wait until what is noted in a thread is noted."""
    for thread in threading.enumerate():
        if thread.name == "smtpadmin-templates":
            thread.join()


def test_saved_words_go_out(site: Site) -> None:
    """In the language they were saved for; after a reset those of the code do again."""
    saved(site).save("hi", "", Texts("Hi {{ name }}", "<p>Hi</p>"))
    assert sent(site).subject == "Hi Ada"
    assert ">Hi</p>" in sent(site).html
    assert sent(site, locale="de").subject == "Hallo"
    saved(site).save("hi", "de", Texts("Servus", None, "Servus"))
    assert (sent(site, locale="de-AT").subject, sent(site).subject) == ("Servus", "Hi Ada")
    saved(site).reset("hi")
    assert sent(site).subject == "Hello"


def test_header_and_footer_stand_around_every_mail(site: Site) -> None:
    """In the mail's language, else in the one for all; fixed types have them too."""
    saved(site).save("@header", "", Texts("", "<b>{{ app_name }}!</b>", "{{ app_name }}!"))
    saved(site).save("@footer", "", Texts("", "<i>Bye</i>", "Bye"))
    saved(site).save("@footer", "de", Texts("", "<i>Tschüss</i>", "Tschüss"))
    assert "<b>site!</b>" in sent(site).html
    assert sent(site).body == "site!\n\nHello Ada\n\nBye\n"
    assert sent(site, locale="de").body == "site!\n\nHallo Ada\n\nTschüss\n"
    assert sent(site, "fixed", context={}).body == "site!\n\nFixed\n\nBye\n"


def test_a_type_that_cannot_be_changed_is_not(site: Site) -> None:
    """Words in the table that nobody could have saved on the page are not used."""
    saved(site).save("fixed", "", Texts("Changed", None, "Changed"))
    assert sent(site, "fixed", context={}).subject == "Fixed"


@pytest.mark.parametrize("place", ["hi", "@footer"])
@pytest.mark.parametrize("wrong", ["{{ nobody }}", "{% for x in name %}{{ x.y }}{% endfor %}"])
def test_words_that_fail_never_keep_a_mail_back(
    site: Site, place: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The code's words go out, the log warns, and the version that failed says why."""
    version = saved(site).save(place, "", Texts("Broken", f"<p>{wrong}</p>", "Fine"))
    with caplog.at_level(logging.WARNING, "flask_smtpadmin"):
        message = sent(site)
    assert message.subject == "Hello"
    assert "Hello Ada" in message.html
    assert "type hi" in caplog.text
    noted()
    failed = saved(site).in_force().version(place)
    assert failed.id == version.id
    assert failed.failed_at is not None
    assert failed.failure in caplog.text


def test_each_mail_of_a_mailing_is_judged_alone(site: Site) -> None:
    """Where saved words fail for one recipient, the others get them."""
    condition = "{% if name == 'Bob' %}{{ name.x.y }}{% endif %}"
    saved(site).save("hi", "", Texts("New", f"<p>{condition}</p>"))
    people = {"ada@example.com": {"name": "Ada"}, "bob@example.com": {"name": "Bob"}}
    with site.app.app_context(), site.mail.record_messages() as messages:
        site.mail.send_type("hi", people)
    noted()
    assert [message.subject for message in messages] == ["New", "Hello"]
    assert saved(site).in_force().version("hi").failed_at is not None


def test_what_failed_in_a_secret_type_is_told_without_values(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log nor the page quotes what the template was given."""
    saved(site).save("reset", "", Texts("New", None, "{{ link.canary }}"))
    assert sent(site, "reset", context={"link": "https://canary.example"}).subject == "Reset"
    noted()
    assert saved(site).in_force().version("reset").failure
    assert "canary.example" not in caplog.text + saved(site).in_force().version("reset").failure


def test_mail_of_a_type_that_is_off_is_kept_and_can_be_retried(site: Site) -> None:
    """Cancelled with the reason, whatever way it was sent, and never where it is critical."""
    saved(site).switch("hi", on=False)
    saved(site).switch("fixed", on=False)
    with site.app.app_context():
        (one,) = site.mail.send_type("hi", "ada@example.com", {"name": "Ada"})
        two = site.mail.send(Message("Hi", ["ada@example.com"], body="x"), type="hi")
        assert (one.state, two.state, one.next_try_at) == ("cancelled", "cancelled", None)
        row = site.mail.queue.get(two.id)
        assert row["error"] == "The type Hi is switched off."
        assert site.mail.send_type("fixed", "ada@example.com")[0].state == "queued"
        assert site.mail.queue.retry(one.id)["state"] == "queued"
        saved(site).switch("hi", on=True)
        assert site.mail.send_type("hi", "a@b.example", {"name": "Ada"})[0].state == "queued"
