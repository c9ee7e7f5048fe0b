"""The settings page: the figures, dead letters, the default server, a test, the global settings."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_wtf import FlaskForm

from flask_smtpadmin.config import EDITABLE
from flask_smtpadmin.core.errors import InvalidSettings
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.settings import Problem, Snapshot
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, live, mode, server_form, server_pages, test
from flask_smtpadmin.web.forms.controls import controls
from flask_smtpadmin.web.forms.specs import form_class, sent, text_of
from flask_smtpadmin.web.language import gettext
from flask_smtpadmin.web.render import done, page
from flask_smtpadmin.web.snippet import env_snippet

FORM = form_class(EDITABLE)
#: Dead letters that the page lists; the rest is a click away.
_DEAD_SHOWN = 5


def settings() -> Response:
    """Show everything an admin sets up, with what the queue does on top."""
    return _show()


def settings_save() -> Response:
    """Save the global settings that were changed."""
    state = current_state()
    snapshot = state.settings.snapshot()
    form = FORM(formdata=mode.joined(request.form))
    try:
        state.settings.save_values(_changed(form, snapshot), actor=access.actor_name())
    except InvalidSettings as error:
        return _show(form, error.problems, status=422)
    return done(gettext("Settings saved. Workers use them within five seconds."), "settings")


def _changed(form: FlaskForm, snapshot: Snapshot) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, spec in EDITABLE.items():
        value = snapshot.values[name]
        typed = sent(form[name.lower()])
        if typed is None or value.locked or typed.strip() == text_of(spec, value).strip():
            continue
        found[name.lower()] = typed.strip() or None
    if found.get("mode") == current_state().settings.boot()["MODE"]:
        found["mode"] = None  # nothing is kept that would turn a copy of this database live
    return found


def _show(
    form: FlaskForm | None = None, problems: tuple[Problem, ...] = (), *, status: int = 200
) -> Response:
    state = current_state()
    dead = state.queue.list(Filter(state="dead"), per_page=_DEAD_SHOWN)
    return page(
        "settings",
        status=status,
        here="Settings",
        figures=state.summary.figures(),
        dead=dead,
        left=live.left(dead.messages),
        **({"harmless": ()} if live.asked() else _forms(form, problems)),
    )


def _forms(form: FlaskForm | None, problems: tuple[Problem, ...]) -> dict[str, Any]:
    snapshot = current_state().settings.snapshot()
    values = {name: snapshot.values[name] for name in EDITABLE}
    drawn = controls(EDITABLE, values, problems or snapshot.problems, form)
    return {
        **server_pages.form_values(server_form.shown("default")),
        **test.form_values("default"),
        "harmless": snapshot.harmless,
        "mode_controls": {name: drawn.pop(name) for name in mode.FIELDS},
        "mode_to": mode.address(snapshot, form),
        "globals": drawn,
        "snippet": env_snippet(),
    }
