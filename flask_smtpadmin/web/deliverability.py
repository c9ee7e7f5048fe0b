"""The page on SPF, DKIM and DMARC: the last result for each From domain, and the button to ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Response, request

from flask_smtpadmin.core.deliverability.findings import CHECKS, Finding, Report
from flask_smtpadmin.core.deliverability.orders import MOST, Order, in_use, wanted
from flask_smtpadmin.core.errors import InvalidSettings
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.settings.order import in_order
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.delivery.deliverability import LIMIT
from flask_smtpadmin.state import current_state
from flask_smtpadmin.storage.findings import Kept
from flask_smtpadmin.web import access, limits
from flask_smtpadmin.web.formats import number
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import ngettext
from flask_smtpadmin.web.render import done, page
from flask_smtpadmin.web.wording import Tone

#: Characters of what may be typed.
_LONGEST: Final = 320


@dataclass(frozen=True, slots=True)
class Way:
    """One domain as one server sends for it; ``kept`` None: never checked.

    ``used`` says whether the settings name the domain; else somebody typed it.
    """

    domain: str
    key: str
    server: Server | None
    kept: Kept | None
    used: bool

    @property
    def name(self) -> str:
        """What people call the server."""
        return (self.server.name if self.server else "") or self.key


@dataclass(frozen=True, slots=True)
class Row:
    """A finding; ``only`` names the servers that it holds for, when others find something else."""

    finding: Finding
    only: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One domain, whoever sends for it."""

    domain: str
    ways: tuple[Way, ...]

    @property
    def used(self) -> bool:
        """Whether the settings name the domain."""
        return any(way.used for way in self.ways)

    @property
    def reports(self) -> tuple[Report, ...]:
        """The kept results, one for each server that was checked."""
        return tuple(way.kept.report for way in self.ways if way.kept)

    @property
    def state(self) -> str:
        """The most pressing word of all results, or ""."""
        found = [finding for report in self.reports for finding in report.findings]
        return Report(domain=self.domain, server="", findings=tuple(found)).state if found else ""

    @property
    def checked_at(self) -> datetime | None:
        """When the oldest of the results came."""
        return min((way.kept.checked_at for way in self.ways if way.kept), default=None)

    @property
    def rows(self) -> list[Row]:
        """The findings in the order of the checks, those that servers have in common once."""
        checked = [way for way in self.ways if way.kept]
        rows = []
        for check in CHECKS:
            names: dict[Finding, list[str]] = {}
            for way in checked:
                for finding in way.kept.report.findings if way.kept else ():
                    if finding.check == check:
                        names.setdefault(finding, []).append(way.name)
            for finding, servers in names.items():
                rows.append(Row(finding, tuple(servers) if len(names) > 1 else ()))
        return rows


def deliverability() -> Response:
    """Show the kept results with their age; a GET asks nobody."""
    return _show()


def deliverability_check() -> Response:
    """Ask the DNS about one domain, or about all in use, and keep the results."""
    servers = current_state().settings.snapshot().servers
    form = {name: request.form.get(name, "").strip()[:_LONGEST] for name in _FIELDS}
    if "domain" in request.form and not form["domain"]:
        return _show("domain", _("Type a domain like example.com."), form, status=422)
    try:
        orders = wanted(servers, **form)
    except InvalidSettings as error:
        return _show(error.problems[0].field, _(error.problems[0].message), form, status=422)
    if not orders:
        return _tell(_("There is no From address to check yet: type a domain."), tone="warn")
    wait = limits.seconds_to_wait()
    if wait:
        text = _(
            "Ten checks a minute are enough. Try again in %(seconds)s s.", seconds=f"{wait:.0f}"
        )
        return _tell(text, tone="warn")
    reports = current_state().check_domains(_with_selectors(orders), actor=access.actor_name())
    return _tell(_result(reports), tone="ok" if all(it.ok for it in reports) else "warn")


def deliverability_forget() -> Response:
    """Remove a result from the page."""
    domain, server = request.form.get("domain", ""), request.form.get("server", "")
    if not current_state().findings.forget(domain, server):
        return _tell(_("Nothing was changed: there is no such result."), tone="warn")
    return _tell(_("The result on %(domain)s was removed.", domain=domain))


_FIELDS: Final = ("domain", "server", "selector")


def _show(
    field: str = "", problem: str = "", form: dict[str, str] | None = None, *, status: int = 200
) -> Response:
    state = current_state()
    servers = in_order(tuple(state.settings.snapshot().servers.values()))
    return page(
        "deliverability",
        status=status,
        here="Deliverability",
        cards=_cards(in_use(servers), servers, state.findings.all()),
        servers=servers,
        field=field,
        problem=problem,
        form=form or dict.fromkeys(_FIELDS, ""),
        seconds=LIMIT,
        most=MOST,
    )


def _cards(orders: Iterable[Order], servers: Iterable[Server], kept: Iterable[Kept]) -> list[Card]:
    """Return the domains in use in the servers' order, then those that were typed."""
    by_key = {server.key: server for server in servers}
    results = {(it.report.domain, it.report.server): it for it in kept}
    ways = [
        Way(order.domain, order.server.key, order.server, results.pop(order.key, None), used=True)
        for order in orders
    ]
    for (domain, key), result in results.items():
        ways.append(Way(domain, key, by_key.get(key), result, used=False))
    by_domain: dict[str, list[Way]] = {}
    for way in ways:
        by_domain.setdefault(way.domain, []).append(way)
    return [Card(domain, tuple(group)) for domain, group in by_domain.items()]


def _with_selectors(orders: Iterable[Order]) -> list[Order]:
    """Look a selector that was typed earlier up again, unless another one is typed now."""
    known = {
        (it.report.domain, it.report.server): it.report.selector
        for it in current_state().findings.all()
    }
    return [
        order if order.selector else Order(order.domain, order.server, known.get(order.key, ""))
        for order in orders
    ]


def _result(reports: Iterable[Report]) -> str:
    found = list(reports)
    amiss = sum(not report.ok for report in found)
    if len(found) == 1:
        text = mark("Checked %(domain)s: something is missing or wrong, see below.")
        good = mark("Checked %(domain)s: nothing is missing.")
        return _(text if amiss else good, domain=found[0].domain)
    if amiss == 0:
        return ngettext(
            "Checked %(count)s domain: nothing is missing.",
            "Checked %(count)s domains: nothing is missing.",
            len(found),
        )
    return ngettext(
        "Checked %(count)s domain: at %(amiss)s of them something is missing or wrong, see below.",
        "Checked %(count)s domains: at %(amiss)s of them something is missing or wrong, see below.",
        len(found),
        amiss=number(amiss),
    )


def _tell(text: str, *, tone: Tone = "ok") -> Response:
    return done(text, "deliverability", tone=tone)
