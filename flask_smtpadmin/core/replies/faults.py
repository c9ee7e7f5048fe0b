"""What an exception means: those of the system, of TLS, of SMTP libraries, and our own."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from typing import Final

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.transaction import (
    HostRefused,
    ProtocolFault,
    SignInImpossible,
    StartTLSMissing,
)

#: Our own, and those that mean one thing only.
KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (HostRefused, "host_not_allowed"),
    (StartTLSMissing, "starttls_unsupported"),
    (SignInImpossible, "auth_mechanism_unsupported"),
    (ConfigurationError, "misconfigured"),
    (ProtocolFault, "server_disconnected"),
    (ConnectionRefusedError, "connection_refused"),
)
#: OpenSSL's numbers for a certificate that does not verify (X509_V_ERR_*).
_CERTIFICATE: Final = {
    9: "cert_expired",
    10: "cert_expired",
    18: "cert_self_signed",
    19: "cert_self_signed",
    62: "cert_hostname_mismatch",
    63: "cert_hostname_mismatch",
    64: "cert_hostname_mismatch",
}
_ERRNO: Final = {
    errno.ENETUNREACH: "network_unreachable",
    errno.EHOSTUNREACH: "network_unreachable",
    errno.ENETDOWN: "network_unreachable",
    errno.EADDRNOTAVAIL: "network_unreachable",
    errno.EAFNOSUPPORT: "network_unreachable",
    errno.EACCES: "network_unreachable",
    errno.EPERM: "network_unreachable",
    errno.ECONNREFUSED: "connection_refused",
    errno.ETIMEDOUT: "connect_timeout",
    errno.ECONNRESET: "server_disconnected",
    errno.EPIPE: "server_disconnected",
}


def words(error: BaseException) -> str:
    """Return an exception's text with a reply's bytes as text (aiosmtplib, smtplib)."""
    parts = (
        arg.decode("utf-8", "replace") if isinstance(arg, bytes) else arg for arg in error.args
    )
    return " ".join(map(str, parts)) or type(error).__name__


def is_builtin(error: BaseException) -> bool:
    """Say whether Python itself raised it: its kind then says more than its words."""
    return type(error).__module__ in {"builtins", "socket", "ssl"}


def of_kind(error: BaseException, stage: str) -> tuple[str, str] | None:
    """Return a cause and ``t`` or ``p`` where that differs; None when the kind tells nothing.

    An empty cause with ``tls``: the words decide among the causes of that family.
    """
    for kind, decide in _SPECIAL:
        if isinstance(error, kind):
            return decide(error, stage)
    return None


def _certificate(error: BaseException, _stage: str) -> tuple[str, str]:
    code = getattr(error, "verify_code", 0)
    if not code:
        return "", "tls"
    return _CERTIFICATE.get(code, "cert_untrusted_ca"), ""


def _tls(_error: BaseException, _stage: str) -> tuple[str, str]:
    return "", "tls"


def _lookup(error: BaseException, _stage: str) -> tuple[str, str]:
    again = getattr(error, "errno", None) == socket.EAI_AGAIN
    return "dns_failure", "t" if again else ""


def _letters(_error: BaseException, stage: str) -> tuple[str, str]:
    """Letters outside ASCII: in an address after sign-in, in the host name before."""
    if stage in {"mail_from", "rcpt_to", "data"}:
        return "smtputf8_unsupported", ""
    return "dns_failure", ""


def _timeout(_error: BaseException, stage: str) -> tuple[str, str]:
    if stage == "dns":
        return "dns_failure", "t"
    if stage == "tls":
        return "tls_handshake_failed", "t"
    return ("connect_timeout" if stage == "tcp" else "response_timeout"), ""


def _reset(error: BaseException, stage: str) -> tuple[str, str]:
    if stage == "tls" and isinstance(error, ConnectionError):
        return "tls_handshake_failed", "t"
    return "server_disconnected", ""


def _system(error: BaseException, _stage: str) -> tuple[str, str] | None:
    cause = _ERRNO.get(getattr(error, "errno", None) or 0)
    return (cause, "") if cause else None


_Decide = Callable[[BaseException, str], tuple[str, str] | None]
#: Kinds that need a second look, the special before the general (a timeout is an OSError).
_SPECIAL: Final[tuple[tuple[type[BaseException], _Decide], ...]] = (
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _lookup),
    (UnicodeError, _letters),
    (TimeoutError, _timeout),
    (ConnectionError, _reset),
    (EOFError, _reset),
    (OSError, _system),
)
