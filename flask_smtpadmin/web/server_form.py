"""The form of one server: what it shows, what it changes, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from flask import request
from flask_wtf import FlaskForm

from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.settings import Problem, Server, Spec
from flask_smtpadmin.core.settings.fields import IMPLICIT_PORTS, SERVER_FIELDS, STARTTLS_PORTS
from flask_smtpadmin.core.settings.presets import Preset, find_preset
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web.forms.controls import Control, controls
from flask_smtpadmin.web.forms.specs import form_class, sent, text_of
from flask_smtpadmin.web.language import gettext as _

FORM: Final = form_class(SERVER_FIELDS)
#: What a newly chosen provider decides anew, whatever was saved before.
_FROM_PRESET: Final = (
    "host",
    "port",
    "tls_mode",
    "auth",
    "username",
    "limits",
    "pool_size",
    "messages_per_connection",
)
_FRONT: Final = frozenset(
    {
        "name",
        "description",
        "host",
        "port",
        "tls_mode",
        "auth",
        "username",
        "password",
        "allow_plaintext_auth",
        "from_email",
        "from_name",
        "reply_to",
        "subject_prefix",
        "test_address",
    }
)
#: The fields that the page folds away, in the order of the specs.
ADVANCED: Final = tuple(name.lower() for name in SERVER_FIELDS if name.lower() not in _FRONT)


@dataclass(slots=True)
class ServerForm:
    """The form for ``base``, the server as it is (or as the chosen provider would make it).

    Args:
        key: of the server; "" while a new one has none yet.
        base: what stands in the fields before anything is typed.
        preset: the provider newly chosen, to be saved with the rest; None: as it is.
        cleared: names of stored values that the new provider replaces.
        form: what was typed, if the page answers a POST.
    """

    key: str
    base: Server
    preset: str | None = None
    cleared: tuple[str, ...] = ()
    form: FlaskForm | None = None
    problems: tuple[Problem, ...] = field(default=())

    def values(self) -> dict[str, str | None]:
        """Return what was changed, by lower-case name; None removes a stored value.

        A field left as it was shown is not touched, so that a value from app.config or from the
        provider does not turn into a saved one.
        """
        found: dict[str, str | None] = dict.fromkeys(self.cleared)
        for spec in SERVER_FIELDS.values():
            found.update(self._change(spec))
        return self._with_mode(self._without_suggestion(found))

    def removed(self) -> tuple[str, ...]:
        """Return the names of secrets whose stored value is to be removed."""
        secrets = (spec.name.lower() for spec in SERVER_FIELDS.values() if spec.secret)
        return tuple(name for name in secrets if request.form.get(f"remove_{name}"))

    def controls(self) -> dict[str, Control]:
        """Return the controls as the page draws them."""
        problems = self.base.problems if self.form is None else self.problems
        found = controls(SERVER_FIELDS, self.base.fields, problems, self.form)
        provider = self.provider()
        if provider is not None and provider.category != "custom":
            hint = _(provider.username_hint)
            address = found["username"].placeholder if provider.username_kind == "address" else ""
            found["username"] = replace(found["username"], help=f"{hint}.", placeholder=address)
            found["password"] = replace(found["password"], help=f"{_(provider.password_hint)}.")
            rule = _(provider.from_rule.text) or found["from_email"].help
            found["from_email"] = replace(found["from_email"], help=rule)
        if self.form is None and self._asks_for_password():
            found["auth"] = replace(found["auth"], text="password")
        return found

    def provider(self) -> Preset | None:
        """Return the provider that the server was set up for."""
        return known_preset(self.preset or self.base.preset or "")

    def _without_suggestion(self, values: dict[str, str | None]) -> dict[str, str | None]:
        """Drop "password" where it follows from the user name, or was suggested only."""
        provider = self.provider()
        demanded = provider is not None and "anonymous" not in provider.ways
        named = values.get("username") or self.base.username
        said = self.base.fields["auth"].origin != "default" or (demanded and not named)
        if values.get("auth") == "password" and not said:
            del values["auth"]
        return values

    def _asks_for_password(self) -> bool:
        """Say whether "password" is to be suggested: nothing says how to sign in yet."""
        provider, auth = self.provider(), self.base.fields["auth"]
        open_door = provider is not None and "anonymous" in provider.ways
        undecided = auth.origin == "default" and self.base.auth == "none"
        return undecided and not open_door and (provider is not None or not self.base.host)

    def _change(self, spec: Spec) -> dict[str, str | None]:
        """Return the field's new value, or nothing when it is as it was shown."""
        name = spec.name.lower()
        value = self.base.fields[name]
        if self.form is None or value.locked or name not in self.form:
            return {}
        typed = sent(self.form[name])
        if typed is None:
            return {}
        if value.secret:
            return {name: typed} if typed else {}
        return {name: typed or None} if typed.strip() != text_of(spec, value).strip() else {}

    def _with_mode(self, values: dict[str, str | None]) -> dict[str, str | None]:
        """Keep the encryption that the page showed beside a port that says nothing about it."""
        port, mode = values.get("port") or "", self.base.fields["tls_mode"]
        telling = {str(number) for number in IMPLICIT_PORTS | STARTTLS_PORTS}
        if port and port not in telling and "tls_mode" not in values and not mode.locked:
            values["tls_mode"] = text_of(SERVER_FIELDS["TLS_MODE"], mode)
        return values


def shown(key: str, preset: str | None = None) -> ServerForm:
    """Return the form of a server that exists.

    Raises:
        NotFound: there is no such server, or no such provider.
    """
    state = current_state()
    known = state.settings.snapshot().servers.get(key)
    if known is None:
        raise NotFound("server", key)
    if not preset:
        return ServerForm(key, known)
    find_preset(preset)
    cleared = tuple(name for name in _FROM_PRESET if known.fields[name].stored)
    base = state.settings.draft(key, dict.fromkeys(cleared), preset=preset)
    return ServerForm(key, base, preset, cleared)


def fresh(preset: str | None = None, key: str = "") -> ServerForm:
    """Return an empty form for a server that does not exist yet.

    Raises:
        NotFound: there is no such provider.
    """
    if preset:
        find_preset(preset)
    base = current_state().settings.draft(key or "server", {}, preset=preset or None)
    return ServerForm(key, base, preset or None)


def typed(form: ServerForm) -> ServerForm:
    """Fill the form with what the browser sent."""
    form.form = FORM(formdata=request.form)
    return form


def known_preset(key: str) -> Preset | None:
    """Return the provider of that key, None when there is none."""
    try:
        return find_preset(key)[0]
    except NotFound:
        return None
