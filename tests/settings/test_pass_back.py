"""No password goes to a server it was not meant for, however the server was changed."""

from __future__ import annotations

import base64

import pytest

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.errors import InvalidSettings
from flask_smtpadmin.core.settings.describe import config_document, env_document

CANARY = "canary-7f3a-secret"
SMTP = {"host": "a.example", "port": "465", "tls_mode": "implicit", "username": "ada"}
CHANGES = [
    {"host": "evil.example"},
    {"port": "2525"},
    {"username": "eve"},
    {"tls_mode": "starttls"},
]


@pytest.fixture
def settings(place):
    settings = place.settings()
    settings.save_server("default", SMTP | {"password": CANARY})
    return settings


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_endpoint_asks_for_the_password_again(settings, change):
    """Host, port, user name or TLS mode changed in the form: refused until it is typed."""
    with pytest.raises(InvalidSettings, match=r"password was saved for a\.example:465") as caught:
        settings.save_server("default", change)
    assert caught.value.field == "password"
    assert settings.snapshot().default.host == "a.example"
    server = settings.save_server("default", change | {"password": "again"})
    assert (server.password, server.problems) == ("again", ())


@pytest.mark.parametrize("change", CHANGES)
def test_a_draft_of_another_endpoint_has_no_password(settings, change):
    """Testing as typed never sends the saved password elsewhere."""
    draft = settings.draft("default", change)
    assert draft.password == ""
    assert not draft.usable
    assert CANARY not in repr(draft) + repr(draft.fields["password"].value)


@pytest.mark.parametrize("change", CHANGES)
def test_an_environment_override_holds_the_server(place, settings, change):
    """SMTPADMIN_HOST over a saved password: misconfigured until the password is set too."""
    for name, value in change.items():
        place.environ[f"SMTPADMIN_{name.upper()}"] = value
    server = settings.snapshot().default
    assert (server.password, server.state) == ("", "misconfigured")
    problem = server.problems[0]
    assert "password was saved for a.example:465" in problem.message
    assert problem.variable == f"SMTPADMIN_{next(iter(change)).upper()}"
    assert server.fields["password"].shown() == {"set": True}
    place.environ["SMTPADMIN_PASSWORD"] = "from outside"
    assert settings.snapshot().default.password == "from outside"
    del place.environ["SMTPADMIN_PASSWORD"]
    assert settings.save_server("default", {"password": "again"}).problems == ()


def test_an_unusable_port_is_the_only_problem(place, settings):
    """SMTPADMIN_PORT=abc over a saved password: one reason, and the password stays shut."""
    place.environ["SMTPADMIN_PORT"] = "abc"
    server = settings.snapshot().default
    assert [problem.field for problem in server.problems] == ["port"]
    assert server.password == ""


def test_another_server_cannot_use_the_row(place, settings):
    """A ciphertext copied to another server opens nothing there."""
    settings.save_server("twin", SMTP | {"password": "x"}, create=True)
    with place.database.write() as connection:
        table = place.database.models.table("Setting")
        where = (table.c.name == "PASSWORD", table.c.scope == "server:default")
        token = connection.execute(table.select().where(*where)).one().value
        connection.execute(table.update().where(table.c.name == "PASSWORD").values(value=token))
    twin = settings.snapshot().servers["twin"]
    assert (twin.password, twin.state) == ("", "misconfigured")


@pytest.mark.parametrize("change", CHANGES)
def test_a_password_from_outside_follows_no_form(place, change):
    """SMTPADMIN_PASSWORD with a host from the pages: a new endpoint wants it typed."""
    place.environ["SMTPADMIN_PASSWORD"] = CANARY
    settings = place.settings()
    assert settings.save_server("default", SMTP).password == CANARY
    with pytest.raises(InvalidSettings, match="SMTPADMIN_PASSWORD would go") as caught:
        settings.save_server("default", change)
    assert CANARY not in str(caught.value)
    draft = settings.draft("default", change)
    assert (draft.password, draft.fields["password"].value, draft.usable) == ("", "", False)
    with pytest.raises(InvalidSettings):
        settings.save_server("default", change | {"password": "guess"})
    assert settings.save_server("default", change | {"password": CANARY}).password == CANARY
    assert "PASSWORD'," not in place.rows()


