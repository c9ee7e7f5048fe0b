"""One look at an address and port tells how it answers, and sends nothing that matters."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from typing import Any

import pytest
from support.dead_ends import black_hole, refusing
from support.scripted import Drop, Raw, ScriptedServer, Silence, scripted_server
from support.smtp import authority

from flask_smtpadmin.core.findings import FORBIDDEN, Candidate, Probe
from flask_smtpadmin.core.hosts import PRIVATE, HostPolicy
from flask_smtpadmin.core.transaction import TransportFailure
from flask_smtpadmin.transport.probe import _judged, probe


def look(  # noqa: PLR0913 - independent keywords, most left out
    port: int,
    usual: Any = "starttls",
    *,
    policy: HostPolicy = PRIVATE,
    timeout: float = 20.0,
    ca_file: str | None = None,
    ip: str = "127.0.0.1",
) -> Probe:
    """Probe a port of this machine under the name localhost."""
    trusted = authority().ca_file if ca_file is None else ca_file
    candidate = Candidate("localhost", port, usual, "test")
    return asyncio.run(probe(candidate, ip, policy, timeout=timeout, ca_file=trusted))


def harmless(server: ScriptedServer) -> bool:
    """Say whether nobody signed in and no mail was begun (a TLS hello may look like a word)."""
    return not {"AUTH", "MAIL", "RCPT", "DATA", "VRFY"} & set(server.commands)


@pytest.mark.parametrize("usual", ["implicit", "starttls"])
@pytest.mark.parametrize("mode", ["implicit", "starttls", "none"])
def test_the_encryption_that_works_is_found(mode: Any, usual: Any) -> None:
    """Whatever is usual at the port, the way that works is found, with all that EHLO told."""
    silent_first = mode == "implicit" and usual == "starttls"
    with scripted_server(mode=mode, auth="PLAIN LOGIN") as server:
        found = look(server.port, usual, timeout=2.0 if silent_first else 20.0)
    assert (found.state, found.tls_mode) == ("ok", mode)
    assert (found.family, found.ip) == ("IPv4", "127.0.0.1")
    assert bool(found.tls_version) == (mode != "none")
    assert found.mechanisms == ("PLAIN", "LOGIN")
    assert found.size == 10_000_000
    assert found.certificate == ""
    assert found.ms > 0
    assert harmless(server)


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("context", "ca_file", "words"),
    [
        ({"expired": True}, None, "The certificate expired on 2020-01-01."),
        ({"names": ("other.example",)}, None, "The certificate is not for localhost."),
        ({}, "", "The certificate's authority is not trusted here."),
    ],
)
def test_a_certificate_s_problem_is_put_in_words(
    mode: Any, context: dict[str, Any], ca_file: str | None, words: str
) -> None:
    """The row says what is wrong, still tells what the server offers, and is not usable as is."""
    names = context.pop("names", ()) if "names" in (context := dict(context)) else ()
    made = authority().context(*names, **context)
    with scripted_server(mode=mode, auth="LOGIN", context=made) as server:
        found = look(server.port, mode, ca_file=ca_file)
    assert found.certificate == words
    assert (found.state, found.tls_mode, found.mechanisms) == ("ok", mode, ("LOGIN",))
    assert not found.usable
    assert harmless(server)


def test_refused_and_swallowed_connections_are_told_apart() -> None:
    """Nobody listens; or nobody answers."""
    assert look(refusing().sockaddr[1]).state == "refused"
    with black_hole() as dead:
        started = time.monotonic()
        found = look(dead.sockaddr[1], timeout=0.5)
        assert time.monotonic() - started < 5
    assert found.state == "timed_out"
    assert "No answer" in found.detail


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL])
def test_an_address_without_a_way_is_unreachable(number: int) -> None:
    """No route, or no IPv6 at all: the system says so at once, unlike a firewall that is silent."""
    failure = TransportFailure("connect", error=OSError(number, os.strerror(number)))
    assert _judged(failure) == ("unreachable", "There is no way to this address from here.")


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        ({"banner": Silence()}, "timed_out", "It took the connection and then said nothing."),
        ({"banner": Raw(b"SSH-2.0-x\r\n")}, "broken", "It does not speak SMTP."),
        ({"banner": "554 no SMTP service here"}, "broken", "554 no SMTP service here"),
        ({"connect": Drop()}, "broken", "It closed the connection."),
        ({"starttls": "454 4.7.0 not now"}, "broken", "The server said: 454 4.7.0 not now"),
    ],
)
def test_what_answers_without_being_of_use_is_described(
    script: Any, state: str, words: str
) -> None:
    """In a sentence, with the server's words where it spoke."""
    mode = "starttls" if "starttls" in script else "none"
    with scripted_server(script, mode=mode) as server:
        found = look(server.port, timeout=1.0)
    assert found.state == state
    assert words in found.detail
    assert found.settings is None


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1"])
def test_a_forbidden_address_gets_no_packet_and_one_text(ip: str) -> None:
    """Strict: whatever stands there, the answer is the same and names no address."""
    with scripted_server() as server:
        policy = HostPolicy("strict", frozenset({server.port}))
        found = look(server.port, policy=policy, ip=ip)
        assert (found.state, found.detail, found.ip) == ("forbidden", FORBIDDEN, "")
        assert server.connections == 0
