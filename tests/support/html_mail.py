"""What a test asks of the HTML of a mail: is it valid, what is linked, can every word be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tinyhtml5.parser import HTMLParser

from flask_smtpadmin.content.composing import Rendered, composer
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.content.standard import standard_type

Scheme = Literal["light", "dark"]

_NAMESPACE: Final = "{http://www.w3.org/1999/xhtml}"
_RULE: Final = re.compile(r"\.(m-[a-z]+) \{ ([^}]*)\}")
_DARK: Final = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", re.DOTALL)
_LOADED: Final = re.compile(
    r"""(?:\bsrc=|\bbackground=|url\(|@import|<link\b|<script\b)""", re.IGNORECASE
)


def rendered(
    name: str,
    language: str = "",
    frame: Frame | None = None,
    values: Mapping[str, Any] | None = None,
) -> Rendered:
    """Return a standard mail with its sample, ``values`` taking the place of some."""
    kind = standard_type(name)
    common = {"app_name": "Tidepool", "base_url": "https://tidepool.example"}
    made = composer(kind, kind.own_texts(language), frame or Frame(), language)
    return made.render({**common, **kind.sample, **(values or {})})


def parsed(html: str) -> tuple[Any, list[Any]]:
    """Return the tree of a document and the parse errors of the HTML standard."""
    parser = HTMLParser()
    return parser.parse(html), parser.errors


def addresses(html: str) -> list[str]:
    """Return where its links lead."""
    tree, _ = parsed(html)
    return [link.get("href", "") for link in tree.iter(f"{_NAMESPACE}a") if link.get("href")]


def loads(html: str) -> bool:
    """Say whether anything would be loaded from elsewhere."""
    return _LOADED.search(html) is not None


@dataclass(frozen=True, slots=True)
class Seen:
    """A piece of text, its colour and that of the ground it stands on."""

    text: str
    ink: str
    ground: str


def seen(html: str, scheme: Scheme) -> Iterator[Seen]:
    """Yield all shown text of a document with its colours: from styles, and classes in the dark."""
    tree, _ = parsed(html)
    dark = _DARK.search(html)
    assert dark is not None
    rules = {name: _values(rule) for name, rule in _RULE.findall(dark[1])}
    body = tree.find(f"{_NAMESPACE}body")
    yield from _texts(body, "#000000", "#ffffff", rules if scheme == "dark" else {})


def _texts(element: Any, ink: str, ground: str, rules: dict[str, dict[str, str]]) -> Iterator[Seen]:
    style = _values(element.get("style") or "")
    if not isinstance(element.tag, str) or style.get("display") == "none":
        return
    for name in (element.get("class") or "").split():
        style |= rules.get(name, {})
    ink, ground = style.get("color", ink), style.get("background-color", ground)
    if element.text and element.text.strip():
        yield Seen(element.text.strip(), ink, ground)
    for child in element:
        yield from _texts(child, ink, ground, rules)
        if child.tail and child.tail.strip():
            yield Seen(child.tail.strip(), ink, ground)


def _values(style: str) -> dict[str, str]:
    pairs = (one.partition(":") for one in style.split(";") if ":" in one)
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}
