"""What kind of mail it is: its words, what sets it off, and how it is to be handled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Final, TypeAlias, TypedDict

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.mail.address import Mailbox
from flask_smtpadmin.core.states import PRIORITIES, Priority

#: A template, or the file that it is in (UTF-8).
Source: TypeAlias = "str | PathLike[str]"
#: Variables that every template may use besides its own.
COMMON: Final = ("app_name", "base_url")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Texts:
    """The templates of a mail in one language.

    Without ``text``, the plain text is made of the HTML; without ``html`` it is a plain mail.
    """

    subject: str
    html: str | None = None
    text: str | None = None


class Options(TypedDict, total=False):
    """What may be said of an :class:`EmailType` besides its name and texts."""

    title: str
    trigger: str
    sample: Mapping[str, Any]
    customizable: bool
    critical: bool
    secret: bool
    bulk: bool
    priority: Priority | None
    expires_in: float | timedelta | None
    retention: int | None
    sender: Mailbox | None
    framed: bool
    unsubscribe: str | None
    locales: Mapping[str, Texts]
    prepare: Callable[..., Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailType:
    """A kind of mail that the app sends.

    Attributes:
        name: what ``send_type`` is told; lower case, digits, ``.``, ``_``, ``-``, at most 64.
        texts: the templates in the app's own language.
        title: the name that people read; made of ``name`` when it is not given.
        trigger: what sets it off, in a few words: "reset request".
        sample: an example value for each variable that the templates may use.
        customizable: whether admins may change the words.
        critical: it cannot be switched off, and is still taken while the queue is full up to
            110 % of ``MAX_QUEUE``.
        secret: its content gives access (a reset link): stored encrypted, shown to nobody, wiped
            once it is sent, cancelled or expired.
        bulk: many people get it at once; ``unsubscribe`` belongs to it, and ``bulk`` priority.
        priority: of its messages; None: ``bulk`` for bulk types, else ``normal``.
        expires_in: seconds or timedelta after which a message is not sent any more.
        retention: days for which the content of a sent one is kept; None: as for all mail.
        sender: the From address; None: the server's.
        framed: whether the app's header and footer belong to it.
        unsubscribe: a template for the https address that takes somebody off the list (RFC 8058).
        locales: the templates in further languages, by tag (``de``, ``pt-BR``).
        prepare: turns what the app hands over (models) into plain values for the templates.

    Raises:
        ConfigurationError: something cannot be used; ``field`` names it.
    """

    #: Whether the app's own of that name takes its place, whichever is registered first.
    gives_way: ClassVar[bool] = False

    name: str
    texts: Texts
    title: str = ""
    trigger: str = ""
    sample: Mapping[str, Any] = field(default_factory=dict)
    customizable: bool = True
    critical: bool = False
    secret: bool = False
    bulk: bool = False
    priority: Priority | None = None
    expires_in: float | timedelta | None = None
    retention: int | None = None
    sender: Mailbox | None = None
    framed: bool = True
    unsubscribe: str | None = None
    locales: Mapping[str, Texts] = field(default_factory=dict)
    prepare: Callable[..., Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        self._check()
        if not self.title:
            words = re.sub(r"[._-]+", " ", self.name)
            object.__setattr__(self, "title", words[:1].upper() + words[1:])

    @property
    def variables(self) -> frozenset[str]:
        """The names that its templates may use."""
        return frozenset(self.sample) | frozenset(COMMON)

    def language(self, locale: str | None) -> str:
        """Return the tag of the texts that fit ``locale`` best (RFC 4647 3.4), "" for its own."""
        tag = (locale or "").replace("_", "-").lower()
        known = {name.replace("_", "-").lower(): name for name in self.locales}
        while tag:
            if tag in known:
                return known[tag]
            tag = tag.rpartition("-")[0]
        return ""

    def own_texts(self, language: str) -> Texts:
        """Return the templates that the code gives for a tag that :meth:`language` returned."""
        return self.locales[language] if language else self.texts

    def _check(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            self._refuse("name", "takes lower-case letters, digits, '.', '_' and '-', at most 64")
        if self.priority is not None and self.priority not in PRIORITIES:
            self._refuse("priority", f"takes one of {', '.join(PRIORITIES)}")
        for variable in self.sample:
            if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
                self._refuse("sample", f"{variable!r} cannot be the name of a variable")
        if self.retention is not None and self.retention < 0:
            self._refuse("retention", "takes days, 0 or more")
        for language, texts in {"": self.texts, **self.locales}.items():
            if texts.html is None and texts.text is None:
                where = f" of locale {language!r}" if language else ""
                self._refuse("html", f"a mail needs html or text{where}")

    def _refuse(self, name: str, why: str) -> None:
        raise ConfigurationError(f"E-mail type {self.name!r}: {name} {why}.", field=name)


def read_texts(
    name: str, subject: str, html: Source | None = None, text: Source | None = None
) -> Texts:
    """Return templates that are given themselves or as files.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    return Texts(subject, _read(name, html), _read(name, text))


def _read(name: str, source: Source | None) -> str | None:
    if source is None or isinstance(source, str):
        return source
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"E-mail type {name!r}: the template {source} cannot be read: {error}.", field="html"
        ) from error
