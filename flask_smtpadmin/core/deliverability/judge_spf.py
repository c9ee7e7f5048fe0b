"""From what SPF amounts to for a domain to a finding, with the record to publish."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flask_smtpadmin.core.deliverability.check_host import LOOKUPS, VOIDS, Verdict
from flask_smtpadmin.core.deliverability.findings import Finding, Record, shown
from flask_smtpadmin.core.deliverability.inventory import Inventory
from flask_smtpadmin.core.deliverability.question import Question
from flask_smtpadmin.core.deliverability.spf import VERSION, SPFError, parse_spf
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.words import mark, said

#: Bytes that one string of a TXT record holds.
_STRING: Final = 255
#: Look-ups from which one more include may be one too many.
_NEARLY: Final = LOOKUPS - 1


def judge_spf(question: Question, inventory: Inventory, verdicts: Mapping[str, Verdict]) -> Finding:
    """Return the finding; ``verdicts`` by sending address, empty where none is known."""
    found = shown(inventory.records)
    if not inventory.records:
        return _absent(question)
    if len(inventory.records) > 1:
        text = said(
            "There are %(number)s SPF records; receivers then use none of them, so put "
            "everything into one.",
            number=len(inventory.records),
        )
        return Finding("spf", "wrong", text, found, (), _publish(question, inventory))
    notes = tuple(_notes(question, inventory, verdicts))
    faults = tuple(_faults(inventory))
    if faults:
        return Finding(
            "spf", "wrong", faults[0], found, faults[1:] + notes, _repair(question, inventory)
        )
    lacking = _lacking(question, inventory, verdicts)
    if lacking:
        return Finding("spf", "missing", lacking, found, notes, _publish(question, inventory))
    doubts = tuple(_doubts(inventory))
    if doubts:
        change = () if inventory.ptr else _publish(question, inventory)
        return Finding("spf", "warning", doubts[0], found, doubts[1:] + notes, change)
    return Finding("spf", "good", _praise(question, verdicts), found, notes)


def authorises(
    question: Question, inventory: Inventory, verdicts: Mapping[str, Verdict]
) -> bool | None:
    """Say whether SPF passes for the mail in question; None: that cannot be known from here."""
    if not inventory.records or len(inventory.records) > 1 or list(_faults(inventory)):
        return False
    if question.provider is not None and question.provider.includes:
        return bool(set(question.provider.includes) & set(inventory.includes))
    if verdicts:
        return all(verdict.result == "pass" for verdict in verdicts.values())
    return None


def _absent(question: Question) -> Finding:
    publish = _publish(question, Inventory())
    if question.own_envelope:
        text = mark(
            "There is no SPF record, so receivers cannot tell who may send for this domain."
        )
        return Finding("spf", "missing", text, (), (), publish)
    name = question.provider.name if question.provider else ""
    text = said(
        "There is no SPF record. %(name)s puts its own domain into the Return-Path, "
        "so SPF passes there; some receivers look at this domain all the same.",
        name=name,
    )
    return Finding("spf", "warning", text, (), (), publish)


def _faults(inventory: Inventory) -> Iterator[str]:
    if inventory.errors:
        yield said(
            "Receivers treat the record as an error: %(why)s.",
            why=clean(inventory.errors[0], limit=300),
        )
    if inventory.lookups > LOOKUPS:
        yield (
            said(
                "The record takes %(lookups)s DNS look-ups or more in the worst case; "
                "receivers stop after %(most)s and treat it as an error. Remove what is "
                "not used.",
                lookups=inventory.lookups,
                most=LOOKUPS,
            )
        )
    if len(inventory.voids) > VOIDS:
        names = ", ".join(clean(name, limit=80) for name in inventory.voids[:4])
        yield (
            said(
                "%(number)s of its names lead to nothing (%(names)s); receivers treat more "
                "than %(voids)s as an error.",
                number=len(inventory.voids),
                names=names,
                voids=VOIDS,
            )
        )
    if inventory.all == "+":
        yield mark("It ends in +all, which allows the whole internet to send for this domain.")


def _lacking(question: Question, inventory: Inventory, verdicts: Mapping[str, Verdict]) -> str:
    """Return why the mail in question does not pass; "" when it does or that is not known."""
    if not question.own_envelope or authorises(question, inventory, verdicts) is not False:
        return ""
    if question.provider is not None and question.provider.includes:
        return said(
            "The record does not name %(name)s, so its servers may not send for this domain.",
            name=question.provider.name,
        )
    failed = [ip for ip, verdict in verdicts.items() if verdict.result != "pass"]
    result = verdicts[failed[0]].result
    return said(
        "The record does not allow %(names)s to send for this domain (%(result)s).",
        names=", ".join(failed),
        result=result,
    )


def _doubts(inventory: Inventory) -> Iterator[str]:
    if inventory.all is None:
        yield mark(
            "It says nothing about other senders: end it with ~all, or -all once all is well."
        )
    if inventory.all == "?":
        yield mark(
            "It ends in ?all, which means nothing to receivers: ~all or -all tells them apart."
        )
    if inventory.ptr:
        yield (
            mark(
                "It uses ptr, which is slow and which many receivers pass over: name the addresses "
                "with ip4: and ip6: instead."
            )
        )


def _notes(
    question: Question, inventory: Inventory, verdicts: Mapping[str, Verdict]
) -> Iterator[str]:
    yield said(
        "%(number)s of at most %(most)s DNS look-ups.",
        number=min(inventory.lookups, LOOKUPS + 1),
        most=LOOKUPS,
    )
    if inventory.lookups in (_NEARLY, LOOKUPS):
        yield mark("One more include may be one too many.")
    if 0 < len(inventory.voids) <= VOIDS:
        yield said(
            "%(names)s leads to nothing.",
            names=", ".join(clean(name, limit=80) for name in inventory.voids),
        )
    if question.provider is not None and not question.provider.includes:
        yield said(
            "What %(name)s needs in it is not known here: see its own pages.",
            name=question.provider.name,
        )
    if question.provider is None and not verdicts:
        yield mark(
            "Which addresses this server sends from is not known here, so it was not compared."
        )


def _praise(question: Question, verdicts: Mapping[str, Verdict]) -> str:
    if question.provider is not None and not question.own_envelope:
        return said(
            "The record is in order. %(name)s puts its own domain into the Return-Path, "
            "so SPF passes there.",
            name=question.provider.name,
        )
    if question.provider is not None and question.provider.includes:
        return said(
            "The record allows %(name)s to send for this domain.", name=question.provider.name
        )
    if verdicts:
        return said(
            "The record allows %(names)s to send for this domain.", names=", ".join(verdicts)
        )
    return mark("The record is in order.")


def _repair(question: Question, inventory: Inventory) -> tuple[Record, ...]:
    """Return a record where writing it anew helps: not where there is too much in it."""
    if inventory.record is None or inventory.all == "+":
        return _publish(question, inventory)
    return ()


def _publish(question: Question, inventory: Inventory) -> tuple[Record, ...]:
    """Return the record as it should be: what is there and can be read, and the sender."""
    wanted = _sender_terms(question, inventory)
    if not inventory.records and not wanted:
        return (Record(question.mail_from, "TXT", ""),)
    return (Record(question.mail_from, "TXT", merged(inventory.records, wanted)),)


def _sender_terms(question: Question, inventory: Inventory) -> list[str]:
    if question.provider is not None and question.provider.includes:
        known = set(question.provider.includes) & set(inventory.includes)
        return [] if known else [f"include:{question.provider.includes[0]}"]
    return [f"ip{ipaddress.ip_address(ip).version}:{ip}" for ip in question.addresses]


def merged(records: Sequence[str], wanted: Sequence[str]) -> str:
    """Return one record with the readable terms of ``records`` and the ``wanted`` ones.

    It ends as they do, in the softer way where they differ, so that no mail is refused that was
    not before; where they allow everybody or say nothing, in ``~all``.
    """
    terms: list[str] = []
    ending = ""
    for text in records:
        for term in text[len(VERSION) :].split():
            word = term.lower()
            if word.lstrip("+-~?") == "all":
                ending = word if word == "~all" or (word == "-all" and not ending) else ending
            elif word.startswith("redirect="):
                ending = ending or term
            elif term not in terms and _readable(term):
                terms.append(term)
    first = terms + [term for term in wanted if term not in terms]
    return " ".join([VERSION, *first, ending or "~all"])


def _readable(term: str) -> bool:
    try:
        parse_spf(f"{VERSION} {term}")
    except SPFError:
        return False
    return term.isprintable()
