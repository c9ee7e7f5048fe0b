"""The form of a server: origins, locks, secrets, and what a submit does and does not store."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from support.fields import value_for

from flask_smtpadmin.core.settings import Spec
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS

CANARY = "c4nary-hunter2"


def stored(office: Any) -> dict[str, str]:
    """Return what the database holds of the default server, by lower-case name."""
    table = office.state.models.table("Setting")
    query = sa.select(table.c.name, table.c.value).where(table.c.scope == "server:default")
    with office.app.app_context(), office.state.database.read() as connection:
        return {row[0].lower(): row[1] for row in connection.execute(query)}


def as_sent(source: str) -> dict[str, str]:
    """Return what a browser would send for the server form if nothing were touched."""
    form = source[source.index("data-server-form") :]
    form = form[: form.index("</form>")]
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form, re.DOTALL):
        known = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" not in known or re.search(r"\sdisabled", tag):
            continue
        ticked = known.get("type") not in {"checkbox", "radio"} or re.search(r"\schecked", tag)
        if ticked:
            sent[known["name"]] = unescape(known.get("value", ""))
    for name, options in re.findall(r'<select[^>]*name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


@pytest.mark.parametrize("spec", SERVER_FIELDS.values(), ids=lambda spec: spec.name)
def test_each_field_says_which_variable_sets_it(
    office: Any, monkeypatch: pytest.MonkeyPatch, spec: Spec
) -> None:
    """With its variable set, a field is locked, names the variable and ignores a submit."""
    monkeypatch.setenv(f"SMTPADMIN_{spec.name}", value_for(spec))
    name = spec.name.lower()
    assert office.field(name) == ("environment", f"SMTPADMIN_{spec.name}")
    source = office.page("/servers/default")
    assert f"Set by <code>SMTPADMIN_{spec.name}</code> in the environment" in source
    tags = re.findall(rf'<(?:input|select|textarea)[^>]*name="{name}"[^>]*>', source)
    assert tags
    assert all(" disabled" in tag for tag in tags)
    before = stored(office)
    office.post("/servers/default", {**as_sent(source), name: "forged"})
    assert stored(office).get(name) == before.get(name)


@pytest.mark.parametrize("spec", SERVER_FIELDS.values(), ids=lambda spec: spec.name)
def test_each_field_can_be_saved_on_the_page(office: Any, spec: Spec) -> None:
    """A changed field is stored, alone, and the page then says that it was saved here."""
    name = spec.name.lower()
    form = {"host": "mail.example.org", **as_sent(office.page("/servers/default"))}
    if spec.kind == "bool":
        form[name] = "false" if spec.default else "true"
    else:
        form[name] = value_for(spec)
    form["host"] = form["host"] or "mail.example.org"
    if name == "password":
        form["username"] = "someone"
    response = office.post("/servers/default", form)
    assert response.status_code == 303, response.text
    with_it = {"port": {"tls_mode"}, "password": {"username"}}.get(name, set())
    assert set(stored(office)) == {name, "host"} | with_it
    assert office.field(name)[0] == "database"


def test_a_submit_without_changes_stores_nothing(make_office: Callable[..., Any]) -> None:
    """Values from app.config, provider and defaults do not turn into saved ones."""
    office = make_office(SMTPADMIN_HOST="mail.example.org", SMTPADMIN_FROM_EMAIL="a@example.org")
    assert office.field("host") == ("app_config", "SMTPADMIN_HOST")
    response = office.post("/servers/default", as_sent(office.page("/servers/default")))
    assert response.status_code == 303
    assert stored(office) == {}


def test_a_form_that_leaves_fields_out_leaves_them_alone(office: Any) -> None:
    """Neither texts nor check boxes change because a client did not send them."""
    office.save(host="mail.example.org", from_email="a@example.org", force_from="true")
    office.post("/servers/default", {"name": "New"})
    server = office.server()
    assert (server.name, server.from_email) == ("New", "a@example.org")
    assert (server.force_from, server.verify_cert) == (True, True)


def test_an_unticked_box_is_saved(office: Any) -> None:
    """Browsers send nothing for an unticked box; the hidden field before it says so."""
    assert 'type="hidden" name="verify_cert" value="false"' in office.page("/servers/default")
    office.post("/servers/default", {"host": "mail.example.org", "verify_cert": "false"})
    assert not office.server().verify_cert
    office.post("/servers/default", {"verify_cert": ["false", "true"]})
    assert office.server().verify_cert


def test_clearing_a_field_removes_what_was_saved(office: Any) -> None:
    """An emptied field goes back to the value underneath."""
    office.save(from_name="Ours")
    form = as_sent(office.page("/servers/default"))
    office.post("/servers/default", {**form, "from_name": ""})
    assert "from_name" not in stored(office)


def test_a_value_that_cannot_be_used_shows_why(
    office: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SMTPADMIN_PORT=abc: the pages work, name the variable and say what is wrong with it."""
    monkeypatch.setenv("SMTPADMIN_PORT", "abc")
    monkeypatch.setenv("SMTPADMIN_HOST", "mail.example.org")
    for path in ("/", "/servers", "/servers/default", "/settings"):
        source = office.page(path)
        assert "SMTPADMIN_PORT" in source
        assert "&#39;abc&#39; is not a whole number" in source
    assert 'value="abc"' in office.page("/servers/default")
    assert 'aria-invalid="true"' in office.page("/servers/default")


