"""HTML with Jinja in it, cut into tags and what stands between them, in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: A value, a statement or a remark of a template.
TEMPLATE_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_ENDS: Final = {"{{": "}}", "{%": "%}", "{#": "#}", "<!--": "-->"}
#: What hides tags in a template's source, and nothing.
SOURCE: Final = frozenset(_ENDS)
NOTHING: Final[frozenset[str]] = frozenset()
# Possessive, and nothing begins within a tag: the search stays linear, whatever is pasted.
_QUOTED: Final = r"\"[^\"]*+\"|'[^']*+'"
_FIRST: Final = re.compile(
    r"(?P<hides>\{\{|\{%|\{\#|<!--)"
    r"|<(?P<closes>/?)(?P<name>[a-z][a-z0-9]*+)"
    rf"(?P<attributes>(?:{_QUOTED}|[^<>\"'])*+)>",
    re.IGNORECASE,
)
_ATTRIBUTE: Final = re.compile(
    rf"(?:[\s/]++|(?<=[\"']))(?P<name>[^\s=>\"'/{{}}%]++)(?:\s*+=\s*+(?P<value>{_QUOTED}|[^\s>\"']++))?"
)
_ALONE: Final = re.compile(r"^[ \t]*+(\{%(?:[^%\n]|%(?!\}))*+)(%\})[ \t]*+\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of a source; ``attributes`` is the text between name and ``>``."""

    text: str
    name: str
    attributes: str
    closes: bool

    def get(self, name: str) -> str:
        """Return an attribute's value without its quotes, "" when the tag has none."""
        for found in _ATTRIBUTE.finditer(self.attributes):
            if found["name"].lower() == name:
                return _unquoted(found)
        return ""

    @property
    def classes(self) -> list[str]:
        """The classes of the tag."""
        return self.get("class").split()

    def with_attributes(self, **values: str) -> str:
        """Return the tag's text with attributes set; all else stays where it is."""
        rest = _ATTRIBUTE.sub(
            lambda found: _line_ends(found[0]) if found["name"].lower() in values else found[0],
            self.attributes,
        )
        added = "".join(f' {name}="{value}"' for name, value in values.items() if value)
        return f"<{self.name}{added}{rest}>"


def cut(source: str, hides: frozenset[str] = SOURCE) -> Iterator[str | Tag]:
    """Yield the tags of a text, and what stands between them as it is.

    ``hides`` says what may stand between and look like a tag without being one.
    """
    begin = at = 0
    while found := _FIRST.search(source, at):
        if found["hides"]:
            at = found.end()
            if found["hides"] not in hides:
                continue
            end = source.find(_ENDS[found["hides"]], found.end())
            if end < 0:
                break
            at = end + len(_ENDS[found["hides"]])
            continue
        if found.start() > begin:
            yield source[begin : found.start()]
        yield Tag(found[0], found["name"].lower(), found["attributes"], bool(found["closes"]))
        begin = at = found.end()
    if begin < len(source):
        yield source[begin:]


def close_up(source: str) -> str:
    """Return a template in which a line with one ``{% ... %}`` and nothing else leaves no line.

    The line end goes into the tag, so that every line keeps its number.
    """
    return _ALONE.sub(r"\1\n\2", source)


def _unquoted(found: re.Match[str]) -> str:
    value: str = found["value"] or ""
    return value[1:-1] if value[:1] in {'"', "'"} else value


def _line_ends(text: str) -> str:
    return "\n" * text.count("\n")
