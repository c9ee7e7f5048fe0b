"""Findings on hosts: where a domain's mail arrives, and the names of sending addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_smtpadmin.core.deliverability.findings import Finding, Record, State, shown
from flask_smtpadmin.core.deliverability.lookups import is_name, same_name
from flask_smtpadmin.core.deliverability.providers import filled
from flask_smtpadmin.core.deliverability.question import Question
from flask_smtpadmin.core.words import mark, said


@dataclass(frozen=True, slots=True)
class Reverse:
    """The names of a sending address, each with the addresses that it leads back to."""

    address: str
    names: Mapping[str, tuple[str, ...]]

    @property
    def confirmed(self) -> tuple[str, ...]:
        """The names that lead back to the address."""
        return tuple(name for name, back in self.names.items() if self.address in back)


def judge_mx(
    question: Question, exchangers: Sequence[tuple[int, str]], reachable: Sequence[str]
) -> Finding:
    """Return the finding on MX; ``reachable`` are the hosts among them that have an address.

    Without MX records ``reachable`` holds the domain itself where it has an address.
    """
    found = shown([f"{preference} {host or '.'}" for preference, host in exchangers])
    publish = _mx_records(question)
    hosts = [host for _, host in exchangers]
    if not hosts and reachable:
        text = mark(
            "There is no MX record; mail goes to the domain's own address, where few expect it."
        )
        return Finding("mx", "warning", text, found, (), publish)
    if not hosts:
        text = mark("There is no MX record, so answers and bounces cannot be delivered.")
        return Finding("mx", "missing", text, found, (), publish or _any_mx(question))
    if all(host in ("", ".") for host in hosts):
        text = mark(
            "The domain says that it takes no mail (null MX): answers and bounces are lost, and "
            "some receivers refuse mail from it."
        )
        return Finding("mx", "warning", text, found, (), publish)
    if not reachable:
        text = mark(
            "None of its MX hosts has an address, so answers and bounces cannot be delivered."
        )
        return Finding("mx", "wrong", text, found, (), publish)
    gone = [host for host in hosts if host not in reachable]
    notes = (
        (said("No address was found for %(names)s.", names=", ".join(shown(gone))),) if gone else ()
    )
    return Finding("mx", "good", mark("Answers and bounces find their way."), found, notes)


def judge_ptr(question: Question, reverses: Sequence[Reverse]) -> Finding:
    """Return the finding on the reverse names of the sending addresses."""
    if question.provider is not None:
        text = said(
            "Mail leaves from the hosts of %(name)s, which names them itself.",
            name=question.provider.name,
        )
        return Finding("ptr", "skipped", text)
    if not reverses:
        return Finding("ptr", "unknown", _not_known(question))
    found = shown([f"{it.address}: {', '.join(it.names) or 'no name'}" for it in reverses])
    nameless = [it for it in reverses if not it.names]
    if nameless:
        text = said(
            "%(address)s has no name (PTR), and large receivers refuse mail from such "
            "addresses; whoever owns the address, as a rule the hosting provider, sets "
            "it.",
            address=nameless[0].address,
        )
        return Finding("ptr", "missing", text, found, (), _pointers(question, nameless))
    unconfirmed = [it for it in reverses if not it.confirmed]
    if unconfirmed:
        return _unconfirmed(unconfirmed[0], found)
    return _confirmed(question, reverses, found)


def _confirmed(question: Question, reverses: Sequence[Reverse], found: tuple[str, ...]) -> Finding:
    names = {same_name(name) for it in reverses for name in it.confirmed}
    state: State = "good"
    text = mark("The name of each sending address leads back to it.")
    if question.helo and same_name(question.helo) not in names:
        state = "warning"
        text = said(
            "The sending host calls itself %(helo)s, but its address is named otherwise: "
            "set HELO_NAME to one of its names.",
            helo=question.helo,
        )
    return Finding("ptr", state, text, found)


def _unconfirmed(reverse: Reverse, found: tuple[str, ...]) -> Finding:
    name = next(iter(reverse.names))
    text = said(
        "%(address)s is named %(name)s, but that name does not lead back to it, so "
        "receivers do not believe it.",
        address=reverse.address,
        name=same_name(name),
    )
    publish = (Record(same_name(name), _host_type(reverse.address), reverse.address),)
    return Finding("ptr", "wrong", text, found, (), publish if is_name(name) else ())


def _pointers(question: Question, nameless: Sequence[Reverse]) -> tuple[Record, ...]:
    name = question.helo or f"mail.{question.domain}"
    records: list[Record] = []
    for reverse in nameless:
        pointer = ipaddress.ip_address(reverse.address).reverse_pointer
        records.append(Record(pointer, "PTR", name))
        records.append(Record(name, _host_type(reverse.address), reverse.address))
    return tuple(records)


def _not_known(question: Question) -> str:
    if question.own_host:
        return mark(
            "This host has no public address of its own, so which one receivers see is not known "
            "here: set HELO_NAME to the name of that address."
        )
    return mark("Which addresses this server sends from is not known here.")


def _host_type(address: str) -> str:
    return "A" if ipaddress.ip_address(address).version == 4 else "AAAA"  # noqa: PLR2004 - IPv4


def _mx_records(question: Question) -> tuple[Record, ...]:
    if question.provider is None:
        return ()
    return tuple(
        Record(question.domain, "MX", f"{preference} {filled(host, question.domain)}")
        for preference, host in question.provider.mx
    )


def _any_mx(question: Question) -> tuple[Record, ...]:
    return (Record(question.domain, "MX", ""),)
