"""TLS as a client: one context per combination of settings, and what a handshake agreed on."""

from __future__ import annotations

import functools
import socket
import ssl
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.settings import Server


@dataclass(frozen=True, slots=True)
class Encryption:
    """What both sides agreed on; ``expires`` is when the server's certificate ends (or None)."""

    version: str
    cipher: str
    expires: datetime | None = None
    verified: bool = True

    def __str__(self) -> str:
        return f"{self.version} {self.cipher}"

    def describe(self) -> str:
        """Return the line that the check shows."""
        parts = [str(self)]
        if self.expires is not None:
            parts.append(f"certificate until {self.expires:%Y-%m-%d}")
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
    return Encryption(
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        expires=_expiry(connection.getpeercert(binary_form=True)),
        verified=connection.context.verify_mode == ssl.CERT_REQUIRED,
    )


def _expiry(certificate: bytes | None) -> datetime | None:
    if not certificate:
        return None
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc.astimezone(UTC)
    except ValueError:
        return None
