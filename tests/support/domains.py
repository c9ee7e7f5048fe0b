"""One check of one domain against a real DNS server, as the tests of deliverability want it."""

from __future__ import annotations

from typing import Any

from example_app.demo.names import NameServer, name_server
from flask_smtpadmin.core.deliverability.findings import Finding, Report
from flask_smtpadmin.core.deliverability.orders import Order
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.delivery.deliverability import examine
from support.zones import Zone

SENDGRID = Server(key="default", host="smtp.sendgrid.net", from_email="app@example.com")
RELAY = Server(key="default", host="relay.example.com", from_email="app@example.com")
LOCAL = Server(key="default", host="127.0.0.1", from_email="app@example.com")


def run(
    zone: Zone,
    server: Server = SENDGRID,
    domain: str = "example.com",
    *,
    selector: str = "",
    **options: Any,
) -> Report:
    """Check one domain against a server that holds ``zone``."""
    with name_server(zone) as names:
        return ask(names, server, domain, selector=selector, **options)


def ask(
    names: NameServer,
    server: Server = SENDGRID,
    domain: str = "example.com",
    *,
    selector: str = "",
    **options: Any,
) -> Report:
    """Check one domain against a running server."""
    order = Order(domain, server, selector)
    (report,) = examine([order], names.resolver(options.pop("timeout", 5.0)), **options)
    return report


def finding(report: Report, check: str) -> Finding:
    """Return the finding of one check."""
    return next(it for it in report.findings if it.check == check)
