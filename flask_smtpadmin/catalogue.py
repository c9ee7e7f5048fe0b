"""The kinds of mail of an app with all that is known of each: for pages, commands and Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_smtpadmin.content.composing import Rendered, composer
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.core.email_type import COMMON, EmailType, Texts
from flask_smtpadmin.core.errors import ConfigurationError, TemplateError
from flask_smtpadmin.core.words import said
from flask_smtpadmin.state import SETTINGS_AGE, State
from flask_smtpadmin.storage.templates import FOOTER, HEADER, InForce, Version
from flask_smtpadmin.storage.type_figures import Recent, recent
from flask_smtpadmin.words_in_force import in_force

#: What stands between header and footer while there is no type to show them with.
_STAND_IN = EmailType(
    name="sample",
    texts=Texts("{{ app_name }}", "<p>Here is what the e-mail says.</p>"),
    title="Sample",
)


@dataclass(frozen=True, slots=True)
class Known:
    """One type.

    Attributes:
        kind: as the app registered it.
        enabled: whether its mail goes out.
        saved: the version in force by locale, where admins saved one.
        recent: how the newest messages fared.
    """

    kind: EmailType
    enabled: bool
    saved: Mapping[str, Version] = field(default_factory=dict)
    recent: Recent = field(default_factory=Recent)

    @property
    def failing(self) -> Version | None:
        """The saved version that a mail could last not be written with, if any."""
        failed = [version for version in self.saved.values() if version.failed_at is not None]
        return failed[0] if failed else None

    def document(self) -> dict[str, Any]:
        """Return it as ``flask smtp types --json`` lists it."""
        kind, failing = self.kind, self.failing
        last = self.recent.last_sent
        return {
            "name": kind.name,
            "title": kind.title,
            "trigger": kind.trigger,
            "customizable": kind.customizable,
            "critical": kind.critical,
            "secret": kind.secret,
            "bulk": kind.bulk,
            "enabled": self.enabled,
            "edited": sorted(self.saved),
            "last_sent": last.isoformat() if last else None,
            "recent": self.recent.document(),
            "failure": failing.failure if failing else None,
        }


def types(state: State) -> tuple[Known, ...]:
    """Return all types in the order in which they were registered."""
    found = state.templates.in_force()
    kinds = tuple(state.hooks.types)
    figures = recent(state.database, [kind.name for kind in kinds]) if kinds else {}
    return tuple(_known(kind, found, figures[kind.name]) for kind in kinds)


def one_type(state: State, name: str) -> Known:
    """Return one type.

    Raises:
        NotFound: none of that name was registered.
    """
    kind = state.hooks.types.get(name)
    return _known(kind, state.templates.in_force(), recent(state.database, [name])[name])


def whole(state: State, name: str) -> dict[str, Any]:
    """Return a type as ``flask smtp types show --json`` does: with its texts and variables."""
    known = one_type(state, name)
    kind = known.kind
    span = kind.expires_in
    return known.document() | {
        "priority": kind.priority or ("bulk" if kind.bulk else "normal"),
        "expires_in": span.total_seconds() if isinstance(span, timedelta) else span,
        "retention_days": kind.retention,
        "sender": str(kind.sender) if kind.sender else None,
        "framed": kind.framed,
        "variables": {name: str(value) for name, value in sample(state, kind).items()},
        "texts": {
            language: _texts_document(state, known, language) for language in ("", *kind.locales)
        },
    }


def switch_off(state: State, name: str, *, actor: str | None = None) -> None:
    """Keep mail of a type back from now on.

    Raises:
        NotFound: none of that name was registered.
        ConfigurationError: it is critical.
    """
    kind = state.hooks.types.get(name)
    if kind.critical:
        raise ConfigurationError(
            said("%(title)s is critical and cannot be switched off.", title=kind.title),
            field="name",
        )
    state.templates.switch(name, on=False, actor=actor)


def sample(state: State, kind: EmailType) -> dict[str, Any]:
    """Return an example for each variable that the templates of a type may use."""
    snapshot = state.settings.snapshot(max_age=SETTINGS_AGE)
    common = {name: snapshot[name.upper()] for name in COMMON}
    common["base_url"] = common["base_url"] or "https://app.example.com"
    return {**common, **kind.sample}


def shown_with(state: State) -> EmailType:
    """Return the type that header and footer are shown with."""
    framed = [kind for kind in state.hooks.types if kind.framed]
    return framed[0] if framed else _STAND_IN


def rendered_sample(
    state: State, kind: EmailType, texts: Texts, frame: Frame, language: str = ""
) -> Rendered:
    """Return a mail of the type with its sample filled in.

    Raises:
        TemplateError: something of ``texts`` or ``frame`` cannot be used.
    """
    return composer(kind, texts, frame, language).render(sample(state, kind))


def problem_of(
    state: State, kind: EmailType, texts: Texts, language: str = ""
) -> TemplateError | None:
    """Return what keeps ``texts`` from being used for a type, None: nothing does."""
    frame = in_force(state, kind, language, max_age=0.0).frame
    try:
        rendered_sample(state, kind, texts, Frame(), language)
        rendered_sample(state, kind, texts, frame, language)
    except TemplateError as error:
        return error
    return None


def own_version(state: State, name: str, language: str = "") -> Version | None:
    """Return the saved version in force of a type, header or footer; None: there is none."""
    version = state.templates.in_force().version(name, language)
    return version if version is not None and version.texts is not None else None


def frame_failing(state: State) -> tuple[Version, ...]:
    """Return the header and footer that a mail could last not be written with."""
    found = state.templates.in_force().versions.values()
    return tuple(one for one in found if one.name in {HEADER, FOOTER} and one.failed_at is not None)


def _known(kind: EmailType, found: InForce, figures: Recent) -> Known:
    versions = {
        language: version
        for language in ("", *kind.locales)
        if (version := found.version(kind.name, language)) is not None
        and version.texts is not None
        and kind.customizable
    }
    return Known(kind, kind.critical or kind.name not in found.off, versions, figures)


def _texts_document(state: State, known: Known, language: str) -> dict[str, Any]:
    texts, version = in_force(state, known.kind, language).texts, known.saved.get(language)
    return {
        "subject": texts.subject,
        "html": texts.html,
        "text": texts.text,
        "saved": None if version is None else {
            "version": version.id,
            "at": _iso(version.made_at),
            "by": version.made_by,
        },
    }  # fmt: skip


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat()
