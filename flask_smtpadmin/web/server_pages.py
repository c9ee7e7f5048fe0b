"""Adding, changing and testing a server; what is typed is tried and saved by the settings."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, request

from flask_smtpadmin.checkup import Part
from flask_smtpadmin.core.check import Check, Wish
from flask_smtpadmin.core.errors import InvalidSettings, SecretError
from flask_smtpadmin.core.settings import Problem, Server
from flask_smtpadmin.core.settings.fields import SERVER_KEY
from flask_smtpadmin.core.settings.presets import search
from flask_smtpadmin.core.settings.senders import remark
from flask_smtpadmin.delivery.policies import refusal
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, checking
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.render import done, page
from flask_smtpadmin.web.server_form import ADVANCED, ServerForm, fresh, shown, typed
from flask_smtpadmin.web.wording import Tone

_HERE = "Servers"
#: A server's address must not be that of the page that adds one.
_RESERVED = frozenset({"new", "find"})


@dataclass(frozen=True, slots=True)
class _Tested:
    asked: checking.Asked
    checks: tuple[Check, ...] = ()


def server(key: str) -> Response:
    """Show the form of one server."""
    return show(shown(key, request.args.get("preset")))


def server_new() -> Response:
    """Show the providers, then the form for the one that was chosen."""
    chosen = request.args.get("preset")
    if chosen is None:
        wanted = request.args.get("preset_q", "").strip()
        target = target_of(request.args.get("server", ""))
        return page("presets", here=_HERE, matches=search(wanted), wanted=wanted, target=target)
    form = fresh(chosen, free_key(chosen))
    return show(form, new=True)


def server_create() -> Response:
    """Save a new server."""
    key = request.form.get("key", "").strip()
    form = typed(fresh(_sent_preset(), key))
    wrong = _wrong_key(key)
    if wrong:
        form.problems = (Problem("key", None, wrong),)
        return show(form, new=True, status=422)
    return _save(form, new=True)


def server_save(key: str) -> Response:
    """Save the changes to a server."""
    return _save(typed(shown(key, _sent_preset())))


def server_test(key: str) -> Response:
    """Try a server with the values as typed; nothing is saved."""
    return _try(typed(shown(key, _sent_preset())))


def server_new_test() -> Response:
    """Try a server that was not saved yet."""
    return _try(typed(fresh(_sent_preset(), request.form.get("key", "").strip())), new=True)


def show(
    form: ServerForm,
    *,
    new: bool = False,
    status: int = 200,
    tested: _Tested | None = None,
    found: Container[str] = (),
) -> Response:
    """Render the form's page; ``found``: the fields that a search has filled in."""
    history = () if new else current_state().checks.history(form.key)
    values = form_values(form)
    for name, control in values["fields"].items():
        if name in found and not control.locked:
            values["fields"][name] = replace(control, found=True)
    values |= {"new": new, "tested": tested, "history": history, "found": found}
    return page("server", status=status, here=_HERE, **values)


def form_values(form: ServerForm) -> dict[str, Any]:
    """Return what ``server_form.html`` needs, on whatever page it stands."""
    actor = access.current_actor()
    return {
        "form": form,
        "server": form.base,
        "fields": form.controls(),
        "advanced": ADVANCED,
        "provider": form.provider(),
        "test_to": request.form.get("to")
        or form.base.test_address
        or (actor.email if actor else ""),
        "may_configure": access.may("configure"),
    }


def _save(form: ServerForm, *, new: bool = False) -> Response:
    removed = form.removed()
    before = current_state().settings.snapshot().servers.get(form.key)
    try:
        saved = current_state().settings.save_server(
            form.key,
            form.values(),
            preset=form.preset,
            create=new,
            actor=access.actor_name(),
            remove_password="password" in removed,
            remove=[name for name in removed if name != "password"],
        )
    except InvalidSettings as error:
        form.problems = error.problems
        return show(form, new=new, status=422)
    return _saved(saved, before)


def _saved(saved: Server, before: Server | None) -> Response:
    name = saved.name or saved.key
    tidied = _tidied(saved)
    if saved.problems:
        why = _(saved.problems[0].message)
        words = _("Saved, but %(server)s cannot be used yet: %(why)s", server=name, why=why)
        return done(f"{words} {tidied}".strip(), "server", tone="warn", key=saved.key)
    current_state().doorbell.ring()
    refused = refusal(saved, current_state().settings.snapshot(max_age=1.0))
    if refused:
        words = _("Saved, but %(server)s will not be connected to.", server=name)
        words = f"{words} {_(refused)}"
        return done(words, "server", tone="warn", key=saved.key)
    look = _(remark(before, saved))
    used = _("Saved. %(server)s is used from now on.", server=name)
    words = " ".join(filter(None, (used, tidied, look)))
    tone: Tone = "warn" if look else "ok"
    if request.form.get("page") == "settings":
        return done(words, "settings", tone=tone)
    return done(words, "server", tone=tone, key=saved.key)


def _tidied(saved: Server) -> str:
    """Say what was taken out of a password: it is never changed in silence."""
    given = request.form.get("password", "")
    if given and saved.password != given and saved.password == "".join(given.split()):
        return _("The spaces in the app password were left out.")
    return ""


def _try(form: ServerForm, *, new: bool = False) -> Response:
    try:
        draft = current_state().settings.draft(
            form.key or "server", form.values(), preset=form.preset, remove=form.removed()
        )
        wish = Wish(to=request.form.get("to", ""), scenario="direct")
        asked = checking.ask(draft, [Part(wish)], saved=False)
    except (InvalidSettings, SecretError) as error:
        asked = checking.Asked(form.base, problem=_why(error))
    if checking.streams():
        return checking.stream(asked)
    found = () if asked.problem else checking.followed(checking.begin(asked))
    return show(form, new=new, tested=_Tested(asked, found))


def _why(error: InvalidSettings | SecretError) -> str:
    if isinstance(error, InvalidSettings):
        return " ".join(f"{it.field}: {_(it.message)}" for it in error.problems)
    return spoken(error)


def _sent_preset() -> str | None:
    return request.form.get("preset") or None


def target_of(key: str) -> str:
    """Return the server that a chosen provider is for: the default one while it is not set up."""
    servers = current_state().settings.snapshot(max_age=1.0).servers
    if key in servers:
        return key
    return "" if servers["default"].configured else "default"


def free_key(chosen: str) -> str:
    """Suggest a key that no server has: the provider's, with a number where it is taken."""
    taken = {*current_state().settings.snapshot(max_age=1.0).servers, *_RESERVED}
    stem = chosen.partition(":")[0].replace("-", "_")[:28]
    stem = stem if SERVER_KEY.fullmatch(stem) and stem != "custom" else "server"
    candidates = (stem, *(f"{stem}_{number}" for number in range(2, 1000)))
    return next(name for name in candidates if name not in taken)


def _wrong_key(key: str) -> str:
    if not SERVER_KEY.fullmatch(key):
        return _("Use 1 to 32 lower-case letters, digits and underscores.")
    if key in _RESERVED:
        return _("This word is taken by the page itself. Choose another.")
    if key in current_state().settings.snapshot().servers:
        return _("There is a server of this key already. Choose another.")
    return ""
