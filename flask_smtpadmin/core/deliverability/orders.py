"""Which domains are to be checked, and for which server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.deliverability.dkim import is_selector
from flask_smtpadmin.core.deliverability.lookups import is_name
from flask_smtpadmin.core.errors import InvalidMessage, InvalidSettings, NotFound
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.settings import Problem, Server

#: Domains of one run: more could not be asked for in its time.
MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Order:
    """One domain, the server that sends for it, and a DKIM selector somebody typed."""

    domain: str
    server: Server
    selector: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others: domain and server key."""
        return self.domain, self.server.key


def in_use(servers: Iterable[Server]) -> tuple[Order, ...]:
    """Return the From domains that the settings name: FROM_EMAIL, and ROUTES where they count."""
    found: dict[tuple[str, str], Order] = {}
    for server in servers:
        for domain in _domains(server):
            order = Order(domain, server)
            found.setdefault(order.key, order)
    return tuple(found.values())


def wanted(
    servers: Mapping[str, Server], domain: str = "", server: str = "", selector: str = ""
) -> tuple[Order, ...]:
    """Return what was asked for; without a domain every one in use, with ``server`` only its.

    A domain that no server sends for is checked for the default server.

    Raises:
        InvalidSettings: domain or selector cannot be used.
        NotFound: there is no such server.
    """
    if server and server not in servers:
        raise NotFound("server", server)
    chosen = [servers[server]] if server else list(servers.values())
    selector = read_selector(selector)
    orders = in_use(chosen)
    if domain:
        name = read_domain(domain)
        orders = tuple(order for order in orders if order.domain == name)
        if not orders:
            orders = (Order(name, servers[server or "default"]),)
    if selector:
        orders = tuple(Order(order.domain, order.server, selector) for order in orders)
    return orders[:MOST]


def read_domain(text: str) -> str:
    """Return a typed domain (an address will do) as the DNS has it: A-labels, lower case.

    Raises:
        InvalidSettings: it is none.
    """
    name = text.strip().rpartition("@")[2].rstrip(".")
    try:
        domain = parse_address(f"postmaster@{name}", field="domain").email.rpartition("@")[2]
    except InvalidMessage:
        domain = ""
    if not is_name(domain) or "." not in domain:
        raise _invalid("domain", "This is not a domain: type one like example.com.")
    return domain


def read_selector(text: str) -> str:
    """Return a typed selector, "" for none; ``._domainkey`` and what follows may be typed too.

    Raises:
        InvalidSettings: it cannot be one.
    """
    selector = text.strip().partition("._domainkey")[0]
    if selector and not is_selector(selector):
        raise _invalid("selector", "This is no DKIM selector: it has letters, digits, - and _.")
    return selector


def _domains(server: Server) -> list[str]:
    texts = [server.from_email]
    if not server.force_from:
        texts += server.routes
    found = []
    for text in texts:
        if not text:
            continue
        try:
            found.append(read_domain(text))
        except InvalidSettings:
            continue  # a name without a dot, or an address literal: nothing to look up
    return found


def _invalid(field: str, message: str) -> InvalidSettings:
    return InvalidSettings((Problem(field, None, message),))
