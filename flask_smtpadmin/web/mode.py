"""That mail is caught or redirected: what the settings page asks."""

from __future__ import annotations

from typing import Final

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict

from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.web.forms.specs import sent

#: The settings that stand in a form of their own.
FIELDS: Final = ("mode", "catch_allow")


def joined(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """Return a form in which MODE is one value, as settings have it: ``redirect:ADDRESS``."""
    if form.get("mode") != "redirect":
        return form
    whole = MultiDict(form)
    whole["mode"] = f"redirect:{form.get('mode_to', '').strip()}"
    return whole


def address(snapshot: Snapshot, form: FlaskForm | None) -> str:
    """Return where redirected mail goes, as it is set or was typed."""
    typed = None if form is None else sent(form["mode"])
    text: str = snapshot["MODE"] if typed is None else typed
    return text.partition(":")[2]