def test_what_was_typed_wrong_stays_and_is_explained(office: Any) -> None:
    """A bad port is refused at its field; the rest of the form keeps what was typed."""
    form = {"host": "mail.example.org", "port": "99999", "name": "Kept", "tls_mode": "implicit"}
    response = office.post("/servers/default", form)
    assert response.status_code == 422
    assert "Nothing was saved" in response.text
    assert 'id="error-port"' in response.text
    assert 'value="99999"' in response.text
    assert 'value="Kept"' in response.text
    assert stored(office) == {}


def test_a_password_is_never_shown(office: Any) -> None:
    """Neither saved nor just typed: no page and no answer to a form holds it."""
    form = {"host": "mail.example.org", "username": "u", "password": CANARY, "port": "465"}
    office.post("/servers/default", form)
    assert office.server().password == CANARY
    paths = ("/", "/messages", "/servers", "/servers/default", "/servers/new", "/settings", "/test")
    assert not [path for path in paths if CANARY in office.page(path)]
    assert "Saved. Enter to change" in office.page("/servers/default")
    wrong = office.post("/servers/default", {**form, "password": CANARY + "2", "port": "x"})
    assert wrong.status_code == 422
    assert CANARY not in wrong.text


@pytest.mark.parametrize("variable", ["SMTPADMIN_PASSWORD", "SMTPADMIN_PROXY_URL"])
def test_a_secret_of_the_environment_is_never_shown(
    office: Any, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A locked secret says that it is set, and no more."""
    value = CANARY if variable.endswith("WORD") else f"socks5://u:{CANARY}@proxy.example"
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("SMTPADMIN_HOST", "mail.example.org")
    for path in ("/", "/servers", "/servers/default", "/settings", "/test"):
        assert CANARY not in office.page(path)
    assert "Set, hidden" in office.page("/servers/default")


def test_an_empty_password_keeps_the_saved_one(office: Any) -> None:
    """Other fields can be changed without typing the password again; Remove removes it."""
    office.save(host="mail.example.org", username="u", password=CANARY)
    form = as_sent(office.page("/servers/default"))
    office.post("/servers/default", {**form, "name": "New name"})
    assert office.server().password == CANARY
    office.post("/servers/default", {**form, "remove_password": "1"})
    assert office.server().password == ""


def test_a_password_that_cannot_be_encrypted_is_refused_at_its_field(
    make_office: Callable[..., Any],
) -> None:
    """Without a usable key the form comes back with the reason and what was typed."""
    office = make_office(SMTPADMIN_ENCRYPTION_KEYS="no-key")
    form = {"host": "mail.example.org", "username": "u", "password": CANARY}
    response = office.post("/servers/default", form)
    assert response.status_code == 422
    assert 'id="error-password"' in response.text
    assert "is not a Fernet key" in response.text
    assert 'value="mail.example.org"' in response.text
    assert CANARY not in response.text
    assert stored(office) == {}


def test_a_saved_password_follows_no_changed_host(office: Any) -> None:
    """With another host the form asks for the password again and stores nothing."""
    office.save(host="mail.example.org", username="u", password=CANARY)
    form = as_sent(office.page("/servers/default"))
    response = office.post("/servers/default", {**form, "host": "evil.example.net"})
    assert response.status_code == 422
    assert 'id="error-password"' in response.text
    assert office.server().host == "mail.example.org"


def test_what_does_not_work_yet_is_not_offered(office: Any) -> None:
    """OAuth2 is on the form only where it is set, to be changed to something else."""
    assert 'value="oauth2"' not in office.page("/servers/default")
    office.save(host="mail.example.org", auth="oauth2")
    assert as_sent(office.page("/servers/default"))["auth"] == "oauth2"


def test_hostile_names_are_shown_as_text(office: Any) -> None:
    """Markup in a server's name, description or From name does not become markup."""
    payload = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    office.save(host="mail.example.org", name=payload, description=payload, from_name="<b>x</b>")
    for path in ("/", "/servers", "/servers/default", "/settings", "/test"):
        source = office.page(path)
        assert "<script>alert" not in source
        assert "<img src=x" not in source
        assert "&lt;script&gt;alert(1)" in source


def test_a_provider_fills_in_the_form(office: Any) -> None:
    """A chosen provider gives host, port and encryption; saving keeps it as the provider."""
    source = office.page("/servers/new?preset=gmail")
    assert 'value="smtp.gmail.com"' in source
    form = {**as_sent(source), "username": "a@gmail.com", "password": "p", "key": "gmail"}
    response = office.post("/servers/new", form)
    assert response.status_code == 303
    server = office.server("gmail")
    assert (server.preset, server.host, server.port) == ("gmail", "smtp.gmail.com", 465)
    assert office.field("host", "/servers/gmail")[0] == "preset"


@pytest.mark.parametrize(
    ("preset", "shown"), [("gmail", "you@example.com"), ("ses:us-east-1", ""), ("sendgrid", "")]
)
def test_the_user_name_looks_like_an_address_only_where_it_is_one(
    office: Any, preset: str, shown: str
) -> None:
    """The example in the empty field fits what the provider asks for."""
    source = office.page(f"/servers/new?preset={preset}")
    found = re.search(r'<input[^>]*name="username"[^>]*placeholder="([^"]*)"', source, re.DOTALL)
    assert found
    assert found[1] == shown


def test_another_provider_replaces_what_the_first_one_gave(office: Any) -> None:
    """Changing the provider drops saved host, port and encryption, and nothing else."""
    office.save(host="old.example.org", port="2500", tls_mode="starttls", from_name="Kept")
    source = office.page("/servers/default?preset=fastmail")
    assert 'value="smtp.fastmail.com"' in source
    office.post("/servers/default", as_sent(source))
    server = office.server()
    assert (server.host, server.preset, server.from_name) == (
        "smtp.fastmail.com",
        "fastmail",
        "Kept",
    )


@pytest.mark.parametrize("key", ["new", "", "UPPER", "a b", "default", "x" * 33])
def test_a_key_that_cannot_be_used_is_refused(office: Any, key: str) -> None:
    """Keys are short, lower case, free, and not the word of the page that adds servers."""
    response = office.post("/servers/new", {"key": key, "host": "mail.example.org"})
    assert response.status_code == 422
    assert "Nothing was saved" in response.text


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"port": "587"}, (587, "starttls")),
        ({"tls_mode": "starttls"}, (587, "starttls")),
        ({"port": "2500"}, (2500, "implicit")),
        ({"port": "1025", "tls_mode": "none"}, (1025, "none")),
    ],
)
def test_port_and_encryption_follow_each_other(
    office: Any, typed: dict[str, str], expected: tuple[int, str]
) -> None:
    """Without script too: one that tells the other decides it, else what was shown is kept."""
    form = {**as_sent(office.page("/servers/default")), "host": "mail.example.org", **typed}
    assert office.post("/servers/default", form).status_code == 303
    assert (office.server().port, office.server().tls_mode) == expected


