"""A mail provider on loopback: DNS records, and SMTP servers that want TLS and a password."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from example_app.demo.catcher import LOOPBACK, Catcher, Mailbox
from example_app.demo.names import Zone, name_server

DOMAIN = "tidepool.example"
#: the mailbox that the app writes from
MAILBOX = f"hello@{DOMAIN}"
PASSWORD = "seven-shore-crabs"  # noqa: S105 - made to be shown; the provider is on loopback only
_HOST = f"smtp.{DOMAIN}"
_MX = f"mx.{DOMAIN}"
_IMPLICIT, _STARTTLS = 465, 587


@dataclass(frozen=True, slots=True)
class Provider:
    """A running provider: where to ask it for names, and the authority to trust."""

    name_server: tuple[str, int]
    ca_file: str


@contextmanager
def provider(mailbox: Mailbox, folder: Path) -> Iterator[Provider]:
    """Run a provider that keeps what it is given in ``mailbox`` and its authority in ``folder``.

    It listens on the ports that everybody knows where this process may, else on free ones: SRV
    records (RFC 6186) tell which.
    """
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # a client that hangs up is no news
    ca = trustme.CA(organization_name="Tidepool", organization_unit_name="Trust")
    ca_file = folder / "authority.pem"
    ca.cert_pem.write_to_path(ca_file)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.now(UTC) + timedelta(days=90)
    ca.issue_cert(_HOST, not_after=end, organization_name="Tidepool").configure_cert(tls)
    servers = _Servers(mailbox, tls)
    servers.start()
    try:
        with name_server(servers.zone()) as names:
            yield Provider(names.address, str(ca_file))
    finally:
        servers.stop()


class _Servers(Catcher):
    """One server for each kind of TLS; both take the one mailbox and its password."""

    def __init__(self, mailbox: Mailbox, tls: ssl.SSLContext) -> None:
        super().__init__(mailbox)
        self._tls = tls
        self._ip = self._mx = LOOPBACK
        self._ports = (0, 0)

    def start(self) -> int:
        """Listen, and return the port of implicit TLS."""
        self._thread.start()
        own = f"{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
        try:  # an address of its own, so that nobody else has these ports
            self._open(f"127.86.{own}", _IMPLICIT, _STARTTLS)
            self._mx = f"127.87.{own}"
        except OSError:
            self._open(LOOPBACK, 0, 0)
        return self._ports[0]

    def zone(self) -> Zone:
        """Return what DNS says about the domain."""
        implicit, starttls = self._ports
        return {
            DOMAIN: {"MX": [f"10 {_MX}."]},
            f"_submissions._tcp.{DOMAIN}": {"SRV": [f"0 1 {implicit} {_HOST}."]},
            f"_submission._tcp.{DOMAIN}": {"SRV": [f"0 1 {starttls} {_HOST}."]},
            _HOST: {"A": [self._ip]},
            _MX: {"A": [self._mx]},
        }

    def authenticate(self, _server: Any, _session: Any, _env: Any, _how: str, data: Any) -> Any:
        """Check a login (aiosmtpd's authenticator)."""
        good = data == LoginPassword(MAILBOX.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False, auth_data=data)

    def _open(self, ip: str, implicit: int, starttls: int) -> None:
        self._ip = ip
        self._ports = (
            self.listen((ip, implicit), self._implicit, self._tls),
            self.listen((ip, starttls), self._starttls),
        )

    def _implicit(self) -> SMTP:
        # aiosmtpd does not see that TLS is there already: it must not wait for STARTTLS.
        server = _Strict(self, auth_require_tls=False, **self._options())
        server.demand_sign_in()
        return server

    def _starttls(self) -> SMTP:
        options = self._options() | {"tls_context": self._tls, "require_starttls": True}
        return SMTP(self, auth_required=True, **options)

    def _options(self) -> dict[str, Any]:
        return {
            "hostname": _HOST,
            "enable_SMTPUTF8": True,
            "loop": self._loop,
            "authenticator": self.authenticate,
        }


class _Strict(SMTP):
    """aiosmtpd's server; told when it is made, it would warn of a sign-in without STARTTLS."""

    def demand_sign_in(self) -> None:
        """Take mail from nobody who has not signed in."""
        self._auth_required = True
