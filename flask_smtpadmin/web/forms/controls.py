"""One control on a page: a setting with its words, its value, where that came from, its errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from flask_wtf import FlaskForm

from flask_smtpadmin.core.settings import Field, Origin, Problem, Spec
from flask_smtpadmin.web import formats, wording
from flask_smtpadmin.web.forms.labels import label_of
from flask_smtpadmin.web.forms.specs import Choices, choices_of, sent, text_of
from flask_smtpadmin.web.language import gettext as _

Widget = Literal["text", "number", "email", "secret", "radio", "select", "check", "area"]

_CHOICES: Final = frozenset({"choice", "mode"})
_NUMBERS: Final = frozenset({"int", "float"})
#: Settings in seconds that are usually long, and from where on a number is hard to read.
_SPANS: Final = frozenset({"retry_delay", "retry_max_delay", "max_age"})
_LONG_SPAN: Final = 120.0
_ENDLESS: Final = 1e10
_PORT: Final = r"\s*[0-9]{1,5}\s*"
_PATTERNS: Final = {"email": r".*@.*"}
_MONO: Final = frozenset({"host", "path", "url", "limits", "allowed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """All that a template needs to draw one field; ``text`` is never a secret.

    ``found``: a search has filled it in, and nobody has saved it yet. ``pattern`` is what a value
    must look like at least, as a regular expression of HTML; what it may be is decided on saving.
    """

    name: str
    label: str
    help: str
    placeholder: str
    widget: Widget
    text: str
    choices: Choices
    origin: Origin
    origin_word: str
    variable: str | None
    locked: bool
    is_set: bool
    removable: bool
    mono: bool
    errors: tuple[str, ...]
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 255
    found: bool = False
    pattern: str = ""

    @property
    def checked(self) -> bool:
        """Whether a check box is ticked."""
        return self.text == "true"

    @property
    def reading(self) -> str:
        """The value as people say it, where the number alone says little: ``5 d``."""
        try:
            seconds = float(self.text) if self.name in _SPANS else 0.0
        except ValueError:
            return ""
        return formats.duration(seconds) if _LONG_SPAN <= seconds < _ENDLESS else ""

    @property
    def from_environment(self) -> bool:
        """Whether a variable of the environment gave the value."""
        return self.origin == "environment"


def controls(
    specs: Mapping[str, Spec],
    fields: Mapping[str, Field],
    problems: Iterable[Problem],
    form: FlaskForm | None = None,
) -> dict[str, Control]:
    """Return the controls by lower-case name.

    Args:
        specs: the settings to show.
        fields: their values in force, by the specs' names in either case.
        problems: shown at the fields they belong to.
        form: what was typed, shown instead of the value unless the field is locked.
    """
    wrong: dict[str, list[str]] = {}
    for problem in problems:
        wrong.setdefault(problem.field.lower(), []).append(_(problem.message))
    found = {name.lower(): field for name, field in fields.items()}
    return {
        name.lower(): _control(spec, found[name.lower()], wrong.get(name.lower(), []), form)
        for name, spec in specs.items()
    }


def _control(spec: Spec, field: Field, errors: list[str], form: FlaskForm | None) -> Control:
    name = spec.name.lower()
    words = label_of(name)
    typed = None if form is None or field.locked or field.secret else sent(form[name])
    text = text_of(spec, field) if typed is None else typed
    if spec.kind == "mode":  # its address is a field of its own
        text = text.partition(":")[0]
    return Control(
        name=name,
        label=_(words.text),
        help=_(words.help or spec.doc),
        placeholder=_(words.placeholder) if words.placeholder else "",
        widget=_widget(spec),
        text=text,
        choices=choices_of(spec, text) if spec.kind in _CHOICES else (),
        origin=field.origin,
        origin_word=_(wording.ORIGINS[field.origin]),
        variable=field.variable,
        locked=field.locked,
        is_set=field.is_set or field.stored,
        removable=field.secret and field.stored and not field.locked,
        mono=spec.kind in _MONO or spec.secret or name == "username",
        errors=tuple(dict.fromkeys(errors)),
        minimum=spec.minimum,
        maximum=spec.maximum,
        max_length=spec.max_length,
        pattern=_PORT if spec.name == "PORT" else _PATTERNS.get(spec.kind, ""),
    )


def _widget(spec: Spec) -> Widget:
    if spec.secret:
        return "secret"
    if spec.kind in _NUMBERS:
        return "number"
    if spec.kind == "bool":
        return "check"
    if spec.kind in _CHOICES:
        return "radio" if spec.name in {"TLS_MODE", "AUTH", "MODE"} else "select"
    return "area" if spec.kind == "note" else "text"
