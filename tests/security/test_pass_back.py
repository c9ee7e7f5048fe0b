"""S-4: a saved password goes to no other server, whichever way somebody tries.

Both servers are real, trust anybody's certificate authority and offer AUTH: only the product
stands between the password and the wire.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from support.apps import Site
from support.scripted import Farm, ScriptedServer, scripted_servers
from support.smtp import authority
from support.ways import IN_FORCE, STREAM, TO, Ways

from flask_smtpadmin.core.errors import InvalidSettings

CANARY = "canary-41c7-secret"
USERNAME = "ada"
CHANGES = ("host", "port", "username", "tls_mode")
ASKS = re.compile(r"type the password (again|to confirm)", re.IGNORECASE)


@dataclass
class Scene:
    """Where the password belongs, and whatever else listens."""

    home: ScriptedServer
    others: list[ScriptedServer]
    farm: Farm

    def values(self) -> dict[str, str]:
        """Return the endpoint that the password is saved with."""
        return {
            "host": "localhost",
            "port": str(self.home.port),
            "username": USERNAME,
            "tls_mode": "starttls",
        }

    def change(self, name: str) -> dict[str, str]:
        """Return the change of one part of it, to what would work as well."""
        to = {
            "host": "127.0.0.1",
            "port": str(self.others[0].port),
            "username": "eve",
            "tls_mode": "none",
        }
        return {name: to[name]}

    @property
    def auths(self) -> int:
        """How often anybody signed in, or tried to."""
        return sum(server.auths for server in self.farm.servers)

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return sum(server.connections for server in self.farm.servers)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Run two servers that take any password."""
    with scripted_servers() as farm:
        one, two = (farm.add(mode="starttls", auth="PLAIN") for _ in range(2))
        yield Scene(one, [two], farm)


@pytest.fixture
def build(make_app: Callable[..., Site]) -> Callable[..., Ways]:
    """Build a site; CA_FILE lets it trust both servers."""

    def build(**config: Any) -> Ways:
        files = {"SMTPADMIN_CA_FILE": authority().ca_file, "SMTPADMIN_FROM_EMAIL": "a@example.com"}
        return Ways(make_app(**files, **config))

    return build


@pytest.fixture
def ways(build: Callable[..., Ways], scene: Scene) -> Ways:
    """Return a site whose default server has a saved password."""
    found = build()
    found.save(**scene.values(), password=CANARY)
    return found


def nothing_was_given_away(scene: Scene, shown: str) -> None:
    """Fail when a password crossed a wire or a page."""
    assert scene.auths == 0
    forms = (CANARY, base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex())
    assert not any(form in shown for form in forms)


@pytest.mark.parametrize("use", IN_FORCE, ids=lambda use: use.__name__)
def test_the_password_goes_where_it_belongs(ways: Ways, scene: Scene, use: Any) -> None:
    """Nothing changed: each way signs in, so that the zeros below mean something."""
    assert CANARY not in use(ways)
    assert scene.home.auths == 1
    assert [item.auths for item in scene.others] == [0]


@pytest.mark.parametrize("name", CHANGES)
def test_saving_a_changed_endpoint_asks_for_the_password(
    ways: Ways, scene: Scene, name: str
) -> None:
    """The form comes back with the sentence beside the field; what was saved stays in force."""
    response = ways.post("/servers/default", scene.change(name))
    assert response.status_code == 422
    assert ASKS.search(response.text)
    nothing_was_given_away(scene, response.text)
    assert scene.connections == 0
    with ways.app.app_context():
        assert ways.state.settings.snapshot().default.host == "localhost"
    again = ways.post("/servers/default", {**scene.change(name), "password": "typed again"})
    assert again.status_code == 303


@pytest.mark.parametrize("headers", [{}, STREAM], ids=["page", "stream"])
@pytest.mark.parametrize("path", ["/servers/default/test", "/servers/new/test"])
@pytest.mark.parametrize("name", CHANGES)
def test_testing_a_changed_endpoint_asks_for_the_password(
    ways: Ways, scene: Scene, name: str, path: str, headers: dict[str, str]
) -> None:
    """As typed and not saved, under its own address and under that of a new server."""
    form = {"key": "default", **scene.values(), **scene.change(name), "to": TO}
    response = ways.post(path, form, headers=headers)
    assert ASKS.search(response.text)
    nothing_was_given_away(scene, response.text)
    assert scene.connections == 0


@pytest.mark.parametrize("name", CHANGES)
def test_a_new_server_has_no_password_of_another(ways: Ways, scene: Scene, name: str) -> None:
    """The saved endpoint typed in for a key that has none: there is no password to send."""
    form = {"key": "second", **scene.values(), **scene.change(name), "to": TO}
    response = ways.post("/servers/new/test", form)
    assert "There is no password" in response.text
    nothing_was_given_away(scene, response.text)
    assert scene.connections == 0


