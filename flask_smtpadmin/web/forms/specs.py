"""Flask-WTF forms made from specs: one table of settings, no hand-written fields.

The forms bind what was sent and hold the errors; what a value may be is decided in one place,
``core/settings/parse.py``, when it is tried or saved. The gate has looked at the CSRF token
already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, StringField, TextAreaField
from wtforms import Field as BoundField

from flask_smtpadmin.core.settings import Field, Spec
from flask_smtpadmin.core.settings.limits import limits_text
from flask_smtpadmin.core.settings.parse import write
from flask_smtpadmin.web import wording
from flask_smtpadmin.web.forms.labels import label_of
from flask_smtpadmin.web.language import gettext as _

Choices = tuple[tuple[str, str, str], ...]

_RADIO: Final[dict[str, Mapping[str, tuple[str, str]]]] = {
    "tls_mode": {mode: wording.ENCRYPTION[mode] for mode in ("starttls", "implicit", "none")},
    "auth": wording.AUTHENTICATION,
    "mode": wording.MODES,
}
#: Choices that are offered only where they are chosen: not carried out yet, or for tests.
_HIDDEN: Final = frozenset({"oauth2", "record"})


def form_class(specs: Mapping[str, Spec]) -> type[FlaskForm]:
    """Return a form with one field for each spec, named in lower case."""
    fields: dict[str, Any] = {name.lower(): _bound(spec) for name, spec in specs.items()}
    meta = type("Meta", (), {"csrf": False})
    return type("SpecForm", (FlaskForm,), {**fields, "Meta": meta})


def choices_of(spec: Spec, current: str) -> Choices:
    """Return value, word and note of each choice; what is hidden only if ``current``."""
    worded = _RADIO.get(spec.name.lower())
    if worded is None:
        return tuple(
            (choice, _(wording.CHOICES.get(choice, choice)), "") for choice in spec.choices
        )
    offered = worded.keys() - _HIDDEN | {current}
    return tuple(
        (value, _(word), _(note)) for value, (word, note) in worded.items() if value in offered
    )


def text_of(spec: Spec, field: Field) -> str:
    """Return a value as a control shows it and as a form sends it back; secrets never."""
    if field.secret:
        return ""
    if field.given is not None:
        return field.given
    if spec.kind == "limits":
        return limits_text(field.value)
    return "" if field.value is None and spec.kind != "days" else write(spec, field.value)


def sent(field: BoundField) -> str | None:
    """Return what the form sent for a field, as text that ``parse`` reads; None: it did not.

    A check box comes with a hidden "false" before it, so that an unticked one is sent too.
    """
    raw: list[str] = field.raw_data or []
    if isinstance(field, BooleanField):
        return ("true" if "true" in raw else "false") if raw else None
    return raw[0] if raw else None


def _bound(spec: Spec) -> BoundField:
    return _kind(spec)(label_of(spec.name.lower()).text)


def _kind(spec: Spec) -> Any:
    """Return the field that reads what is sent; a choice arrives as the text of its value."""
    if spec.secret:
        return PasswordField
    if spec.kind == "bool":
        return BooleanField
    return TextAreaField if spec.kind == "note" else StringField
