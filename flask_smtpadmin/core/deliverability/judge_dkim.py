"""From the keys that a domain publishes to a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.deliverability.dkim import DKIMError, DKIMKey, parse_dkim
from flask_smtpadmin.core.deliverability.findings import Finding, Record, State, shown
from flask_smtpadmin.core.deliverability.question import Question
from flask_smtpadmin.core.redact import clean, cut
from flask_smtpadmin.core.words import mark, said

#: Bits of an RSA key: fewer than the first are refused, fewer than the second are weak (RFC 8301).
_LEAST: Final = 1024
_ENOUGH: Final = 2048
#: Selectors to look at when no provider says better.
COMMON: Final = ("default", "dkim", "mail", "s1", "selector1", "k1")

#: Bytes of a record that are shown: a key is not to be read.
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Published:
    """What stands at one selector: ``key`` None when it cannot be used, ``error`` says why."""

    selector: str
    texts: tuple[str, ...]
    key: DKIMKey | None = None
    error: str = ""

    @property
    def usable(self) -> bool:
        """Whether receivers accept signatures made with it."""
        if self.key is None or self.key.revoked:
            return False
        return self.key.kind != "rsa" or self.key.bits >= _LEAST


def selectors(question: Question) -> tuple[str, ...]:
    """Return the selectors to look at: the typed one first, then those of the provider."""
    usual = question.provider.selectors if question.provider else COMMON
    typed = (question.selector,) if question.selector else ()
    return tuple(dict.fromkeys((*typed, *usual)))


def read_published(selector: str, texts: Sequence[str]) -> Published:
    """Return what the TXT records of one selector amount to."""
    if len(texts) > 1:
        return Published(
            selector, tuple(texts), error=mark("there are several records, one may be")
        )
    try:
        return Published(selector, tuple(texts), parse_dkim(texts[0]))
    except DKIMError as error:
        return Published(selector, tuple(texts), error=error.args[0])


def judge_dkim(question: Question, published: Mapping[str, Published]) -> Finding:
    """Return the finding on the keys that were found, by selector."""
    if question.selector and question.selector not in published:
        return _no_such_selector(question, published)
    if not published:
        return _none(question)
    lines = [
        f"{name}: {cut(clean(text), _SHOWN)}"
        for name, found in published.items()
        for text in found.texts
    ]
    verdicts = [(_state(found), _sentence(found)) for found in published.values()]
    usable = any(found.usable for found in published.values())
    counted = [
        (state, text)
        for (state, text), found in zip(verdicts, published.values(), strict=True)
        if found.usable or not usable or found.error
    ]
    state, text = max(counted, key=lambda item: _RANK[item[0]])
    notes = tuple(other for _, other in verdicts if other != text)
    publish = () if usable else _publish(question)
    return Finding("dkim", state, text, shown(lines), notes, publish)


_RANK: Final[dict[State, int]] = {"good": 0, "warning": 1, "wrong": 2}


def _state(found: Published) -> State:
    if not found.usable or found.key is None:
        return "wrong"
    weak = found.key.kind == "rsa" and found.key.bits < _ENOUGH
    return "warning" if weak or found.key.testing else "good"


def _sentence(found: Published) -> str:
    key, name = found.key, found.selector
    if key is None:
        return said(
            "The record of %(name)s cannot be used: %(error)s.", name=name, error=found.error
        )
    if key.revoked:
        return said("The key of %(name)s was withdrawn: its p= is empty.", name=name)
    return _on_key(key, name)


def _on_key(key: DKIMKey, name: str) -> str:
    size = said("%(bits)s bits", bits=key.bits) if key.kind == "rsa" else "Ed25519"
    if key.kind == "rsa" and key.bits < _LEAST:
        return said(
            "The key of %(name)s has %(size)s; receivers accept no fewer than %(least)s.",
            name=name,
            size=size,
            least=_LEAST,
        )
    if key.kind == "rsa" and key.bits < _ENOUGH:
        return said(
            "The key of %(name)s has %(size)s; %(enough)s are usual now.",
            name=name,
            size=size,
            enough=_ENOUGH,
        )
    if key.testing:
        return said(
            "The key of %(name)s is marked as a test (t=y), so receivers may pass over it.",
            name=name,
        )
    if key.kind == "ed25519":
        return said(
            "The key of %(name)s is Ed25519; many receivers need an RSA key beside it.", name=name
        )
    return said("The key of %(name)s is RSA with %(size)s.", name=name, size=size)


def _none(question: Question) -> Finding:
    provider = question.provider
    if provider is not None and provider.selectors:
        text = said(
            "No key of %(name)s is published, so its signatures do not count here.",
            name=provider.name,
        )
        return Finding("dkim", "missing", text, (), _where(question), _publish(question))
    if provider is not None:
        text = (
            said(
                "%(name)s gives each customer selectors of their own: type one to look it up.",
                name=provider.name,
            )
            if provider.where
            else said(
                "Which selectors %(name)s uses is not known here: type one to look it up.",
                name=provider.name,
            )
        )
        return Finding("dkim", "unknown", text, (), _where(question))
    text = said(
        "No key stands under the usual selectors (%(names)s): set up signing on the "
        "mail server, or type the selector it uses.",
        names=", ".join(COMMON),
    )
    publish = (Record(f"SELECTOR._domainkey.{question.domain}", "TXT", ""),)
    return Finding("dkim", "missing", text, (), (), publish)


def _no_such_selector(question: Question, published: Mapping[str, Published]) -> Finding:
    text = said("There is no key under the selector %(selector)s.", selector=question.selector)
    others = tuple(_sentence(found) for found in published.values())
    record = Record(
        f"{question.selector}._domainkey.{question.domain}",
        question.provider.type if question.provider else "TXT",
        "",
    )
    publish = tuple(known for known in _publish(question) if known.name == record.name) or (record,)
    return Finding("dkim", "missing", text, (), others + _where(question), publish)


def _publish(question: Question) -> tuple[Record, ...]:
    return question.provider.dkim_records(question.domain) if question.provider else ()


def _where(question: Question) -> tuple[str, ...]:
    return (question.provider.where,) if question.provider and question.provider.where else ()
