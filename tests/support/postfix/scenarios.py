"""How a real mail server can be set up, what is then asked of it, and what the check must say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from support.postfix.helpers import Helpers
from support.postfix.instance import DOMAIN, PASSWORD, USERNAME

ME = f"me@{DOMAIN}"
SLOW, FULL, FORGED = (f"{name}@{DOMAIN}" for name in ("slow", "full", "forged"))
_TLS = {"smtpd_tls_security_level": "may"}
_LOGIN = {"smtpd_sasl_auth_enable": "yes", "smtpd_tls_auth_only": "yes"}
_AT_ONCE = {"smtpd_delay_reject": "no"}
_POLICY = "smtpd_recipient_restrictions"
_NOT_OWNED = {
    "smtpd_sender_login_maps": f"inline:{{{{other@{DOMAIN} = nobody}}}}",
    "smtpd_sender_restrictions": "reject_sender_login_mismatch",
}

#: Options of smtpd by the name of a service; what it leaves out is as Postfix has it.
SERVICES: dict[str, dict[str, str]] = {
    "plain": {},
    "starttls": _TLS,
    "login": _TLS | _LOGIN,
    "implicit": {"smtpd_tls_wrappermode": "yes", "smtpd_sasl_auth_enable": "yes"},
    "implicit expired": {"smtpd_tls_wrappermode": "yes", "certificate": "expired"},
    **{name: _TLS | {"certificate": name} for name in ("expired", "self-signed")},
    **{name: _TLS | {"certificate": name} for name in ("stranger", "wrong-name")},
    "old TLS": _TLS | {"smtpd_tls_protocols": "TLSv1", "tls_medium_cipherlist": "ALL:@SECLEVEL=0"},
    "login is gone": _TLS | _LOGIN | {"smtpd_sasl_path": "private/gone"},
    "TLS only": {"smtpd_tls_security_level": "encrypt"} | _LOGIN,
    "no certificate": _TLS | {"certificate": "missing"},
    "no TLS just now": _TLS | {"smtpd_tls_CAfile": "/nothing/there"},
    "submission": _TLS | _LOGIN | {"smtpd_relay_restrictions": "permit_sasl_authenticated, reject"},
    "clients": {"smtpd_client_restrictions": "permit_sasl_authenticated, reject"},
    "small": {"message_size_limit": "200"},
    "silently small": {"message_size_limit": "200", "smtpd_discard_ehlo_keywords": "size"},
    "not owned": _TLS | _LOGIN | _NOT_OWNED,
    "not owned, at once": _TLS | _LOGIN | _NOT_OWNED | _AT_ONCE,
    "sender refused": {
        "smtpd_sender_restrictions": f"check_sender_access inline:{{{{app@{DOMAIN} = "
        "550 5.7.1 This sender is not allowed to use this server}}"
    },
    "unknown domain": {"smtpd_sender_restrictions": "reject_unknown_sender_domain"} | _AT_ONCE,
    "bare sender": {"smtpd_sender_restrictions": "reject_non_fqdn_sender"} | _AT_ONCE,
    "full name": {
        "smtpd_helo_required": "yes",
        "smtpd_helo_restrictions": "reject_non_fqdn_helo_hostname",
    },
    "reverse DNS": {"smtpd_client_restrictions": "reject_unknown_client_hostname"},
    "tarpit": {_POLICY: "sleep 1"},
    "deep tarpit": {_POLICY: "sleep 20"},
    "slow greeting": {"smtpd_client_restrictions": "sleep 20"} | _AT_ONCE,
    "policy": {_POLICY: "check_policy_service unix:private/policy"},
    "policy is gone": {_POLICY: "check_policy_service { unix:private/gone, max_idle=1s }"},
    "one at a time": {"smtpd_client_connection_count_limit": "1"},
    "disk full": {"queue_minfree": "100000000000000000"},
    "hourly rate": {"smtpd_client_message_rate_limit": "1"},
    "spam filter": {"cleanup_service_name": "strict"},
    "unlisted sender": {"smtpd_reject_unlisted_sender": "yes"} | _AT_ONCE,
    "block list": {
        "smtpd_client_restrictions": "check_client_access inline:{{127.0.0.1 = "
        "554 5.7.1 Blocked using bl.example.org, see https://bl.example.org/?127.0.0.1}}"
    },
    "postscreen": {
        "program": "postscreen",
        "postscreen_access_list": "inline:{{127.0.0.1 = reject}}",
        "postscreen_denylist_action": "drop",
        "postscreen_cache_map": "",
    },
}
#: What the policy server answers, by recipient.
POLICY = {
    SLOW: "450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/help/tidepool.example.html",
    FULL: "552 5.2.2 Mailbox is full",
    FORGED: "550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see "
    "http://www.openspf.net/Why?s=mfrom;id=app@tidepool.example;ip=203.0.113.7",
}


@dataclass(frozen=True)
class Scenario:
    """A service, how it is spoken to, and what must come of it.

    ``step``: where the ladder fails, "" when it does not. ``to``: whom the test message is for.
    ``before``: ``held`` keeps a connection open meanwhile, ``twice`` sends a message first.
    """

    fact: str
    service: str
    step: str
    cause: str
    to: str = ME
    settings: dict[str, Any] = field(default_factory=dict)
    before: str = ""


def _with(**changes: Any) -> dict[str, Any]:
    return {"tls_mode": "starttls", **changes}


def _login(**changes: Any) -> dict[str, Any]:
    return _with(auth="password", username=USERNAME, password=PASSWORD, **changes)


_WRONG: dict[str, Any] = {"auth": "password", "username": USERNAME, "password": "wrong horse"}
_QUICK = {"timeout": 2.0}

SCENARIOS = (
    # Nothing is wrong
    Scenario("no TLS, no login", "plain", "", ""),
    Scenario("STARTTLS and the right password", "login", "", "", settings=_login()),
    Scenario(
        "implicit TLS and the right password",
        "implicit",
        "",
        "",
        settings=_login() | {"tls_mode": "implicit"},
    ),
    Scenario("a short tarpit is waited for", "tarpit", "", ""),
    # Signing in
    Scenario(
        "the wrong password",
        "login",
        "sign_in",
        "auth_bad_credentials",
        settings=_with(**_WRONG),
    ),
    Scenario(
        "the wrong password, implicit TLS",
        "implicit",
        "sign_in",
        "auth_bad_credentials",
        settings=_WRONG | {"tls_mode": "implicit"},
    ),
    Scenario(
        "the server behind the login is down",
        "login",
        "sign_in",
        "auth_temporary_failure",
        settings=_login() | {"username": Helpers.OFFLINE},
    ),
    Scenario(
        "the server behind the login is not there at all",
        "login is gone",
        "hello",
        "server_disconnected",
        settings=_login(),
    ),
    Scenario(
        "a login that nobody offers",
        "starttls",
        "sign_in",
        "auth_mechanism_unsupported",
        settings=_login(),
    ),
    Scenario(
        "a login that is offered over TLS only",
        "login",
        "sign_in",
        "auth_mechanism_unsupported",
        settings=_login() | {"tls_mode": "none"},
    ),
    Scenario("submission without a login", "submission", "recipient", "relay_denied"),
    # TLS
    Scenario("self-signed", "self-signed", "encrypt", "cert_self_signed", settings=_with()),
    Scenario("expired", "expired", "encrypt", "cert_expired", settings=_with()),
    Scenario(
        "expired, implicit TLS",
        "implicit expired",
        "encrypt",
        "cert_expired",
        settings={"tls_mode": "implicit"},
    ),
    Scenario("wrong name", "wrong-name", "encrypt", "cert_hostname_mismatch", settings=_with()),
    Scenario(
        "the address in the place of the name",
        "wrong-name",
        "encrypt",
        "cert_hostname_mismatch",
        settings=_with(host="127.0.0.1"),
    ),
    Scenario("TLS 1.0 only", "old TLS", "encrypt", "tls_version_unsupported", settings=_with()),
    Scenario(
        "no certificate", "no certificate", "encrypt", "tls_handshake_failed", settings=_with()
    ),
    Scenario(
        "an authority of the server's own",
        "stranger",
        "encrypt",
        "cert_untrusted_ca",
        settings=_with(),
    ),
    Scenario("TLS demanded and not spoken", "TLS only", "sender", "starttls_required"),
    Scenario(
        "TLS demanded and not spoken, with a login",
        "TLS only",
        "sign_in",
        "auth_mechanism_unsupported",
        settings=_login() | {"tls_mode": "none"},
    ),
    Scenario("STARTTLS not offered", "plain", "encrypt", "starttls_unsupported", settings=_with()),
    Scenario(
        "STARTTLS out of order",
        "no TLS just now",
        "encrypt",
        "tls_temporarily_unavailable",
        settings=_with(),
    ),
    Scenario(
        "implicit TLS to a port for STARTTLS",
        "login",
        "encrypt",
        "tls_mode_mismatch",
        settings={"tls_mode": "implicit"},
    ),
    Scenario(
        "STARTTLS to a port for implicit TLS",
        "implicit",
        "greeting",
        "response_timeout",
        settings=_with(**_QUICK),
    ),
    # The network
    Scenario("a closed port", "closed", "connect", "connection_refused"),
    Scenario(
        "a port that swallows every packet",
        "black hole",
        "connect",
        "connect_timeout",
        settings={"host": "127.0.0.1"} | _QUICK,
    ),
    Scenario(
        "a name that is not there",
        "plain",
        "resolve",
        "dns_failure",
        settings={"host": "no-such-host.invalid", "timeout": 10.0},
    ),
    # The client
    Scenario("this machine is not let in", "clients", "recipient", "client_ip_not_allowed"),
    Scenario("postscreen hangs up", "postscreen", "greeting", "client_ip_not_allowed"),
    Scenario(
        "half a name in EHLO",
        "full name",
        "recipient",
        "helo_rejected",
        settings={"helo_name": "app"},
    ),
    Scenario("a block list", "block list", "recipient", "ip_blocklisted"),
    Scenario("no name in reverse DNS", "reverse DNS", "recipient", "rdns_missing"),
    # The sender
    Scenario("relaying", "plain", "recipient", "relay_denied", to="eve@reef.example"),
    Scenario(
        "another's address",
        "not owned",
        "recipient",
        "sender_not_authorized",
        settings=_login(from_email=f"other@{DOMAIN}"),
    ),
    Scenario(
        "another's address, told at once",
        "not owned, at once",
        "sender",
        "sender_not_authorized",
        settings=_login(from_email=f"other@{DOMAIN}"),
    ),
    Scenario("a sender on a list", "sender refused", "recipient", "sender_not_authorized"),
    Scenario(
        "a sender whose domain is not there",
        "unknown domain",
        "sender",
        "sender_domain_invalid",
        settings={"from_email": "app@nothing.invalid"},
    ),
    Scenario(
        "a sender without a domain",
        "bare sender",
        "sender",
        "syntax_error",
        settings={"from_email": "app@web"},
    ),
    Scenario(
        "a sender whom the server does not know",
        "unlisted sender",
        "sender",
        "sender_not_authorized",
    ),
    Scenario("SPF forbids it", "policy", "recipient", "dmarc_spf_dkim_rejected", to=FORGED),
    # The recipient
    Scenario("nobody", "plain", "recipient", "recipient_unknown", to=f"nobody@{DOMAIN}"),
    Scenario("greylisting", "policy", "recipient", "greylisted", to=SLOW),
    Scenario("a full mailbox", "policy", "recipient", "recipient_mailbox_full", to=FULL),
    # The message
    Scenario("a filter", "spam filter", "message", "spam_rejected"),
    Scenario("an announced limit", "small", "sender", "message_too_large"),
    Scenario("a limit found out", "silently small", "message", "message_too_large"),
    # The server
    Scenario("a tarpit", "deep tarpit", "recipient", "response_timeout", settings=_QUICK),
    Scenario("a slow greeting", "slow greeting", "greeting", "response_timeout", settings=_QUICK),
    Scenario(
        "too many at once", "one at a time", "greeting", "too_many_connections", before="held"
    ),
    Scenario("too fast", "hourly rate", "sender", "rate_limited", before="twice"),
    Scenario("a full disk", "disk full", "sender", "server_busy"),
    Scenario("a policy server that is gone", "policy is gone", "recipient", "server_busy"),
)
