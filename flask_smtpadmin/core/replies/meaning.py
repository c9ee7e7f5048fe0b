"""Which cause it is, and what code, stage and way of signing in change about its meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.core.replies.reading import Reading


@dataclass(frozen=True, slots=True)
class Meaning:
    """A cause and what decided on it; ``retry`` and ``scope`` empty: as the cause has it."""

    cause: str
    rule: str
    retry: str = ""
    scope: str = ""
    certain: bool = True


_BEFORE_MAIL: Final = frozenset(
    {"dns", "tcp", "proxy", "tls", "greeting", "ehlo", "starttls", "auth", "oauth"}
)
_AFTER_SIGN_IN: Final = frozenset({"mail_from", "rcpt_to", "data"})
#: What nobody can know before MAIL, though its family can show itself there.
_LATER: Final = frozenset({"dmarc_spf_dkim_rejected", "sender_domain_invalid", "sandbox_mode"})
#: What nobody can know before RCPT, except about the sender's side.
_AT_RECIPIENT: Final = frozenset(
    {
        "recipient_unknown",
        "recipient_disabled",
        "recipient_mailbox_full",
        "recipient_address_invalid",
        "recipient_suppressed",
    }
)
#: What shows itself at sign-in; said elsewhere, such words mean something else.
_AT_SIGN_IN: Final = frozenset(
    {
        "auth_bad_credentials",
        "auth_policy_blocked",
        "auth_rate_limited",
        "auth_app_password_required",
        "oauth_token_invalid",
    }
)
_SIGN_IN_CODES: Final = frozenset({334, 454, 530, 534, 535})
#: Codes that only tell of the dialogue.
_PROTOCOL: Final = frozenset({500, 502, 503, 504})
#: What a link that is up and encrypted cannot have any more.
_OF_TLS: Final = frozenset({"tls_handshake_failed", "tls_mode_mismatch", "tls_version_unsupported"})


#: What greylisting is called. A 5yz reply without such a word never means it.
_GREYLISTING: Final = re.compile(
    r"gr[ea]y[- ]?list|greyl|postgrey|lista gris|liste grise|graue liste|grislisté|серы[йх] спис"
)
#: Postfix says whom it means, with words that are otherwise said of recipients.
_OF_SENDER: Final = re.compile(r"\bsender address rejected\b")


def fits(cause: str, reading: Reading) -> bool:
    """Say whether ``cause`` can show itself there: no recipient is unknown at sign-in."""
    if cause == "greylisted" and reading.kind == 5:  # noqa: PLR2004 - RFC 5321 4.2.1
        return bool(_GREYLISTING.search(reading.said))
    if cause in _AT_RECIPIENT and _OF_SENDER.search(reading.said):
        return False
    return _fits_stage(cause, reading)


def _fits_stage(cause: str, reading: Reading) -> bool:
    stage = reading.stage
    if cause in _AT_SIGN_IN and stage not in {"", "auth", "oauth"}:
        return reading.code in _SIGN_IN_CODES
    if cause == "helo_rejected" and reading.code in _PROTOCOL - {504}:
        return False  # the word was not understood, let alone the name
    if stage in _BEFORE_MAIL:
        early = advice(cause).family not in {"recipient", "message"} and cause not in _LATER
        return early or (cause == "greylisted" and stage == "greeting")
    if stage in _AFTER_SIGN_IN and cause in _OF_TLS:
        return False
    return not (stage == "mail_from" and cause in _AT_RECIPIENT)


#: What vague words and codes mean for sure, by stage: nothing else is refused there.
_ONLY: Final = frozenset(
    {
        ("greeting", "client_ip_not_allowed"),
        ("greeting", "ip_blocklisted"),
        ("ehlo", "helo_rejected"),
        ("starttls", "syntax_error"),
    }
)


def only_meaning(cause: str, reading: Reading) -> bool:
    """Say whether a vague sign of ``cause`` can mean nothing else at that stage."""
    return (reading.stage, cause) in _ONLY and reading.kind == 5  # noqa: PLR2004 - RFC 5321 4.2.1


#: A 4yz reply with these may mend itself (a resolver fault gives the same text).
_SOFTENED: Final = frozenset(
    {
        "client_ip_not_allowed",
        "content_blocked",
        "dmarc_spf_dkim_rejected",
        "helo_rejected",
        "ip_blocklisted",
        "rdns_missing",
        "recipient_address_invalid",
        "recipient_blocked_policy",
        "recipient_disabled",
        "recipient_unknown",
        "sender_domain_invalid",
        "server_busy",
        "spam_rejected",
        "syntax_error",
        "tls_handshake_failed",
    }
)
_WAITING_HELPS: Final = re.compile(r"later|try again|retry|temporar|moment|shortly|in a few")
_MAILBOX_LIMIT: Final = 552


def settled(found: Meaning, reading: Reading, mechanism: str) -> Meaning:
    """Adjust a meaning to the code, the stage and the way of signing in."""
    found = _other_cause(found, reading, mechanism)
    if found.retry:
        return found
    if reading.kind == 4 and found.cause in _SOFTENED:  # noqa: PLR2004 - RFC 5321 4.2.1
        return replace(found, retry="transient")
    if reading.kind == 5 and _stays(found.cause, reading):  # noqa: PLR2004 - RFC 5321 4.2.1
        # code and words contradict each other: no reason to hold a server
        return replace(found, retry="permanent", certain=found.cause != "server_busy")
    return found


def _stays(cause: str, reading: Reading) -> bool:
    """Say whether a 5yz reply means that waiting is no help, though the cause as such passes."""
    if cause == "server_busy":
        return not _WAITING_HELPS.search(reading.said)
    # RFC 5321 4.5.3.1.10: 552 is to be taken as "too many recipients for now"
    return cause == "too_many_recipients" and reading.code != _MAILBOX_LIMIT


#: Whose domain a failed look-up is about once the server itself was found.
_DOMAIN_OF: Final = {
    "mail_from": "sender_domain_invalid",
    "rcpt_to": "recipient_address_invalid",
    "data": "recipient_address_invalid",
}
#: What cannot be before there is a link, and what it is then.
_BEFORE_A_LINK: Final = {
    ("dns", "server_busy"): "dns_failure",
    ("dns", "response_timeout"): "dns_failure",
    ("dns", "connect_timeout"): "dns_failure",
    ("tcp", "response_timeout"): "connect_timeout",
    ("tcp", "server_busy"): "connect_timeout",
}
_CLOSING: Final = 421
_CREDENTIALS: Final = 535
#: "This host does not accept mail", for whatever reason (RFC 7504 3).
_NO_MAIL: Final = 521
#: What says of a refused sign-in that nobody looked at the password.
_LOGIN_IS_DOWN: Final = re.compile(
    r"temporar|transient|\blater\b|try again|busy|overload|maintenance|out of (order|service)"
    r"|(serv(er|ice)|backend|database|daemon|directory|ldap|radius|kerberos|saslauthd|system)\b"
    r".{0,16}\b(unavailable|not (available|responding|reachable)|unreachable|down|timed? ?out)"
    r"|connection (was )?(lost|refused)|internal (server )?error"
    r"|(can't|cannot|could not|unable to|failed to) (connect|reach|contact|query|access)"
)
#: What a 4yz reply to AUTH makes a fault of the login service.
_OUT_OF_ORDER: Final = frozenset({"auth_bad_credentials", "server_busy"})


def _other_cause(found: Meaning, reading: Reading, mechanism: str) -> Meaning:
    """Return what the same words mean at the stage at which they were said."""
    stage = reading.stage
    if stage in {"", "auth", "oauth"}:
        return _at_sign_in(found, reading, mechanism)
    if stage == "proxy":
        return _at_proxy(found, reading)
    if stage in _AFTER_SIGN_IN:
        return _at_envelope(found, stage)
    if stage in {"dns", "tcp"}:
        return replace(found, cause=_BEFORE_A_LINK.get((stage, found.cause), found.cause))
    if reading.code == _NO_MAIL and found.cause in {"server_busy", "recipient_address_invalid"}:
        return replace(found, cause="client_ip_not_allowed", retry="permanent")
    return _at_encryption(found, reading)


def _at_sign_in(found: Meaning, reading: Reading, mechanism: str) -> Meaning:
    soft = reading.kind == 4 and reading.code != _CLOSING  # noqa: PLR2004 - RFC 5321 4.2.1
    if reading.stage == "auth" and _refuses_login(reading):
        found = _at_refusal(found, reading)
    if found.cause == "auth_bad_credentials" and "oauth" in mechanism.lower():
        return replace(found, cause="oauth_token_invalid")
    if found.cause == "oauth_token_invalid" and reading.code == 334:  # noqa: PLR2004 - RFC 4954 4
        return replace(found, retry="transient")  # the refusal itself is still to come
    if found.cause in _OUT_OF_ORDER and reading.stage == "auth" and soft:
        return replace(found, cause="auth_temporary_failure")
    return found


def _refuses_login(reading: Reading) -> bool:
    """Say whether the codes themselves mean wrong credentials (RFC 4954 6)."""
    return reading.code == _CREDENTIALS or reading.enhanced == "5.7.8"


def _at_refusal(found: Meaning, reading: Reading) -> Meaning:
    """Take refused credentials for a passing fault only where the words leave no doubt."""
    known = advice(found.cause)
    if found.cause == "auth_bad_credentials":
        return replace(found, certain=True)
    passes = found.cause in {"auth_temporary_failure", "server_busy"} or (
        (found.retry or known.retry) == "transient" and known.family in {"connect", "tls"}
    )
    if not passes:
        return found
    if _LOGIN_IS_DOWN.search(reading.said):
        return replace(found, cause="auth_temporary_failure", retry="transient")
    if reading.code == _CREDENTIALS:
        return Meaning("auth_bad_credentials", f"basic code {reading.code}")
    return Meaning("auth_bad_credentials", f"enhanced code {reading.enhanced}")


def _at_proxy(found: Meaning, reading: Reading) -> Meaning:
    """Take whatever was said as the proxy's word: a link that failed may mend itself."""
    if found.cause == "proxy_failure":
        return found
    known = advice(found.cause)
    link = known.family == "connect" or found.cause == "server_busy"
    retry = found.retry or known.retry if link else "permanent"
    if reading.kind:  # HTTP: 403 and 407 are a refusal, 502 and 503 a fault
        retry = "permanent" if reading.kind == 4 else "transient"  # noqa: PLR2004 - RFC 9110 15
    return replace(found, cause="proxy_failure", retry=retry)


