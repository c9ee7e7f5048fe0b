"""The pages of the e-mail types: what they show, and what may be done to them."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
import sqlalchemy as sa
from support.kinds import register

from flask_smtpadmin import Texts
from flask_smtpadmin.web.pieces import LONGEST

JSON = {"Accept": "application/json"}
HTML = "<p>Hi {{ name }}</p>"


@pytest.fixture
def office(office: Any) -> Any:
    """Return the back office of an app with four types."""
    register(office)
    return office


def words(**given: str) -> dict[str, str]:
    """Return a form with words that can be saved, and with what is given."""
    return {"subject": "Hi {{ name }}", "html": HTML, "text": "", "seen": "0", **given}


def encoded(form: dict[str, str]) -> dict[str, str]:
    """Return a form as the script sends it."""
    parts = {
        part: base64.urlsafe_b64encode(form[part].encode()).decode()
        for part in ("subject", "html", "text")
    }
    return {**form, **parts, "encoded": "1"}


def in_force(office: Any, name: str = "welcome", locale: str = "") -> Texts | None:
    """Return the saved words that count."""
    return office.state.templates.in_force().texts(name, locale)


def mailed(office: Any, number: int) -> str:
    """Return the source of a message."""
    with office.app.app_context():
        return office.mail.queue.source(number).decode()


def test_the_list_tells_of_each_type(office: Any) -> None:
    """Name, trigger, whose words, on or off, last sent, and failures as a link to them."""
    office.add("dead", type="welcome")
    office.add("sent", type="welcome")
    office.state.templates.save("welcome", "", Texts("Hi", HTML))
    page = office.page("/types")
    for said in ("Welcome", "user registration", "changed here", "fixed", "Always on", "just now"):
        assert said in page
    assert 'href="/admin/email/messages?type=welcome&amp;state=failed"' in page
    assert "No mail server is set up, so none of these e-mails reaches anybody." in page
    office.save(host="a.example", from_email="a@a.example")
    assert "none of these e-mails" not in office.page("/types")


def test_without_a_server_the_pages_say_what_does_not_work(office: Any) -> None:
    """On the overview and on the settings, until there is one."""
    for path in ("/", "/settings"):
        told = office.page(path).partition("data-not-sent")[2]
        assert re.search(r"Password reset</a>.*reset request", told)
    office.save(host="a.example", from_email="a@a.example")
    assert "data-not-sent" not in office.page("/settings")


def test_a_type_is_switched_off_but_not_a_critical_one(office: Any) -> None:
    """The form says what follows; a critical type stays on even when somebody sends the form."""
    assert office.post("/types/welcome/switch", {"on": "0"}).status_code == 303
    assert "is kept as cancelled" in office.page("/types")
    assert 'data-type="welcome" data-enabled="false"' in office.page("/types")
    office.post("/types/password-reset/switch", {"on": "0"})
    assert "cannot be switched off" in office.page("/types")
    assert office.state.templates.in_force().off == {"welcome"}
    office.post("/types/welcome/switch", {"on": "1"})
    assert office.state.templates.in_force().off == set()


@pytest.mark.parametrize("send", [dict, encoded])
def test_words_are_saved_and_go_out(office: Any, send: Any) -> None:
    """As they were typed, by a form of any browser and as the script sends them."""
    html = "<p>Ünï &amp; <b>{{ name }}</b>\r\n<script>x</script></p>"
    response = office.post("/types/welcome", send(words(html=html)))
    assert response.status_code == 303
    assert "goes out with these words" in office.page("/types/welcome")
    assert in_force(office) == Texts("Hi {{ name }}", html.replace("\r\n", "\n"))
    with office.app.app_context():
        (queued,) = office.mail.send_type("welcome", "a@b.example", {"name": "Bob"})
    assert "Subject: Hi Bob" in mailed(office, queued.id)


@pytest.mark.parametrize(
    ("given", "part", "why"),
    [
        ({"html": "<p>a</p>\n{{ nobody }}"}, "html", "Line 2"),
        ({"subject": "{% if %}"}, "subject", "Line 1"),
        ({"text": "{{ name.__class__ }}"}, "text", "Line 1"),
        ({"subject": " "}, "subject", "needs a subject"),
        ({"html": "", "text": " "}, "html", "needs HTML or text"),
        ({"html": "x" * (LONGEST + 1)}, "html", "200 KB"),
        ({"subject": "x" * 999}, "subject", "998"),
    ],
)
def test_words_that_cannot_be_used_are_not_saved(
    office: Any, given: dict[str, str], part: str, why: str
) -> None:
    """The field says why and in which line, and what was typed stays; the script is told, too."""
    response = office.post("/types/welcome", words(**given))
    assert response.status_code == 422
    mark = rf'data-error="{part}" aria-live="polite" >(.*?)</p>'
    found = re.search(mark, response.text, re.DOTALL)
    assert found
    assert why in found[1]
    kept = words(**given)["subject"].strip()
    assert kept in response.text
    told = office.post("/types/welcome", encoded(words(**given)), headers=JSON)
    assert (told.status_code, list(told.json["problems"])) == (200, [part])
    assert in_force(office) is None


def test_nobody_saves_over_the_newer_words_of_another(office: Any) -> None:
    """The page says whose they are and keeps what was typed; saved again, it replaces them."""
    office.state.templates.save("welcome", "", Texts("Theirs", HTML), actor="grace@example.com")
    response = office.post("/types/welcome", words())
    assert response.status_code == 409
    assert "grace@example.com saved other words" in response.text
    assert 'value="Hi {{ name }}"' in response.text
    told = office.post("/types/welcome", words(), headers=JSON).json
    assert "grace@example.com" in told["overtaken"]
    assert in_force(office).subject == "Theirs"
    assert office.post("/types/welcome", words(seen=str(told["seen"]))).status_code == 303
    assert in_force(office).subject == "Hi {{ name }}"


def test_each_language_has_words_of_its_own(office: Any) -> None:
    """Chosen by a link; a language that the type does not have is none."""
    assert "Willkommen" in office.page("/types/welcome?locale=de")
    office.post("/types/welcome", words(locale="de", subject="Servus"))
    assert (in_force(office), in_force(office, "welcome", "de").subject) == (None, "Servus")
    assert office.get("/types/welcome?locale=fr").status_code == 404
    assert office.get("/types/nobody").status_code == 404


def test_a_version_is_looked_at_brought_back_and_left(office: Any) -> None:
    """The history names who and when; back to the app's own words is a version, too."""
    saved = office.state.templates
    first = saved.save("welcome", "", Texts("First", HTML), actor="grace@example.com")
    saved.save("welcome", "", Texts("Second", HTML))
    page = office.page(f"/types/welcome?version={first.id}")
    assert 'value="First"' in page
    assert "grace@example.com" in page
    office.post("/types/welcome/restore", {"version": str(first.id)})
    assert in_force(office).subject == "First"
    office.post("/types/welcome/reset")
    assert in_force(office) is None
    assert 'value="Welcome to {{ app_name }}, {{ name }}"' in office.page("/types/welcome")
    other = saved.save("digest", "", Texts("Week", None, "x"))
    assert office.get(f"/types/welcome?version={other.id}").status_code == 404
    assert office.post("/types/welcome/restore", {"version": str(other.id)}).status_code == 404


