"""The tables of words, read from ``tables``: which words mean which cause.

A table is a list of blocks. A block's head names a cause, then what differs from the cause's
rule (``t`` or ``p`` for transient or permanent, a scope) and when the block counts (``silent``:
only where no SMTP reply is quoted; ``4yz`` and ``5yz``: only with such a reply; ``at`` stages).
The lines below it are regular expressions for lower-case text, each may end with its own ``at``;
a line that is indented twice goes on with the one above.

Looking for hundreds of expressions would be slow, so each keeps a few literals of which one must
stand in the text, and only then is the expression itself tried.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Final

from flask_smtpadmin.core.replies.anchors import anchors

#: Tables in the order in which they are looked through, before the codes.
_OF_THE_LINK: Final = ("proxy", "tls", "link")
TABLES: Final = (
    *_OF_THE_LINK, "account", "proof", "quota", "message", "relay", "reputation", "recipient",
    "sender", "spam", "signin", "server",
)  # fmt: skip
#: The order where a stage makes another one likelier; at the others it is that of ``TABLES``.
BY_STAGE: Final = {
    "auth": (
        *_OF_THE_LINK, "signin", "account", "quota", "reputation", "relay", "sender", "server",
    ),
    "oauth": ("signin", *_OF_THE_LINK, "account", "quota", "server"),
    "mail_from": (
        *_OF_THE_LINK, "account", "proof", "quota", "relay", "sender", "message", "reputation",
        "recipient", "spam", "signin", "server",
    ),
}  # fmt: skip
#: Tables of what single providers mean by words of their own.
SECTIONS: Final = ("mailboxes", "regions", "services")
#: How a line begins that goes on with the expression above.
_CONTINUED: Final = " " * 8
_LINE_AT: Final = re.compile(r"^(.*\S) at ([a-z_]+(?:,[a-z_]+){0,7})$")
_BEGINS_A_WORD: Final = re.compile(r"\(?(?:\?:)?[a-z0-9]")
#: Where a word begins; an underline is between words (``OpenSSL_says_so``).
_START: Final = "(?<![a-z0-9])"
#: A gap before alternatives, which then begin with a word.
_GAP: Final = re.compile(r"\.\{0,\d{2}\}(?=\([a-z])")
_ENDINGS: Final = re.compile(r"[(|]n't")
_SCOPES: Final = frozenset({"server", "account", "sender", "recipient", "message"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table; ``retry`` and ``scope`` empty: as the cause has it.

    ``stages`` empty: at any. ``reply`` is ``silent``, ``4``, ``5`` or empty.
    """

    cause: str
    words: str
    needs: tuple[str, ...]
    retry: str = ""
    scope: str = ""
    stages: frozenset[str] = frozenset()
    reply: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The expression, ready to be looked for."""
        return _compiled(self.words)

    def find(self, text: str) -> re.Match[str] | None:
        """Return where the words stand in ``text``."""
        for need in self.needs:
            if need in text:
                return self.pattern.search(text)
        return None

    def counts(self, code: int, stage: str) -> bool:
        """Say whether the rule counts for a reply with ``code`` (0: none) at ``stage``."""
        if self.stages and (stage or "data") not in self.stages:
            return False
        if self.reply == "silent":
            return code == 0
        return not self.reply or str(code)[0] == self.reply


@dataclass(frozen=True, slots=True)
class Provider:
    """A section of the providers' table: their keys, marks in their replies, and their rules."""

    keys: tuple[str, ...]
    marks: tuple[str, ...]
    rules: tuple[Rule, ...]

    def speaks(self, text: str) -> bool:
        """Say whether a reply reads like one of theirs."""
        return any(mark in text for mark in self.marks)


@functools.lru_cache(maxsize=4096)  # more than there are
def _compiled(words: str) -> re.Pattern[str]:
    """Compile an expression when it is first tried: an app that only sends tries none."""
    return re.compile(words)


def _texts() -> dict[str, str]:
    """Read all tables now: what fails later may be that no more files can be opened."""
    folder = resources.files("flask_smtpadmin.core.replies").joinpath("tables")
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.is_file()}


_TEXTS: Final = _texts()


def _read(name: str) -> str:
    return _TEXTS[name]


def _head(line: str) -> Rule:
    words, _, at = line.rstrip(":").partition(" at ")
    cause, *traits = words.split()
    rule = Rule(cause, "", (), stages=frozenset(at.split(",")) if at else frozenset())
    for trait in traits:
        if trait in {"t", "p"}:
            rule = replace(rule, retry="transient" if trait == "t" else "permanent")
        elif trait in _SCOPES:
            rule = replace(rule, scope=trait)
        else:
            rule = replace(rule, reply=trait.removesuffix("yz"))
    return rule


def _line(head: Rule, line: str) -> Rule:
    found = _LINE_AT.match(line)
    if found is not None:
        line, head = found[1], replace(head, stages=frozenset(found[2].split(",")))
    start = _START if _BEGINS_A_WORD.match(line) else ""
    if not _ENDINGS.search(line):  # "n't" goes on with a word
        line = _GAP.sub(lambda gap: gap[0] + _START, line)
    return replace(head, words=f"{start}(?:{line})", needs=anchors(line))


def parse(text: str) -> Iterator[Rule]:
    """Yield the rules of a table in their order."""
    head: Rule | None = None
    for line in text.replace("\n" + _CONTINUED, "").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            head = _head(line)
        elif head is not None:
            yield _line(head, line.strip())


def _sections(text: str) -> Iterator[Provider]:
    for section in re.split(r"(?m)^\[", text)[1:]:
        title, _, body = section.partition("\n")
        keys, _, marks = title.partition("] = ")
        yield Provider(tuple(keys.split()), tuple(marks.split(", ")), tuple(parse(body)))


@functools.cache
def table(name: str) -> tuple[Rule, ...]:
    """Return the rules of one table."""
    return tuple(parse(_read(f"{name}.txt")))


def _order(stage: str) -> tuple[str, ...]:
    return BY_STAGE.get(stage, TABLES)


@functools.lru_cache(maxsize=32)  # whatever is called a stage
def words(stage: str) -> tuple[Rule, ...]:
    """Return the rules that come before the codes, in the order for ``stage``."""
    return tuple(rule for name in _order(stage) for rule in table(name))


@functools.cache
def providers() -> tuple[Provider, ...]:
    """Return what single providers mean by words of their own."""
    return tuple(one for name in SECTIONS for one in _sections(_read(f"{name}.txt")))


@functools.cache
def codes() -> Mapping[str, str]:
    """Return the cause by enhanced code (RFC 3463) without its class, where it says enough."""
    return dict(json.loads(_read("codes.json")))


@functools.cache
def weak_codes() -> Mapping[str, Mapping[str, str]]:
    """Return the cause by stage for codes that say little: looked at last."""
    return dict(json.loads(_read("weak_codes.json")))
