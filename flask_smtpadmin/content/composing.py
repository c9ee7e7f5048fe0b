"""From templates and values to the messages of a batch: compiled once, rendered for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from flask_smtpadmin.content.frame import Frame, framed_html, framed_text
from flask_smtpadmin.content.inline import inline_styles
from flask_smtpadmin.content.links import guarded
from flask_smtpadmin.content.markup import close_up
from flask_smtpadmin.content.sandbox import Program, check_source, compile_template
from flask_smtpadmin.content.text_part import text_of
from flask_smtpadmin.content.values import Plain
from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.errors import ConfigurationError, TemplateError
from flask_smtpadmin.core.mail.message import Message

_GAPS: Final = re.compile(r"\n{3,}")
_STYLED: Final = re.compile(r"<style[\s>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words of one mail, and the address that takes its reader off the list."""

    subject: str
    html: str | None
    text: str
    unsubscribe: str | None = None


@dataclass(frozen=True, slots=True)
class Composer:
    """The compiled templates of one kind of mail in one language, header and footer included.

    ``styled``: the HTML brings a style sheet, which is put into the elements.
    """

    subject: Program
    html: Program | None
    text: Program
    unsubscribe: Program | None
    styled: bool = False

    def render(self, values: Mapping[str, Any]) -> Rendered:
        """Fill in ``values``, one for each variable.

        Raises:
            TemplateError: a value is missing or cannot be used; it names part and variable.
        """
        plain = Plain(values)
        html = None if self.html is None else self.html.render(plain)
        if html is not None and self.styled:
            html = inline_styles(html)
        text = _GAPS.sub("\n\n", self.text.render(plain)).strip() + "\n"
        address = None if self.unsubscribe is None else self.unsubscribe.render(plain).strip()
        return Rendered(self.subject.render(plain), html, text, address or None)


def composer(kind: EmailType, texts: Texts, frame: Frame, language: str = "") -> Composer:
    """Compile ``texts`` for ``kind`` with the header and footer of ``frame``.

    Raises:
        TemplateError: a template cannot be used; it names part, line and variable.
    """
    inner = frame if kind.framed else Frame(accent=frame.accent)
    return _composer(texts, inner, kind.variables, kind.unsubscribe, language)


@lru_cache(maxsize=512)
def _composer(
    texts: Texts,
    frame: Frame,
    variables: frozenset[str],
    unsubscribe: str | None,
    language: str,
) -> Composer:
    def program(source: str, part: str, *, html: bool = False) -> Program:
        return compile_template(source, variables=variables, html=html, part=part)

    def guarded_program(source: str) -> Program:
        check_source(source, part="html")
        return program(guarded(source), "html", html=True)

    # Before anything looks through them: some of it takes its time with tags that never end.
    for one in (texts, frame.header, frame.footer):
        for source, part in ((one.subject, "subject"), (one.html, "html"), (one.text, "text")):
            check_source(source or "", part=part)
    # Alone first: a line that is wrong is counted in what was typed.
    if texts.html is not None:
        guarded_program(texts.html)
    if texts.text is not None:
        program(texts.text, "text")
    text = texts.text if texts.text is not None else text_of(texts.html or "")
    html = None
    if texts.html is not None:
        html = framed_html(texts.html, frame, title=texts.subject, language=language)
    return Composer(
        program(texts.subject, "subject"),
        None if html is None else guarded_program(html),
        program(close_up(framed_text(text, frame)), "text"),
        None if unsubscribe is None else program(unsubscribe, "unsubscribe"),
        styled=bool(_STYLED.search(texts.html or "")),
    )


def check(kind: EmailType) -> None:
    """Compile everything that the code says of a type.

    Raises:
        ConfigurationError: a template cannot be used.
    """
    for language in ("", *kind.locales):
        try:
            composer(kind, kind.own_texts(language), Frame(), language)
        except TemplateError as error:
            where = f", locale {language!r}" if language else ""
            raise ConfigurationError(
                f"E-mail type {kind.name!r}{where}: {error}", field=error.part
            ) from error


def message_of(rendered: Rendered, kind: EmailType, recipient: Any) -> Message:
    """Return the message to one recipient."""
    return Message(
        rendered.subject,
        [recipient],
        body=rendered.text,
        html=rendered.html,
        sender=kind.sender,
        unsubscribe=rendered.unsubscribe,
    )