@pytest.mark.parametrize("path", ["/servers/default", "/servers/default/test"])
def test_another_provider_asks_for_the_password(ways: Ways, scene: Scene, path: str) -> None:
    """A preset chosen on the form brings a host of its own."""
    response = ways.post(path, {"preset": "fastmail", "username": USERNAME})
    assert ASKS.search(response.text)
    nothing_was_given_away(scene, response.text)
    page = ways.client.get("/admin/email/servers/default?preset=fastmail")
    nothing_was_given_away(scene, page.text)


@pytest.mark.parametrize("name", CHANGES)
def test_an_environment_that_moves_the_server_stops_it(
    ways: Ways, scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """SMTPADMIN_HOST and the like over a saved password: every way says so and tries nothing."""
    for key, value in scene.change(name).items():
        monkeypatch.setenv(f"SMTPADMIN_{key.upper()}", value)
    _stopped(ways, scene)


@pytest.mark.parametrize("name", CHANGES)
def test_an_app_config_that_moves_the_server_stops_it(
    build: Callable[..., Ways], scene: Scene, name: str
) -> None:
    """The endpoint stands in app.config and changes there after the password was saved."""
    values = {f"SMTPADMIN_{key.upper()}": value for key, value in scene.values().items()}
    ways = build(**values)
    ways.save(password=CANARY)
    for key, value in scene.change(name).items():
        ways.app.config[f"SMTPADMIN_{key.upper()}"] = value
    _stopped(ways, scene)


@pytest.mark.parametrize("name", CHANGES)
def test_a_database_that_was_tampered_with_stops_it(ways: Ways, scene: Scene, name: str) -> None:
    """A row changed with SQL, past every form: the password is sealed with its endpoint."""
    table = ways.state.models.table("Setting")
    with ways.app.app_context(), ways.state.database.write() as connection:
        for key, value in scene.change(name).items():
            where = (table.c.scope == "server:default", table.c.name == key.upper())
            changed = connection.execute(sa.update(table).where(*where).values(value=value))
            assert changed.rowcount == 1
    _stopped(ways, scene)


@pytest.mark.parametrize("outside", ["environment", "app_config"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_password_from_outside_follows_no_form(
    build: Callable[..., Ways],
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    outside: str,
) -> None:
    """Nobody at a page may send the app's own password elsewhere without knowing it."""
    ways = build(**({"SMTPADMIN_PASSWORD": CANARY} if outside == "app_config" else {}))
    if outside == "environment":
        monkeypatch.setenv("SMTPADMIN_PASSWORD", CANARY)
    ways.save(**scene.values())
    # In the place of app.config's a typed password would be saved, and be the one that is sent.
    guess = {"password": "a guess"} if outside == "environment" else {}
    for path in ("/servers/default", "/servers/default/test"):
        response = ways.post(path, {**scene.change(name), **guess, "to": TO})
        assert ASKS.search(response.text)
        nothing_was_given_away(scene, response.text)
    assert scene.connections == 0


@pytest.mark.parametrize("name", CHANGES)
def test_a_detour_over_no_sign_in_frees_no_password(ways: Ways, scene: Scene, name: str) -> None:
    """Changed while nobody signs in, then signing in again: asked for all the same."""
    assert ways.post("/servers/default", {"auth": "none", **scene.change(name)}).status_code == 303
    response = ways.post("/servers/default", {"auth": "password"}, follow_redirects=True)
    assert ASKS.search(response.text)
    tested = ways.post("/servers/default/test", {"auth": "password", "to": TO})
    assert ASKS.search(tested.text)
    nothing_was_given_away(scene, response.text + tested.text)
    assert scene.connections == 0


def test_python_that_saves_is_held_to_the_same(ways: Ways, scene: Scene) -> None:
    """The verb under the form refuses each change, and a draft of it holds no password."""
    with ways.app.app_context():
        for name in CHANGES:
            change = scene.change(name)
            with pytest.raises(InvalidSettings, match=ASKS) as caught:
                ways.state.settings.save_server("default", change)
            draft = ways.state.settings.draft("default", change)
            assert (draft.password, draft.usable) == ("", False)
            nothing_was_given_away(scene, f"{caught.value!r} {draft!r}")


def _stopped(ways: Ways, scene: Scene) -> None:
    """Fail unless every way names the reason and connects to nothing."""
    for use in IN_FORCE:
        shown = use(ways)
        assert ASKS.search(shown), f"{use.__name__}: {shown}"
        nothing_was_given_away(scene, shown)
        assert scene.connections == 0, use.__name__