def _at_envelope(found: Meaning, stage: str) -> Meaning:
    if found.cause == "dns_failure":  # the server was found, so it is a domain of the envelope
        return replace(found, cause=_DOMAIN_OF[stage])
    if found.cause == "syntax_error" and stage == "data" and not found.scope:
        return replace(found, scope="message")
    return found


def _at_encryption(found: Meaning, reading: Reading) -> Meaning:
    soft = reading.kind == 4  # noqa: PLR2004 - RFC 5321 4.2.1
    # Exchange speaks of the next server with 4.4.3xx
    if found.cause == "starttls_unsupported" and soft and not reading.enhanced.startswith("4.4.3"):
        return replace(found, cause="tls_temporarily_unavailable")
    if found.cause == "syntax_error" and reading.stage == "starttls" and not soft:
        return replace(found, cause="starttls_unsupported")  # it does not know the word
    return found


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
#: What it is when nothing at all was said, by stage.
_SILENT: Final = {
    "dns": "dns_failure",
    "tcp": "connect_timeout",
    "proxy": "proxy_failure",
    "tls": "tls_handshake_failed",
    "starttls": "tls_handshake_failed",
    "greeting": "syntax_error",
}
_BY_CODE: Final = {
    (501, ""): "syntax_error",
    (501, "ehlo"): "helo_rejected",
    (501, "rcpt_to"): "recipient_address_invalid",
    (521, ""): "recipient_address_invalid",
    (521, "greeting"): "client_ip_not_allowed",
    (521, "ehlo"): "client_ip_not_allowed",
    (521, "mail_from"): "client_ip_not_allowed",
    (530, ""): "auth_required",
    (535, ""): "auth_bad_credentials",
    (552, ""): "message_too_large",
    (556, ""): "recipient_address_invalid",
}


def by_code(code: int, stage: str) -> Meaning:
    """Decide by the basic code: a guess that never holds a server."""
    rule = f"basic code {code}"
    if not code:
        return Meaning(_SILENT.get(stage, "server_busy"), "nothing", certain=False)
    soft, hard = _BY_STAGE.get(stage, ("server_busy", "server_busy"))
    if code < 500:  # noqa: PLR2004 - RFC 5321 4.2.1
        return Meaning(soft, rule, "transient", certain=False)
    if stage == "auth":
        mechanism = code in _PROTOCOL
        sure = code == _CREDENTIALS  # it has one meaning there
        return Meaning("auth_mechanism_unsupported" if mechanism else hard, rule, certain=sure)
    cause = _BY_CODE.get((code, stage)) or (stage != "rcpt_to" and _BY_CODE.get((code, "")))
    if code in _PROTOCOL:
        cause = "syntax_error"
    return Meaning(cause or hard, rule, "" if cause else "permanent", certain=False)
