"""Tidepool for which DNS_SERVER of the configuration ("127.0.0.1:5353") is all the DNS there is.

``flask --app example_app.demo.enclosed:create_app run``: the made-up names of the demo have
addresses, and no name of the real world has one.
"""

from __future__ import annotations

import sys

import dns.nameserver
import dns.resolver
from flask import Flask

import example_app
from flask_smtpadmin.state import NAME
from flask_smtpadmin.transport.dns import Resolver

#: Seconds for one question: the server is in the same machine.
_QUESTION = 5.0


def create_app() -> Flask:
    """Build the app, and let this process ask the one name server only."""
    app = example_app.create_app()
    ip, _, port = app.config["DNS_SERVER"].rpartition(":")
    app.extensions[NAME].resolver = Resolver(_QUESTION, [(ip, int(port))])
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(ip, int(port))]
    dns.resolver.override_system_resolver(resolver)
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # it asks the system, past Python
    return app