def test_what_changed_is_told_in_words_and_signs(office: Any) -> None:
    """Lines that were added and removed, for eyes and for screen readers."""
    office.state.templates.save("welcome", "", Texts("Hi", "<h1>Hello {{ name }}</h1>\n<p>New</p>"))
    page = office.page("/types/welcome")
    assert re.search(r"<ins>.*Added:.*&lt;p&gt;New&lt;/p&gt;", page)
    assert re.search(r"<del>.*Removed:.*&lt;p&gt;Good to have you with us.&lt;/p&gt;", page)


def test_fixed_words_can_be_seen_and_not_changed(office: Any) -> None:
    """Neither by the page nor by a form that somebody makes up; their sample can be sent."""
    page = office.page("/types/account-locked")
    assert "customizable=False" in page
    assert "data-words-form" not in page
    assert office.post("/types/account-locked", words()).status_code == 409
    assert in_force(office, "account-locked") is None
    told = office.post("/types/account-locked/test", {"to": "a@b.example"}, headers=JSON).json
    assert "Subject: Locked" in mailed(office, int(told["told"]["number"]))


def test_whoever_may_only_look_changes_and_sends_nothing(office: Any) -> None:
    """Fields are locked; with operate a saved mail can be tried out, typed words cannot."""
    office.rights = {"view"}
    page = office.page("/types/welcome")
    assert "You may see these words but not change them" in page
    assert "Send test" not in page
    assert "data-words-form" not in page
    office.rights = {"view", "operate"}
    assert office.post("/types/welcome/test", words(to="a@b.example")).status_code == 403
    assert office.post("/types/welcome/test", {"to": "a@b.example"}).status_code == 200
    assert office.state.queue.get(1).message.subject == "Welcome to site, Ada"


