"""What a failure means: exceptions and SMTP replies to one of a fixed list of causes.

Looked at in turn: the kind of exception, the words, the enhanced code (RFC 3463), and last the
basic code (RFC 5321) at its stage. The table of words stands in
:mod:`flask_smtpadmin.core.patterns`, what to do about a cause in
:mod:`flask_smtpadmin.core.advice`.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast, get_args

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.outcome import Outcome, Retry, Scope
from flask_smtpadmin.core.patterns import ENHANCED, PATTERNS
from flask_smtpadmin.core.redact import clean
from flask_smtpadmin.core.transaction import (
    HostRefused,
    ProtocolFault,
    SignInImpossible,
    StartTLSMissing,
    Transaction,
    TransportFailure,
)

#: Our phases by the names that failure reports use.
STAGES: Final = {
    "resolve": "dns",
    "connect": "tcp",
    "encrypt": "tls",
    "hello": "ehlo",
    "sign_in": "auth",
    "sender": "mail_from",
    "recipient": "rcpt_to",
    "body": "data",
    "done": "data",
}
_BEFORE_MAIL: Final = frozenset(
    {"dns", "tcp", "proxy", "tls", "greeting", "ehlo", "starttls", "auth", "oauth"}
)
_CODE: Final = re.compile(r"(?<![\d.])([2-5]\d\d)(?=[\s\-,:]|$)")
_ENHANCED: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3}\.\d{1,3})(?![\d.])")
#: OpenSSL's numbers for a certificate that does not verify (X509_V_ERR_*).
_CERTIFICATE: Final = {
    9: "cert_expired",
    10: "cert_expired",
    18: "cert_self_signed",
    19: "cert_self_signed",
    62: "cert_hostname_mismatch",
    64: "cert_hostname_mismatch",
}


def classify(
    text: str | bytes | BaseException,
    *,
    stage: str | None = None,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Outcome:
    """Say what a failure means; never raises.

    ``stage`` is where it happened, as a phase of ours or as in failure reports (``mail_from``);
    ``mechanism`` how the session signed in. Unknown stages and providers are ignored.
    """
    del provider  # no rule depends on it yet
    stage = STAGES.get(stage or "", stage or "")
    try:
        if isinstance(text, BaseException):
            return _of_exception(text, stage, mechanism or "")
        return _of_text(clean(text), stage, mechanism or "")
    except Exception:  # noqa: BLE001 - a strange failure must never hide the mail it belongs to
        return _outcome("server_busy", certain=False)


def classify_transaction(
    result: Transaction | TransportFailure,
    *,
    provider: str | None = None,
    mechanism: str | None = None,
) -> Outcome | None:
    """Classify how a transaction (or opening a session) ended; None when it was accepted.

    Recipients that were refused within an accepted transaction are classified one by one with
    ``classify(str(recipient.reply), stage="recipient")``.
    """
    if isinstance(result, Transaction) and result.accepted:
        return None
    said = str(result.reply) if result.reply is not None else result.error or ""
    return classify(said, stage=result.phase, provider=provider, mechanism=mechanism)


def _outcome(cause: str, odd: str = "", *, certain: bool = True) -> Outcome:
    """Return the outcome for ``cause``; ``odd`` is ``t``, ``p`` or a scope, where it differs."""
    known = advice(cause)
    retry = {"t": "transient", "p": "permanent"}.get(odd, known.retry)
    scope = odd if odd in get_args(Scope) else known.scope
    return Outcome(cause, cast("Retry", retry), cast("Scope", scope), known.text, certain)


# --- exceptions ---------------------------------------------------------------------------------

_KINDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (HostRefused, "host_not_allowed"),
    (StartTLSMissing, "starttls_unsupported"),
    (SignInImpossible, "auth_mechanism_unsupported"),
    (ConfigurationError, "misconfigured"),
    (ProtocolFault, "server_disconnected"),
    (ConnectionRefusedError, "connection_refused"),
)
_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


def _of_exception(error: BaseException, stage: str, mechanism: str) -> Outcome:
    if isinstance(error, TransportFailure):
        return classify_transaction(error, mechanism=mechanism) or _outcome("server_busy")
    for kind, cause in _KINDS:
        if isinstance(error, kind):
            return _outcome(cause)
    own = type(error).__module__ in {"builtins", "socket", "ssl"}
    found = _of_text(clean(_words(error)), stage, mechanism)
    if not own and found.certain:
        return found  # a library's own words say more than the kinds it derives from
    for special, decide in _SPECIAL:
        if isinstance(error, special):
            return decide(error, stage)
    below = error.__cause__ or error.__context__
    return _of_exception(below, stage, mechanism) if below is not None else found


def _words(error: BaseException) -> str:
    """Return an exception's text with a reply's bytes as text (aiosmtplib, smtplib)."""
    parts = (
        arg.decode("utf-8", "replace") if isinstance(arg, bytes) else arg for arg in error.args
    )
    return " ".join(map(str, parts)) or type(error).__name__


def _of_certificate(error: BaseException, _stage: str) -> Outcome:
    code = getattr(error, "verify_code", 0)
    return _outcome(_CERTIFICATE.get(code, "cert_untrusted_ca"))


def _of_tls(error: BaseException, stage: str) -> Outcome:
    reason = f"{getattr(error, 'reason', '')} {error}"
    found = _of_text(clean(reason), stage, "")
    return found if found.cause.startswith("tls_") else _outcome("tls_handshake_failed")


def _of_lookup(error: BaseException, _stage: str) -> Outcome:
    again = getattr(error, "errno", None) == socket.EAI_AGAIN
    return _outcome("dns_failure", "t" if again else "")


def _of_timeout(_error: BaseException, stage: str) -> Outcome:
    if stage == "dns":
        return _outcome("dns_failure", "t")
    if stage == "tls":
        return _outcome("tls_handshake_failed")
    return _outcome("connect_timeout" if stage == "tcp" else "response_timeout")


def _of_reset(error: BaseException, stage: str) -> Outcome:
    if stage == "tls" and isinstance(error, ConnectionError):
        return _outcome("tls_handshake_failed")
    return _outcome("server_disconnected")


def _of_system(error: BaseException, stage: str) -> Outcome:
    if getattr(error, "errno", None) in _UNREACHABLE:
        return _outcome("network_unreachable")
    return _of_text(clean(str(error)), stage, "")


#: Kinds that need a second look, the special before the general (a timeout is an OSError).
_SPECIAL: Final[tuple[tuple[type[BaseException], Callable[[BaseException, str], Outcome]], ...]] = (
    (ssl.SSLCertVerificationError, _of_certificate),
    (ssl.SSLError, _of_tls),
    (socket.gaierror, _of_lookup),
    (UnicodeError, _of_lookup),
    (TimeoutError, _of_timeout),
    (ConnectionError, _of_reset),
    (EOFError, _of_reset),
    (OSError, _of_system),
)

# --- text ---------------------------------------------------------------------------------------


def _of_text(text: str, stage: str, mechanism: str) -> Outcome:
    lowered = text.lower()
    code = _CODE.search(text)
    number = int(code[1]) if code else 0
    for cause, odd, pattern in PATTERNS:
        if pattern.search(lowered) and _fits(cause, stage):
            return _settled(_outcome(cause, odd), number, stage, mechanism)
    enhanced = _ENHANCED.search(text)
    if enhanced is not None and enhanced[2] in ENHANCED:
        found = _outcome(ENHANCED[enhanced[2]])
        return _settled(found, number or int(enhanced[1]) * 100, stage, mechanism)
    return _settled(_of_code(number, stage), number, stage, mechanism)


def _fits(cause: str, stage: str) -> bool:
    """Say whether ``cause`` can show itself at ``stage``: no recipient is unknown at sign-in."""
    if stage not in _BEFORE_MAIL:
        return True
    return advice(cause).family not in {"recipient", "message"}


def _settled(found: Outcome, code: int, stage: str, mechanism: str) -> Outcome:
    """Adjust an outcome to the code, the stage and the way of signing in."""
    if found.cause == "auth_bad_credentials" and "oauth" in mechanism.lower():
        return _outcome("oauth_token_invalid")
    if found.cause == "recipient_unknown" and stage == "mail_from":
        return _outcome("sender_domain_invalid")
    if found.cause == "starttls_unsupported" and 400 <= code < 500:  # noqa: PLR2004 - as below
        return _outcome("tls_temporarily_unavailable")
    if found.cause == "auth_bad_credentials" and stage == "auth" and 400 <= code < 500:  # noqa: PLR2004 - as below
        return _outcome("auth_temporary_failure")
    if 400 <= code < 500 and found.cause in _SOFTENED:  # noqa: PLR2004 - RFC 5321 4.2.1
        return replace(found, retry="transient")
    return found


#: A 4yz reply with these may mend itself (a resolver fault gives the same text).
_SOFTENED: Final = frozenset(
    {
        "recipient_unknown",
        "recipient_disabled",
        "sender_domain_invalid",
        "dmarc_spf_dkim_rejected",
        "ip_blocklisted",
        "rdns_missing",
        "helo_rejected",
        "starttls_required",
        "spam_rejected",
        "recipient_blocked_policy",
        "tls_handshake_failed",
    }
)

#: What a basic code alone suggests, by stage: (4yz, 5yz).
_BY_STAGE: Final = {
    "greeting": ("server_busy", "client_ip_not_allowed"),
    "ehlo": ("server_busy", "helo_rejected"),
    "starttls": ("tls_temporarily_unavailable", "starttls_unsupported"),
    "tls": ("tls_temporarily_unavailable", "starttls_unsupported"),
    "auth": ("auth_temporary_failure", "auth_bad_credentials"),
    "mail_from": ("server_busy", "sender_not_authorized"),
    "rcpt_to": ("greylisted", "recipient_unknown"),
    "data": ("server_busy", "spam_rejected"),
}
_BY_CODE: Final = {
    500: "syntax_error",
    501: "syntax_error",
    502: "syntax_error",
    503: "syntax_error",
    504: "syntax_error",
    530: "auth_required",
    552: "message_too_large",
}


def _of_code(code: int, stage: str) -> Outcome:
    """Decide by the basic code: a guess that never holds a server."""
    soft, hard = _BY_STAGE.get(stage, ("server_busy", "server_busy"))
    if stage == "auth" and code == 535:  # noqa: PLR2004 - RFC 4954 6: it has one meaning
        return _outcome(hard)
    if not code:
        cause = "syntax_error" if stage == "greeting" else "server_busy"
        return _outcome(cause, certain=False)
    if code < 500:  # noqa: PLR2004 - RFC 5321 4.2.1
        return replace(_outcome(soft, certain=False), retry="transient")
    if stage not in {"rcpt_to", "auth"} and code in _BY_CODE:
        return _outcome(_BY_CODE[code], certain=False)
    return replace(_outcome(hard, certain=False), retry="permanent")
