"""The words that a mail of a type is written with: what admins saved, else what the code says.

An edit never keeps a mail back: where saved words cannot be used, the code's own are.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask_smtpadmin.content.composing import Composer, Rendered, composer
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.errors import TemplateError
from flask_smtpadmin.state import SETTINGS_AGE, State
from flask_smtpadmin.storage.templates import FOOTER, HEADER, InForce, Version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """The templates of a type in one language, and the saved versions that they come from.

    Attributes:
        texts: of the mail.
        frame: header and footer.
        own: the saved version of ``texts``; None: they are the code's.
        frames: those of header and footer.
    """

    texts: Texts
    frame: Frame
    own: Version | None = None
    frames: tuple[Version, ...] = ()


def in_force(
    state: State, kind: EmailType, language: str = "", *, max_age: float = SETTINGS_AGE
) -> Words:
    """Return the words for a tag that ``kind.language`` returned."""
    found = state.templates.in_force(max_age=max_age)
    version = found.version(kind.name, language) if kind.customizable else None
    if version is not None and version.texts is None:
        version = None
    texts = kind.own_texts(language) if version is None else version.texts
    frames = tuple(filter(None, (_around(found, name, language) for name in (HEADER, FOOTER))))
    accent = state.settings.snapshot(max_age=max_age)["ACCENT"]
    frame = replace(frame_of(frames), accent=accent)
    return Words(texts or kind.own_texts(language), frame, version, frames)


def frame_of(versions: tuple[Version, ...]) -> Frame:
    """Return header and footer as these versions have them."""
    texts = {version.name: version.texts for version in versions if version.texts is not None}
    nothing = Frame()
    return Frame(texts.get(HEADER, nothing.header), texts.get(FOOTER, nothing.footer))


def _around(found: InForce, name: str, language: str) -> Version | None:
    """Return the saved header or footer in a language, else the one for all."""
    for locale in dict.fromkeys((language, "")):
        version = found.version(name, locale)
        if version is not None and version.texts is not None:
            return version
    return None


class Writer:
    """Writes mails of one type in one language."""

    def __init__(self, state: State, kind: EmailType, language: str) -> None:
        self._state = state
        self._kind = kind
        self._language = language
        self._words = in_force(state, kind, language)
        self._wrong: TemplateError | None = None
        self._blamed = False
        try:
            self._made = self._composer(self._words.texts, self._words.frame)
        except TemplateError as error:  # saved before the code changed what there is to fill in
            self._wrong, self._made = error, self._plain()

    def write(self, values: Mapping[str, Any]) -> Rendered:
        """Return the mail with ``values`` filled in.

        Raises:
            TemplateError: the code's own words cannot be used with them either.
        """
        wrong = self._wrong
        if wrong is None:
            try:
                return self._made.render(values)
            except TemplateError as error:
                if not self._words.own and not self._words.frames:
                    raise
                wrong = error
        rendered = self._plain().render(values)
        self._blame(wrong, values)
        return rendered

    def _composer(self, texts: Texts, frame: Frame) -> Composer:
        return composer(self._kind, texts, frame, self._language)

    def _plain(self) -> Composer:
        bare = Frame(accent=self._words.frame.accent)
        return self._composer(self._kind.own_texts(self._language), bare)

    def _blame(self, wrong: TemplateError, values: Mapping[str, Any]) -> None:
        """Say in the log and on the pages which saved words could not be used, once a mailing."""
        if self._blamed:
            return
        self._blamed = True
        own, why = self._words.own, self._told(wrong)
        log.warning(
            "The saved words of e-mail type %s could not be used, so a mail went out with those "
            "of the code: %s",
            self._kind.name,
            why,
        )
        if self._state.database.in_memory:  # one connection, and it is the caller's
            return
        guilty = (own,) if own is not None and self._fails_alone(own, values) else ()
        for version in guilty or self._words.frames or (own,):
            if version is not None:
                _note_soon(self._state, version, why)

    def _fails_alone(self, version: Version, values: Mapping[str, Any]) -> bool:
        try:
            self._composer(version.texts or Texts(""), Frame()).render(values)
        except TemplateError:
            return True
        return False

    def _told(self, error: TemplateError) -> str:
        """Return the error; of a secret type without its reason, which may quote a value."""
        if not self._kind.secret:
            return str(error)
        where = f"{error.part or 'template'}{f', line {error.line}' if error.line else ''}"
        return f"{where}: {error.variable or 'a value'} could not be used."


def _note_soon(state: State, version: Version, why: str) -> None:
    """Note it in a thread: the caller may hold the lock that the note waits for."""

    def work() -> None:
        try:
            state.templates.failed(version, why)
        except Exception:  # the mail went out; that the note is lost harms nobody
            log.exception("That saved words failed could not be noted.")

    threading.Thread(target=work, name="smtpadmin-templates").start()
