"""What an admin may edit: the words of an e-mail type in one language, or a header or footer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from flask import request

from flask_smtpadmin import catalogue
from flask_smtpadmin.content.composing import Rendered
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.content.sandbox import compile_template
from flask_smtpadmin.core.email_type import COMMON, EmailType, Texts
from flask_smtpadmin.core.errors import NotFound, TemplateError
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.state import State, current_state
from flask_smtpadmin.storage.templates import FOOTER, HEADER
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.words_in_force import in_force

#: Bytes (UTF-8) that a part may have; far more than any mail program shows.
LONGEST: Final = 200_000
#: Characters of a subject, as of any line of a mail (RFC 5322 2.1.1).
LONGEST_SUBJECT: Final = 998
#: Bytes of a form with all its parts, of which encoding makes up to three.
LONGEST_FORM: Final = 10 * LONGEST
FRAMES: Final = {HEADER: mark("Header"), FOOTER: mark("Footer")}


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to edit.

    Attributes:
        name: the type's, ``@header`` or ``@footer``.
        locale: a tag, "" for the type's own language.
        title: what people call it.
        kind: the type it is shown with.
        own: the code's words.
        locales: the tags that it can have words for, "" first.
    """

    name: str
    locale: str
    title: str
    kind: EmailType
    own: Texts
    locales: tuple[str, ...]

    @property
    def around(self) -> bool:
        """Whether it stands around the mails of all types."""
        return self.name in FRAMES

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that it has."""
        return ("html", "text") if self.around else ("subject", "html", "text")

    @property
    def fixed(self) -> bool:
        """Whether the code alone decides about it."""
        return not self.around and not self.kind.customizable

    @property
    def variables(self) -> Mapping[str, object]:
        """What its templates may use, with a sample of each."""
        found = catalogue.sample(current_state(), self.kind)
        return {name: found[name] for name in COMMON} if self.around else found

    @property
    def examples(self) -> Mapping[str, str]:
        """The sample of each value, as people read it."""
        return {name: _readable(value) for name, value in self.variables.items()}

    def written(self, texts: Texts) -> Rendered:
        """Return a mail with these words and the sample.

        Raises:
            TemplateError: they cannot be used.
        """
        state = current_state()
        words = in_force(state, self.kind, self.locale, max_age=0.0)
        if not self.around:
            return catalogue.rendered_sample(state, self.kind, texts, words.frame, self.locale)
        if self.name == HEADER:
            frame = replace(words.frame, header=texts)
        else:
            frame = replace(words.frame, footer=texts)
        return catalogue.rendered_sample(state, self.kind, words.texts, frame, self.locale)

    def wrong(self, texts: Texts) -> TemplateError | None:
        """Return what keeps these words from being used, None: nothing does."""
        try:
            if self.around:
                sample = self.variables
                for part in self.parts:
                    source, html = getattr(texts, part) or "", part == "html"
                    program = compile_template(source, variables=COMMON, html=html, part=part)
                    program.render(sample)
            else:  # alone first: a line that is wrong is counted in what was typed
                catalogue.rendered_sample(current_state(), self.kind, texts, Frame(), self.locale)
            self.written(texts)
        except TemplateError as error:
            return error
        return None


def piece(name: str, locale: str = "") -> Piece:
    """Return what is to be edited.

    Raises:
        NotFound: there is no such type, or it has no words in that language.
    """
    state = current_state()
    around = name in FRAMES
    kind = catalogue.shown_with(state) if around else state.hooks.types.get(name)
    locales = _all_locales(state) if around else ("", *kind.locales)
    if locale not in locales:
        raise NotFound("language", locale)
    title = _(FRAMES[name]) if around else _(kind.title)
    own = Texts("") if around else kind.own_texts(locale)
    return Piece(name, locale, title, kind, own, locales)


def typed() -> Texts:
    """Return the words in the form; script sends them encoded, see ``types.js``."""
    read = _decoded if "encoded" in request.form else request.form.get
    subject, html, text = (
        (read(part) or "").replace("\r\n", "\n") for part in ("subject", "html", "text")
    )
    return Texts(subject.strip(), html if html.strip() else None, text if text.strip() else None)


def problems(thing: Piece, texts: Texts) -> dict[str, str]:
    """Return what is wrong with typed words, by part."""
    found: dict[str, str] = {}
    for part in ("html", "text"):
        if len((getattr(texts, part) or "").encode("utf-8", "replace")) > LONGEST:
            found[part] = _("This is longer than 200 KB, more than mail programs show.")
    if len(texts.subject) > LONGEST_SUBJECT:
        found["subject"] = _("A subject has at most 998 characters.")
    if not thing.around and not texts.subject:
        found["subject"] = _("An e-mail needs a subject.")
    if not thing.around and texts.html is None and texts.text is None:
        found["html"] = _("An e-mail needs HTML or text.")
    if found:
        return found
    error = thing.wrong(texts)
    return {} if error is None else {part_of(error, texts): in_words(error)}


def part_of(error: TemplateError, texts: Texts) -> str:
    """Return the field of the form that an error belongs to."""
    if error.part in {"subject", "html", "text"}:
        return "html" if error.part == "text" and texts.text is None else error.part
    return "html" if texts.html is not None else "text"


def in_words(error: TemplateError) -> str:
    """Return what is wrong, in the language of the page."""
    why = _(error.reason)
    return why if error.line is None else _("Line %(line)s: %(why)s", line=error.line, why=why)


def _all_locales(state: State) -> tuple[str, ...]:
    tags = {tag for kind in state.hooks.types for tag in kind.locales}
    return ("", *sorted(tags))


def _readable(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_readable(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_readable, value))
    return str(value)


def _decoded(part: str) -> str:
    sent = request.form.get(part, "")
    try:
        return base64.b64decode(sent, altchars=b"-_", validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
