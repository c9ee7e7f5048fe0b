"""What a provider asks of the From address, held against the settings of a server."""

from __future__ import annotations

from collections.abc import Iterator

from flask_smtpadmin.core.settings import Problem, Server
from flask_smtpadmin.core.settings.preset import Preset
from flask_smtpadmin.core.settings.presets import find_preset, preset_of_domain, preset_of_host
from flask_smtpadmin.core.words import said


def provider_of(server: Server) -> Preset | None:
    """Return the provider of ``server``: the one chosen for it, unless its host is another's."""
    chosen = _chosen(server.preset) if server.preset else None
    if chosen is not None and (not server.host or chosen.has_host(server.host)):
        return chosen
    found = preset_of_host(server.host) if server.host else None
    return found[0] if found else None


def refused(server: Server) -> Iterator[Problem]:
    """Yield the addresses that the provider refuses for certain: they are not the login."""
    provider = provider_of(server)
    if provider is None or provider.from_rule.kind != "login" or "@" not in server.username:
        return
    for name, address in (
        ("from_email", server.from_email),
        ("envelope_from", server.envelope_from),
    ):
        if address and not _same(address, server.username):
            words = {"from_email": said("From address"), "envelope_from": said("envelope sender")}[
                name
            ]
            text = said(
                "%(name)s takes mail only from the address that signs in. Enter %(username)s "
                "as %(words)s, or sign in as %(address)s.",
                name=provider.name,
                username=server.username,
                words=words,
                address=address,
            )
            yield Problem(name, _variable(server, name), text)


def doubtful(server: Server) -> Iterator[Problem]:
    """Yield addresses that the provider hardly takes, though only it can tell."""
    provider = provider_of(server)
    if provider is None or not server.from_email:
        return
    domain = server.from_email.rpartition("@")[2].casefold()
    login = server.username.rpartition("@")[2].casefold() if "@" in server.username else ""
    kind, text = provider.from_rule.kind, ""
    if kind == "verified" and (mailbox := preset_of_domain(domain)):
        text = said(
            "%(domain)s belongs to %(name)s: mail from it through %(provider)s fails the "
            "checks of receivers. Use an address of a domain of your own.",
            domain=domain,
            name=mailbox[0].name,
            provider=provider.name,
        )
    if kind == "domain" and login and login != domain:
        text = said(
            "%(name)s signs in for %(login)s, but the From address is at %(domain)s. It "
            "takes: %(rule)s",
            name=provider.name,
            login=login,
            domain=domain,
            rule=said(provider.from_rule.text),
        )
    if text:
        yield Problem("from_email", _variable(server, "from_email"), text)


def remark(before: Server | None, after: Server) -> str:
    """Return what to look at, at the provider, after a save that changed who sends; "" for nothing.

    Nothing here can be seen from outside: whether an alias was confirmed, or a domain verified.
    """
    provider = provider_of(after)
    if provider is None or not after.from_email or (before and who(before) == who(after)):
        return ""
    kind = provider.from_rule.kind
    if kind == "own" and "@" in after.username and not _same(after.from_email, after.username):
        return said(
            "The From address %(address)s is not the login. %(name)s takes: %(rule)s",
            address=after.from_email,
            name=provider.name,
            rule=said(provider.from_rule.text),
        )
    if kind == "verified":
        return said(
            "%(name)s asks for: %(rule)s Make sure that %(address)s is that.",
            name=provider.name,
            rule=said(provider.from_rule.text),
            address=after.from_email,
        )
    return ""


def who(server: Server) -> tuple[str, ...]:
    """Return everything of ``server`` that decides which From address its provider takes."""
    provider = provider_of(server)
    return (
        provider.key if provider else "",
        server.username.casefold(),
        server.from_email.casefold(),
        server.envelope_from.casefold(),
    )


def _chosen(key: str) -> Preset | None:
    name = key.partition(":")[0]
    try:
        return find_preset(name)[0]
    except LookupError:
        return None


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _variable(server: Server, name: str) -> str | None:
    field = server.fields.get(name)
    return field.variable if field else None
