"""Flask-WTF forms made from specs: one table of settings, no hand-written fields.

The forms bind what was sent and hold the errors; what a value may be is decided in one place,
``core/parse.py``, when it is tried or saved. The gate has looked at the CSRF token already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, RadioField, SelectField, StringField, TextAreaField
from wtforms import Field as BoundField

from flask_smtpadmin.core.parse import write
from flask_smtpadmin.core.settings import Field, Spec
from flask_smtpadmin.web import wording
from flask_smtpadmin.web.forms.labels import label_of

Choices = tuple[tuple[str, str, str], ...]

_LONG: Final = frozenset({"description"})
_RADIO: Final[dict[str, Mapping[str, tuple[str, str]]]] = {
    "tls_mode": {mode: wording.ENCRYPTION[mode] for mode in ("starttls", "implicit", "none")},
    "auth": wording.AUTHENTICATION,
}


def form_class(specs: Mapping[str, Spec]) -> type[FlaskForm]:
    """Return a form with one field for each spec, named in lower case."""
    fields: dict[str, Any] = {name.lower(): _bound(spec) for name, spec in specs.items()}
    meta = type("Meta", (), {"csrf": False})
    return type("SpecForm", (FlaskForm,), {**fields, "Meta": meta})


def choices_of(spec: Spec) -> Choices:
    """Return value, word and note of each choice."""
    worded = _RADIO.get(spec.name.lower())
    if worded is not None:
        return tuple((value, *words) for value, words in worded.items())
    return tuple((choice, choice, "") for choice in spec.choices)


def text_of(spec: Spec, field: Field) -> str:
    """Return a value as a control shows it and as a form sends it back; secrets never."""
    if field.secret:
        return ""
    if field.given is not None:
        return field.given
    return "" if field.value in (None, {}) and spec.kind != "days" else write(spec, field.value)


def sent(field: BoundField) -> str:
    """Return what the form sent for a field, as text that ``parse`` reads."""
    if isinstance(field, BooleanField):
        return "true" if field.data else "false"
    return str(field.data or "")


def _bound(spec: Spec) -> BoundField:
    words = label_of(spec.name.lower())
    made = _kind(spec)
    if issubclass(made, (RadioField, SelectField)):
        choices = [(value, word) for value, word, _note in choices_of(spec)]
        return made(words.text, choices=choices, validate_choice=False)
    return made(words.text)


def _kind(spec: Spec) -> Any:
    name = spec.name.lower()
    if spec.secret:
        return PasswordField
    if spec.kind == "bool":
        return BooleanField
    if spec.kind == "choice":
        return RadioField if name in _RADIO else SelectField
    return TextAreaField if name in _LONG else StringField
