"""The words that admins saved, on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.apps import Site

from flask_smtpadmin import Message
from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.core.email_type import Texts
from flask_smtpadmin.core.errors import NotFound, Overtaken
from flask_smtpadmin.storage import templates as module
from flask_smtpadmin.storage import type_figures
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.storage.templates import Templates

FIRST = Texts("One", "<p>ü {{ name }}</p>" + "x" * 70_000)
SECOND = Texts("Two", None, "Plain")


@pytest.fixture
def state(make_app: Callable[..., Site], database_url: str) -> Any:
    """Return the state of an app on each database."""
    return make_app(database_url).app.extensions["smtpadmin"]


@pytest.fixture
def small(make_app: Callable[..., Site]) -> Any:
    """Return the state of an app on SQLite."""
    return make_app().app.extensions["smtpadmin"]


def another(state: Any) -> Templates:
    """Return what another process sees."""
    return Templates(state.database, note=state.audit.note)


def test_the_newest_version_counts_and_the_history_is_complete(state: Any) -> None:
    """Saved, saved again, reset, restored: each a version of its own, for each locale apart."""
    saved, other = state.templates, another(state)
    assert other.in_force().version("welcome") is None
    first = saved.save("welcome", "", FIRST, seen=0, actor="ada")
    saved.save("welcome", "de", SECOND, seen=0)
    assert other.in_force().texts("welcome") == FIRST
    second = saved.save("welcome", "", SECOND, seen=first.id)
    gone = saved.reset("welcome", "", seen=second.id, actor="bob")
    assert other.in_force().texts("welcome") is None
    saved.restore(first.id)
    assert other.in_force().texts("welcome") == FIRST
    assert other.in_force().texts("welcome", "de") == SECOND
    history = saved.history("welcome")
    assert [(one.note, one.texts) for one in history] == [
        ("restore", FIRST), ("reset", None), ("", SECOND), ("", FIRST),
    ]  # fmt: skip
    assert [one.made_by for one in history] == [None, "bob", None, "ada"]
    assert utcnow() - gone.made_at < timedelta(seconds=20)


def test_who_was_overtaken_saves_nothing(state: Any) -> None:
    """Saving over a version that was not seen is refused, and says whose it is and from when."""
    saved, other = state.templates, another(state)
    seen = saved.save("welcome", "", FIRST, seen=0, actor="ada")
    for change in (
        lambda: other.save("welcome", "", SECOND, seen=0),
        lambda: other.reset("welcome", seen=seen.id - 1),
    ):
        with pytest.raises(Overtaken, match="ada saved a newer version") as caught:
            change()
        assert (caught.value.by, caught.value.at) == ("ada", seen.made_at)
    assert len(saved.history("welcome")) == 1


def test_old_versions_go(state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of each name and locale are kept, and no other name's are touched."""
    monkeypatch.setattr(module, "MOST", 3)
    saved = state.templates
    saved.save("other", "", FIRST)
    versions = [saved.save("welcome", "", Texts(str(n), None, "x")) for n in range(5)]
    assert [one.texts.subject for one in saved.history("welcome")] == ["4", "3", "2"]
    assert len(saved.history("other")) == 1
    with pytest.raises(NotFound):
        saved.restore(versions[0].id)


def test_a_type_is_switched_off_and_on(state: Any) -> None:
    """Other processes see it, and the settings' own values stay what they are."""
    saved, other = state.templates, another(state)
    before = state.settings.snapshot()["MAX_QUEUE"]
    saved.switch("welcome", on=False, actor="ada")
    assert other.in_force().off == {"welcome"}
    assert state.settings.snapshot()["MAX_QUEUE"] == before
    saved.switch("welcome", on=True)
    assert other.in_force().off == frozenset()


def test_how_the_newest_mail_of_each_type_fared(
    make_app: Callable[..., Site], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted over the newest of each; what a switched-off type kept back is no failure."""
    site = make_app(database_url)
    state = site.app.extensions["smtpadmin"]
    monkeypatch.setattr(type_figures, "LOOKED_AT", 3)
    site.mail.email_type("off", subject="Off", text="x")
    state.templates.switch("off", on=False)
    with site.app.app_context():
        for _ in range(4):
            site.mail.send(Message("Hi", ["a@b.example"], body="x"), type="welcome")
        (kept,) = site.mail.send_type("off", "a@b.example")
        assert site.mail.queue.get(kept.id)["error"] == "The type Off is switched off."
    with state.database.write() as connection:
        for number, fate in ((1, "dead"), (2, "sent"), (4, "uncertain")):
            connection.execute(
                sa.text("UPDATE smtpadmin_message SET state = :fate WHERE id = :id"),
                {"fate": fate, "id": number},
            )
    found = type_figures.recent(state.database, ["welcome", "off", "none"])
    welcome = found["welcome"]
    assert (welcome.messages, welcome.sent, welcome.failed) == (3, 1, 1)
    assert welcome.last_sent is not None
    assert not welcome.all_of_them
    assert found["off"] == type_figures.Recent(messages=1)
    assert found["none"] == type_figures.Recent()


def test_each_change_is_in_the_audit_trail(state: Any) -> None:
    """With who did it and what became of the subject; of the other parts only that they changed."""
    saved = state.templates
    first = saved.save("welcome", "de", FIRST, actor="ada")
    saved.reset("welcome", "de")
    saved.restore(first.id)
    saved.save("@header", "", Texts("", "<p>Hi"))
    saved.switch("welcome", on=False)
    entries = list(state.trail.of(Sought()))[::-1]
    assert [(entry.action, entry.object) for entry in entries] == [
        ("type.save", "type:welcome"),
        ("type.reset", "type:welcome"),
        ("type.restore", "type:welcome"),
        ("type.save", "frame:header"),
        ("type.disable", "type:welcome"),
    ]
    assert entries[0].actor == "ada"
    assert entries[0].details == {
        "locale": "de",
        "fields": {"subject": {"from": None, "to": "One"}, "html": "changed"},
    }


def test_what_counts_is_read_once_in_a_while(small: Any) -> None:
    """No query within ``max_age``, then one while nothing changed; own changes at once."""
    saved, other = small.templates, another(small)
    version = saved.save("welcome", "", FIRST)
    queries: list[str] = []
    sa.event.listen(
        small.database.engine, "before_cursor_execute", lambda *given: queries.append(given[2])
    )
    assert other.in_force(max_age=60).texts("welcome") == FIRST
    assert len(queries) == 3
    other.in_force(max_age=60)
    assert len(queries) == 3
    other.in_force()
    assert len(queries) == 4
    other.reset("welcome", seen=version.id)
    assert other.in_force(max_age=60).texts("welcome") is None


def test_a_version_that_failed_says_so(small: Any) -> None:
    """Until a newer one is saved; the same failure is written once an hour."""
    saved = small.templates
    version, other = saved.save("welcome", "", FIRST), another(small)
    assert other.in_force().version("welcome") == version
    saved.failed(version, "text: there is no `name`" + "x" * 600)
    failed = saved.get(version.id)
    assert other.in_force().version("welcome") == failed
    assert failed.failure.startswith("text: there is no `name`")
    assert len(failed.failure) == 512
    saved.failed(version, "again")
    assert saved.get(version.id) == failed
    saved.save("welcome", "", SECOND)
    assert saved.in_force().version("welcome").failed_at is None
