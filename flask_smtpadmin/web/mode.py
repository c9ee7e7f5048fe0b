"""That mail is caught or redirected: the banner on every page, and what the settings page asks."""

from __future__ import annotations

from typing import Final

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict

from flask_smtpadmin.core.catching import Mode, mode_of
from flask_smtpadmin.core.masks import mask
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access
from flask_smtpadmin.web.forms.specs import sent
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.situation import Banner
from flask_smtpadmin.web.wording import MODE

#: The settings that stand in a form of their own.
FIELDS: Final = ("mode", "catch_allow")
#: Domains and addresses that the banner names.
_NAMED: Final = 4


def banner(snapshot: Snapshot, here: str) -> Banner | None:
    """Return what every page says unless mail is live; ``here`` is the page's own entry."""
    mode = mode_of(snapshot)
    if mode.live:
        return None
    stored = snapshot.values["MODE"].origin == "database"
    label, endpoint = (_("Open the inbox"), "inbox")
    if mode.address:
        label, endpoint = (_("See messages"), "messages")
    return Banner(
        name="mode",
        tone="warn",
        icon="catch",
        text=" ".join(filter(None, (_deed(mode), _exceptions(mode), _decides(snapshot)))),
        since=current_state().summary.saved_at("MODE") if stored else None,
        label=label,
        endpoint="" if here == "Inbox" else endpoint,
    )


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


def _deed(mode: Mode) -> str:
    word = _(MODE[mode.word])
    if mode.address:
        return _(
            "%(mode)s is on: new mail goes to %(address)s instead of its recipients.",
            mode=word,
            address=_shown(mode.address),
        )
    return _("%(mode)s is on: new mail is kept here and reaches nobody.", mode=word)


def _exceptions(mode: Mode) -> str:
    if not mode.allowed or mode.word == "record":
        return ""
    named = _shown(", ".join(mode.allowed[:_NAMED]))
    if len(mode.allowed) > _NAMED:
        named = _("%(names)s and others", names=named)
    return _("Mail to %(names)s alone goes out all the same.", names=named)


def _shown(text: str) -> str:
    return text if access.may("privacy") else mask(text)


def _decides(snapshot: Snapshot) -> str:
    """Say where it can be changed, as the banner knows no more than that."""
    field = snapshot.values["MODE"]
    if field.origin == "environment":
        return _("Set by `%(name)s` in the environment.", name=field.variable)
    if field.origin == "app_config":
        return _("Set by `%(name)s` in app.config.", name=field.variable)
    if field.origin == "database":
        return _("Set on the settings page.")
    return _("The default while the app is TESTING.")