def test_a_preview_stands_in_a_sandbox(office: Any) -> None:
    """What is in force and what is typed: no script, no form, no stranger's picture unasked."""
    hostile = "<p>{{ name }}</p><script>alert(1)</script><img src=https://far.example/x>"
    for response in (
        office.get("/types/welcome/preview"),
        office.post("/types/welcome/preview", words(html=hostile)),
        office.post("/types/welcome/preview", words(html="{{ nobody }}<script>")),
    ):
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none';")
        assert "img-src data:;" in policy
        assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    shown = office.post("/types/welcome/preview", words(html=hostile, images="1"))
    assert "img-src data: https:;" in shown.headers["Content-Security-Policy"]
    text = office.post("/types/welcome/preview", {**words(), "as": "text"})
    assert (text.mimetype, text.text) == ("text/plain", "Hi Ada\n")
    assert "sandbox" in text.headers["Content-Security-Policy"]
    assert "&lt;script" not in office.page("/types/welcome")


def test_the_script_gets_subject_and_text_apart(office: Any) -> None:
    """Filled in with the sample; or what is wrong, by field."""
    told = office.post("/types/welcome/preview", encoded(words()), headers=JSON).json
    assert told == {"problems": {}, "subject": "Hi Ada", "text": "Hi Ada\n", "html": True}
    wrong = office.post("/types/welcome/preview", encoded(words(text="{{")), headers=JSON).json
    assert list(wrong["problems"]) == ["text"]
    broken = office.post("/types/welcome/preview", words(html="%%%", encoded="1"), headers=JSON)
    assert set(broken.json["problems"]) == {"subject", "html"}


