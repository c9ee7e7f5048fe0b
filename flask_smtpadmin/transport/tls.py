"""TLS as a client: one context per combination of settings, and what a handshake agreed on."""

from __future__ import annotations

import functools
import socket
import ssl
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.settings import Server

#: How much of a name in a certificate is shown.
_NAME_BYTES: Final = 100


@dataclass(frozen=True, slots=True)
class Encryption:
    """What both sides agreed on, and whose certificate the server showed.

    ``expires`` is when that ends (aware UTC, or None), ``names`` whom it is for, ``issuer`` who
    vouches for it; ``verified``: it was checked.
    """

    version: str
    cipher: str
    expires: datetime | None = None
    verified: bool = True
    names: tuple[str, ...] = ()
    issuer: str = ""

    def __str__(self) -> str:
        return f"{self.version} {self.cipher}"

    def describe(self, now: datetime) -> str:
        """Return the line that the check shows."""
        parts = [str(self)]
        if self.names:
            more = f" and {len(self.names) - 1} more" if len(self.names) > 1 else ""
            parts.append(f"certificate for {self.names[0]}{more}")
        if self.issuer:
            parts.append(f"issued by {self.issuer}")
        if self.expires is not None:
            days = (self.expires - now).days
            parts.append(f"certificate until {self.expires:%Y-%m-%d} ({days} days left)")
        if not self.verified:
            parts.append("certificate not checked")
        return ", ".join(parts)


def context_for(server: Server) -> ssl.SSLContext:
    """Return the shared context for ``server``; raises ConfigurationError naming the file."""
    return _context(server.verify_cert, _stamped(server.ca_file), _stamped(server.client_cert_file))


def _stamped(path: str) -> tuple[str, float]:
    """Return ``path`` and when it changed, so that a renewed file makes a new context."""
    try:
        return path, Path(path).stat().st_mtime if path else 0.0
    except OSError:
        return path, 0.0


@functools.lru_cache(maxsize=64)
def _context(
    verify: bool,  # noqa: FBT001 - part of the cache's key
    ca: tuple[str, float],
    client: tuple[str, float],
) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca[0]:
            context.load_verify_locations(cafile=ca[0])
            # A server's own certificate, or an intermediate, may be trusted by itself.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except OSError as error:
        raise _unreadable("CA_FILE", ca[0], error) from error
    try:
        if client[0]:
            context.load_cert_chain(client[0])
    except OSError as error:
        raise _unreadable("CLIENT_CERT_FILE", client[0], error) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unreadable(name: str, path: str, error: OSError) -> ConfigurationError:
    reason = error.strerror or "it is not a PEM file of the right kind"
    return ConfigurationError(f"{name} {path!r} cannot be used: {reason}", field=name.lower())


def wrapped(sock: socket.socket, context: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    """Return ``sock`` once the handshake with the host ``name`` is done; raises OSError.

    ``wrap_socket`` loses a socket that the server resets at that very moment: the only one who
    knows the new object is then the traceback.
    """
    try:
        return context.wrap_socket(sock, server_hostname=name)
    except OSError as error:
        for frame, _line in traceback.walk_tb(error.__traceback__):
            lost = frame.f_locals.get("self")
            if isinstance(lost, ssl.SSLSocket):
                lost.close()
        raise


def agreed(connection: ssl.SSLObject | ssl.SSLSocket | None) -> Encryption | None:
    """Return what a finished handshake agreed on; None without TLS."""
    if connection is None:
        return None
    cipher = connection.cipher()
    shown = _loaded(connection.getpeercert(binary_form=True))
    return Encryption(
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        expires=shown.not_valid_after_utc.astimezone(UTC) if shown else None,
        verified=connection.context.verify_mode == ssl.CERT_REQUIRED,
        names=_names(shown) if shown else (),
        issuer=_called(shown.issuer) if shown else "",
    )


def described(encryption: Encryption | None) -> str:
    """Return the line that a check shows now; "" without TLS."""
    return encryption.describe(datetime.now(UTC)) if encryption else ""


def _loaded(certificate: bytes | None) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(certificate) if certificate else None
    except ValueError:
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return whom a certificate is for: its DNS names, else its subject's name."""
    try:
        kind = x509.SubjectAlternativeName
        found = certificate.extensions.get_extension_for_class(kind).value
        names = found.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        names = []
    names = names or [_called(certificate.subject)]
    return tuple(clean(name, limit=_NAME_BYTES) for name in names if name)


def _called(name: x509.Name) -> str:
    """Return how somebody is called: the common name, else the organisation."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in name.get_attributes_for_oid(kind):
            return clean(attribute.value, limit=_NAME_BYTES)
    return ""
