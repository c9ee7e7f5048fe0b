"""What must hold among the fields of one server, once each of them is readable.

A broken rule is a :class:`Problem` (the server is misconfigured and its mail waits); what is only
unwise is a warning.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from flask_smtpadmin.core.settings import LOCAL_ENGINES, Problem, Server
from flask_smtpadmin.core.settings.fields import IMPLICIT_PORTS, STARTTLS_PORTS
from flask_smtpadmin.core.settings.presets import old_host
from flask_smtpadmin.core.settings.senders import doubtful, refused
from flask_smtpadmin.core.words import mark, said


def is_loopback(host: str) -> bool:
    """Say whether ``host`` is a loopback address, or the name ``localhost``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".") == "localhost"


def broken(server: Server, *, readable: Callable[[str], bool]) -> Iterator[Problem]:
    """Yield the rules that ``server`` breaks; ``readable`` looks for a file."""
    if server.engine in LOCAL_ENGINES:
        return
    yield from _files(server, readable)
    yield from _sign_in(server)
    yield from _plain_sign_in(server)
    if server.proxy_url:
        yield _about(server, "proxy_url", mark("Proxies are not supported by this version."))


def unwise(server: Server) -> Iterator[Problem]:
    """Yield what works but should be looked at."""
    if server.engine in LOCAL_ENGINES or not server.host:
        return
    yield from _crossed_pair(server)
    if old := old_host(server.host):
        yield _about(server, "host", old.now)
    yield from refused(server)
    yield from doubtful(server)
    if server.tls_mode == "none" and not is_loopback(server.host):
        if server.auth == "none":
            yield _about(server, "tls_mode", mark("Mail travels unencrypted to this server."))
        elif server.allow_plaintext_auth:
            yield _about(
                server,
                "allow_plaintext_auth",
                mark("The password and all mail travel in the clear to this server."),
            )
    if server.tls_mode != "none" and not server.verify_cert:
        text = mark("The certificate is not checked: anyone on the way can pose as this server.")
        yield _about(server, "verify_cert", text)
    if server.password and not server.username and server.auth == "none":
        yield _about(
            server, "password", mark("There is a password but no user name: nobody signs in.")
        )
    if server.force_from and not server.from_email:
        yield _about(server, "force_from", mark("There is no From address to put in place."))


def _about(server: Server, name: str, message: str) -> Problem:
    field = server.fields.get(name)
    return Problem(name, field.variable if field else None, message)


def _files(server: Server, readable: Callable[[str], bool]) -> Iterator[Problem]:
    for name, path in (
        ("ca_file", server.ca_file),
        ("client_cert_file", server.client_cert_file),
    ):
        if path and not readable(path):
            yield _about(
                server,
                name,
                said("The file %(path)s is not there or cannot be read.", path=repr(path)),
            )


def _sign_in(server: Server) -> Iterator[Problem]:
    if server.auth == "oauth2":
        yield _about(
            server, "auth", mark("Signing in with OAuth2 is not possible yet; use a password.")
        )
    if server.auth == "password" and not server.username:
        yield _about(server, "username", mark("AUTH is password, but there is no user name."))


def _plain_sign_in(server: Server) -> Iterator[Problem]:
    if server.tls_mode != "none" or server.auth == "none" or not server.host:
        return
    if not server.allow_plaintext_auth and not is_loopback(server.host):
        yield _about(
            server,
            "tls_mode",
            mark(
                "With TLS mode none the password would travel in the clear. Use implicit or "
                "starttls, sign in without a user name, or set ALLOW_PLAINTEXT_AUTH."
            ),
        )


def _crossed_pair(server: Server) -> Iterator[Problem]:
    if server.tls_mode == "implicit" and server.port in STARTTLS_PORTS:
        text = said(
            "Port %(port)s speaks plain text first: use starttls there, or port 465.",
            port=server.port,
        )
        yield _about(server, "tls_mode", text)
    if server.tls_mode != "implicit" and server.port in IMPLICIT_PORTS:
        text = said(
            "Port %(port)s expects TLS at once: use implicit there, or port 587.", port=server.port
        )
        yield _about(server, "tls_mode", text)