def test_a_crossed_pair_is_saved_with_a_warning(office: Any) -> None:
    """Implicit TLS on port 587 is odd but possible: the page explains it and does not block."""
    form = {"host": "mail.example.org", "port": "587", "tls_mode": "implicit"}
    office.post("/servers/default", form)
    office.save(tls_mode="implicit", port="587")
    assert 'class="sa-warning"' in office.page("/servers/default")


def test_providers_can_be_searched_without_script(office: Any) -> None:
    """A plain GET with words finds providers by name, key or host."""
    source = office.page("/servers/new?preset_q=amazon")
    assert 'data-preset="ses"' in source
    assert 'data-preset="gmail"' not in source
    nothing = office.page("/servers/new?preset_q=nothing-like-it")
    assert "No provider is known by “nothing-like-it”" in nothing


def test_an_unknown_server_or_provider_is_not_found(office: Any) -> None:
    """Addresses with made-up names answer 404."""
    for path in ("/servers/nope", "/servers/new?preset=nope", "/servers/default?preset=nope"):
        assert office.get(path).status_code == 404


def test_a_viewer_sees_settings_but_cannot_change_them(office: Any) -> None:
    """Without the right to configure the form is there, disabled and without buttons."""
    office.rights = {"view"}
    source = office.page("/servers/default")
    assert "right configure" in source
    assert ">Save<" not in source