def test_previews_are_counted(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more than somebody types, and less than would keep the app busy."""
    monkeypatch.setattr("flask_smtpadmin.web.type_preview._PREVIEWS", 2)
    answers = [office.post("/types/welcome/preview", words()).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_what_is_typed_is_tried_out_and_not_saved(office: Any) -> None:
    """To one address, through the queue, though the type is off; ten a minute."""
    office.state.templates.switch("welcome", on=False)
    told = office.post("/types/welcome/test", encoded(words(to="eve@example.com")), headers=JSON)
    number = int(told.json["told"]["number"])
    row = office.state.queue.get(number).message
    assert (row.type, row.state, row.first_recipient) == ("welcome", "queued", "eve@example.com")
    assert "Subject: Hi Ada" in mailed(office, number)
    assert in_force(office) is None
    page = office.post("/types/welcome/test", words(to="eve@example.com", subject="Mine"))
    assert 'value="Mine"' in page.text
    assert f'href="/admin/email/messages/{number + 1}"' in page.text
    assert "cannot be used" in office.post("/types/welcome/test", words(to="eve")).text
    for _ in range(9):
        last = office.post("/types/welcome/test", words(to="eve@example.com")).text
    assert "Ten tests a minute" in last


def test_the_test_page_sends_a_registered_type(office: Any) -> None:
    """With its sample, through the server that was chosen; its page shows what becomes of it."""
    office.save(host="a.example", from_email="a@a.example")
    form = {"server": "default", "to": "eve@example.com", "type": "password-reset"}
    response = office.post("/test", form)
    assert response.location.endswith("/messages/1")
    row = office.state.queue.get(1).message
    assert (row.type, row.server, row.secret) == ("password-reset", "default", True)
    assert "cannot be used" in office.post("/test", {**form, "to": ""}).text
    assert office.post("/test", {**form, "type": "nobody"}).status_code == 404


def test_header_and_footer_are_edited_alike(office: Any) -> None:
    """With the values that every mail has; shown around the first type."""
    office.post("/types/@header", {"html": "<p>{{ app_name }}!</p>", "text": "Hello from us"})
    shown = office.get("/types/welcome/preview").text
    assert "site!" in shown
    wrong = office.post("/types/@footer", {"html": "<p>\n{{ name }}", "text": ""})
    assert "Line 2" in wrong.text
    told = office.post("/types/@footer/test", {"html": "<p>Bye</p>", "to": "a@b.c"}, headers=JSON)
    assert "Bye" in mailed(office, int(told.json["told"]["number"]))
    office.post("/types/@header/reset")
    assert in_force(office, "@header") is None
    assert "site!" not in office.get("/types/welcome/preview").text


def test_words_that_failed_are_told_of_loudly(office: Any) -> None:
    """On the list and on the page of the type, until somebody saves better ones."""
    version = office.state.templates.save("welcome", "", Texts("Hi", HTML))
    office.state.templates.failed(version, "html, line 1: <b>broken</b>")
    for path in ("/types", "/types/welcome"):
        page = office.page(path)
        assert "could not be written with the saved words" in page
        assert "&lt;b&gt;broken&lt;/b&gt;" in page
    office.post("/types/welcome", words(seen=str(version.id)))
    assert "could not be written" not in office.page("/types")


def test_a_form_that_is_far_too_large_is_refused_in_words(office: Any) -> None:
    """Before it is read, and by an answer that the script knows as ours."""
    response = office.post("/types/welcome", words(html="x" * 3_000_000))
    assert response.status_code == 413
    assert response.headers["X-SMTPAdmin"] == "1"
    assert "may have 200 KB" in response.text


def test_an_app_without_types_is_shown_how_to_register_one(make_office: Any) -> None:
    """With code that can be copied, and works."""
    office = make_office()
    page = office.page("/types")
    assert "mail.send_type(&#34;welcome&#34;" in page
    assert "&lt;p&gt;Hello {{ name }}" in page
    assert office.get("/types/@header").status_code == 200


def test_the_list_reads_a_bounded_number_of_messages(office: Any) -> None:
    """However many there are: one statement for all types, over the newest of each."""
    statements: list[str] = []
    engine = office.state.database.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    office.page("/types")
    over = [one for one in statements if "smtpadmin_message.type" in one]
    assert len(over) == 1
    assert over[0].count("LIMIT") == 4


def test_the_audit_trail_leads_to_what_was_changed(office: Any) -> None:
    """Entries about types, header and footer stand in a group, each a link to its page."""
    office.post("/types/welcome", words())
    office.post("/types/@header", words(subject="", html="<p>Hi</p>"))
    page = office.page("/audit?action=type")
    assert 'href="/admin/email/types/welcome"' in page
    assert 'href="/admin/email/types/@header"' in page
    assert re.search(r'<option value="type" selected>\s*Types', page)
