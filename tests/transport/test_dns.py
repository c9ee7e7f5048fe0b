"""What DNS says comes back as plain values, and what goes wrong as one of three errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from example_app.demo.names import name_server
from flask_smtpadmin.transport.dns import (
    DnsError,
    DnsFailure,
    DnsTimeout,
    NameNotFound,
    Resolver,
    Service,
)

ZONE = {
    "example.org": {
        "MX": ["20 backup.example.org.", "10 MX.example.org."],
        "TXT": ['"v=spf1 " "-all"', r'"\195\169t\195\169"'],
    },
    "mx.example.org": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "four.example.org": {"A": ["192.0.2.4"]},
    "quiet.example.org": {"MX": ["0 ."]},
    "_submissions._tcp.example.org": {
        "SRV": ["5 1 465 light.example.org.", "5 9 465 heavy.example.org.", "0 0 994 first.test."]
    },
    "_submission._tcp.example.org": {"SRV": ["0 0 0 ."]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.org."]},
    "xn--bcher-kva.example": {"MX": ["1 mx.example.org."]},
}


def ask(question: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(question)


def test_mx_records_come_in_the_order_of_preference():
    """(preference, host) pairs, hosts in lower case without the final dot."""
    with name_server(ZONE) as names:
        found = ask(names.resolver().mx("example.org"))
    assert found == [(10, "mx.example.org"), (20, "backup.example.org")]


def test_a_null_mx_has_no_host():
    """RFC 7505: the domain takes no mail; that differs from having no record."""
    with name_server(ZONE) as names:
        assert ask(names.resolver().mx("quiet.example.org")) == [(0, "")]
        assert ask(names.resolver().mx("four.example.org")) == []


def test_services_come_by_priority_then_weight():
    """RFC 2782, and RFC 6186's "." for a service that is not offered."""
    with name_server(ZONE) as names:
        found = ask(names.resolver().srv("_submissions._tcp.example.org"))
        none = ask(names.resolver().srv("_submission._tcp.example.org"))
    assert found == [
        Service(0, 0, 994, "first.test"),
        Service(5, 9, 465, "heavy.example.org"),
        Service(5, 1, 465, "light.example.org"),
    ]
    assert none == [Service(0, 0, 0, "")]


def test_the_parts_of_a_text_are_put_together():
    """One string per record (RFC 7208 3.3), decoded as UTF-8."""
    with name_server(ZONE) as names:
        assert set(ask(names.resolver().txt("example.org"))) == {"été", "v=spf1 -all"}


def test_addresses_of_both_families():
    """IPv4 first; a literal is its own answer and asks nobody."""
    with name_server(ZONE) as names:
        assert ask(names.resolver().addresses("mx.example.org")) == ["192.0.2.1", "2001:db8::1"]
        assert ask(names.resolver().addresses("four.example.org")) == ["192.0.2.4"]
        asked = list(names.asked)
        assert ask(names.resolver().addresses("2001:db8::7")) == ["2001:db8::7"]
        assert names.asked == asked


def test_an_address_has_a_name():
    """PTR by the IP address; something else is a ValueError, not a question."""
    with name_server(ZONE) as names:
        assert ask(names.resolver().ptr("192.0.2.1")) == ["mx.example.org"]
        with pytest.raises(ValueError, match="address"):
            ask(names.resolver().ptr("mx.example.org"))


def test_a_name_in_another_script_is_asked_for_in_ascii():
    """bücher.example is asked for as xn--bcher-kva.example (RFC 5891)."""
    with name_server(ZONE) as names:
        assert ask(names.resolver().mx("bücher.example")) == [(1, "mx.example.org")]


def test_what_goes_wrong_has_three_names():
    """NXDOMAIN, SERVFAIL and silence are told apart; all carry the name that was asked for."""
    with name_server(ZONE) as names:
        names.broken.add("example.org")
        names.silent.add("mx.example.org")
        resolver = names.resolver(0.3)
        with pytest.raises(NameNotFound) as missing:
            ask(resolver.mx("nosuch.example"))
        with pytest.raises(DnsFailure):
            ask(resolver.mx("example.org"))
        started = time.monotonic()
        with pytest.raises(DnsTimeout):
            ask(resolver.addresses("mx.example.org"))
        assert time.monotonic() - started < 3
    assert missing.value.name == "nosuch.example"
    assert isinstance(missing.value, DnsError)


@pytest.mark.parametrize("name", ["a..b", "", "x" * 64 + ".example", "\ud800.example"])
def test_what_is_no_name_is_a_failure(name):
    """Text that DNS cannot hold raises the same family, whoever typed it."""
    with pytest.raises(DnsError):
        ask(Resolver(1, [("127.0.0.1", 9)]).mx(name))


def test_the_search_list_of_the_machine_is_not_used():
    """A name is asked for as it stands, once."""
    with name_server(ZONE) as names:
        with pytest.raises(NameNotFound):
            ask(names.resolver().mx("nosuch"))
        assert names.asked == ["MX nosuch"]