def test_no_detour_frees_a_password_from_outside(place):
    """Emptying or deleting the server first does not lift the binding."""
    place.environ["SMTPADMIN_PASSWORD"] = CANARY
    settings = place.settings()
    settings.save_server("default", SMTP)
    settings.save_server("default", {"host": ""})
    with pytest.raises(InvalidSettings):
        settings.save_server("default", {"host": "evil.example"})
    settings.delete_server("default")
    with pytest.raises(InvalidSettings):
        settings.save_server("default", SMTP | {"host": "evil.example"})
    assert settings.save_server("default", SMTP).password == CANARY


@pytest.mark.parametrize(
    "detour",
    [
        [{"host": "evil.example", "auth": "none"}, {"auth": "password"}],
        [{"host": "evil.example", "auth": "none"}, {"auth": None}],
        [{"host": "evil.example", "auth": "oauth2"}, {"auth": "password"}],
        [{"username": None, "host": "evil.example"}, {"username": "ada"}],
        [{"host": "", "auth": "none"}, {"host": "evil.example"}, {"auth": None}],
    ],
)
@pytest.mark.parametrize("outside", ["environ", "config"])
def test_no_password_follows_a_host_changed_while_it_slept(place, detour, outside):
    """A host changed while the server signed in without it: the password wants to be typed."""
    getattr(place, outside)["SMTPADMIN_PASSWORD"] = CANARY
    settings = place.settings()
    settings.save_server("default", SMTP)
    *before, last = detour
    for change in before:
        settings.save_server("default", change)
    assert settings.draft("default", last).password == ""
    with pytest.raises(InvalidSettings, match="SMTPADMIN_PASSWORD would go"):
        settings.save_server("default", last)
    settings.save_server("default", SMTP | {"auth": None})
    assert settings.snapshot().default.password == CANARY


def test_a_lost_key_is_a_clear_state(place, settings):
    """Another SECRET_KEY: misconfigured, with what to do; typing it again helps."""
    place.config["SECRET_KEY"] = "another"
    other = place.settings()
    server = other.snapshot().default
    assert (server.state, server.password) == ("misconfigured", "")
    assert "SECRET_KEY_FALLBACKS" in server.problems[0].message
    assert other.save_server("default", {"password": "again"}).password == "again"


def test_secrets_are_shown_nowhere(place):
    """Database, repr, JSON, .env and errors hold no secret, plain or encoded."""
    place.config["SMTPADMIN_REDIS_URL"] = f"redis://:{CANARY}@h"
    place.environ["SMTPADMIN_SERVERS__ENV__URL"] = f"smtps://u:{CANARY}@h.example"
    settings = place.settings()
    proxy = f"socks5://u:{CANARY}@proxy"
    settings.save_server("default", SMTP | {"password": CANARY, "proxy_url": proxy})
    snapshot = settings.snapshot()
    assert snapshot.servers["env"].password == snapshot.default.password == CANARY
    shown = [
        place.rows(),
        repr(snapshot),
        repr(settings.draft("default", {"password": CANARY, "host": "b.example"})),
        repr(config_document(snapshot)),
        env_document(snapshot, "SMTPADMIN_", KEYS),
        snapshot.default.fingerprint,
    ]
    for wrong in ({"proxy_url": f"gopher://{CANARY}"}, {"password": f"{CANARY}\n"}):
        with pytest.raises(InvalidSettings) as caught:
            settings.save_server("default", wrong)
        shown.append(repr(caught.value) + repr(caught.value.problems))
    for form in (CANARY, base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex()):
        assert form not in "".join(shown)
