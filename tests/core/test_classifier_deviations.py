"""Where code, words and practice disagree, practice decides; kinds of exceptions say their part."""

from __future__ import annotations

import asyncio
import errno
import smtplib
import socket
import ssl

import aiosmtplib
import pytest

from flask_smtpadmin.core.replies import classify, judge
from flask_smtpadmin.core.transaction import HostRefused, Reply, SignInImpossible, TransportFailure

CHALLENGE = "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwifQ=="


@pytest.mark.parametrize(
    ("text", "stage", "cause"),
    [
        ("552 5.2.2 Mailbox full", "rcpt_to", "recipient_mailbox_full"),
        ("550 5.4.5 Daily user sending limit exceeded - gsmtp", "data", "daily_quota_exceeded"),
        ("550 5.7.0 too many emails per second", "data", "rate_limited"),
        ("550 Domain frequency limited", "mail_from", "rate_limited"),
        ("554 5.2.122 sender exceeded the limit to this recipient. See http://go.microsoft.com",
         "data", "recipient_rate_limited"),
        ("550 5.1.1 has sent to too many recipients this hour. IB607", "rcpt_to", "rate_limited"),
        ("554 IP is rejected, smtp auth error limit exceed", "auth", "auth_rate_limited"),
        ("552 5.5.3 Too many recipients", "rcpt_to", "too_many_recipients"),
        ("550 5.4.316 Message expired, connection refused - outlook.com", "data",
         "connection_refused"),
    ],
)  # fmt: skip
def test_some_5yz_pass_by_themselves(text, stage, cause):
    """Full mailboxes, allowances and rates: waiting helps, whatever the code says."""
    found = classify(text, stage=stage)
    assert (found.cause, found.retry) == (cause, "transient")


@pytest.mark.parametrize(
    ("text", "stage", "cause"),
    [
        ("440 mail from account doesn't conform with authentication", "mail_from",
         "sender_not_authorized"),
        ("450 The domain must be verified #MS42207", "data", "sender_not_verified"),
        ("450 SMTP account is not yet activated", "mail_from", "account_disabled"),
        ("451 See https://cr.yp.to/docs/smtplf.html.", "data", "message_malformed"),
        ("451 Open relay not allowed - mimecast", "rcpt_to", "relay_denied"),
        ("421 4.7.0 TLS required for RCPT domain, closing connection - gsmtp", "rcpt_to",
         "starttls_required"),
    ],
)  # fmt: skip
def test_some_4yz_never_pass(text, stage, cause):
    """A wrong From, a missing verification, bare line feeds: somebody must change something."""
    found = classify(text, stage=stage)
    assert (found.cause, found.retry) == (cause, "permanent")


@pytest.mark.parametrize(
    ("text", "stage", "cause"),
    [
        ("450 4.7.1 <x>: Helo command rejected: Host not found", "rcpt_to", "helo_rejected"),
        ("450 4.7.25 cannot find your hostname, [192.0.2.1]", "rcpt_to", "rdns_missing"),
        ("450 4.1.8 <a@x>: Sender address rejected: Domain not found", "mail_from",
         "sender_domain_invalid"),
        ("421 4.7.26 rate limited because it is unauthenticated - gsmtp", "data",
         "dmarc_spf_dkim_rejected"),
        ("451 4.1.1 User unknown", "rcpt_to", "recipient_unknown"),
    ],
)  # fmt: skip
def test_what_a_resolver_may_have_caused_stays_transient(text, stage, cause):
    """A 4yz with these words comes from a fault of the name servers, too."""
    found = classify(text, stage=stage)
    assert (found.cause, found.retry) == (cause, "transient")


@pytest.mark.parametrize(
    ("text", "retry"),
    [
        ("552-5.2.2 x is over quota - see ?p=OverQuotaPerm - gsmtp", "permanent"),
        ("452-4.2.2 x is over quota - see ?p=OverQuotaTemp - gsmtp", "transient"),
        ("552 5.2.2 user: extended quota violation", "permanent"),
        ("552 5.2.2 user over quota", "transient"),
    ],
)
def test_a_full_mailbox_waits_unless_it_is_said_to_be_full_for_good(text, retry):
    """Google and Comcast tell mailboxes that nobody empties any more."""
    found = classify(text, stage="rcpt_to")
    assert (found.cause, found.retry) == ("recipient_mailbox_full", retry)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("535 5.7.0 The email limit is reached. Please upgrade your plan", "plan_limit_reached"),
        ("535 Mail server has been suspended", "account_disabled"),
        ("535 Login Fail. Please enter your authorization code to login.",
         "auth_app_password_required"),
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled",
         "auth_smtp_disabled"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
         "auth_basic_disabled"),
        ("535 5.7.8 Error: authentication failed: Invalid authentication mechanism",
         "auth_mechanism_unsupported"),
        ("454 4.7.0 Temporary authentication failure", "auth_temporary_failure"),
        ("535 5.7.0 authentication failed: Connection lost to authentication server",
         "auth_temporary_failure"),
    ],
)  # fmt: skip
def test_not_every_refused_sign_in_is_a_wrong_password(text, cause):
    """535 hides limits, suspensions and switches."""
    assert classify(text, stage="auth").cause == cause


@pytest.mark.parametrize(
    "text",
    [
        "535 5.7.8 Error: authentication failed: (reason unavailable)",
        "535 5.7.8 Error: authentication failed: generic failure",
        "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
        "535 unavailable",
        "535 5.7.8 no such file",
        "550 5.7.8 unavailable for you",
    ],
)
def test_refused_credentials_are_a_wrong_password_unless_the_words_deny_it(text):
    """What a server cannot say about its reasons is no fault of its login service."""
    found = classify(text, stage="auth")
    assert (found.cause, found.retry) == ("auth_bad_credentials", "permanent")
    assert found.certain


@pytest.mark.parametrize(
    ("text", "stage", "cause"),
    [
        ("521 5.3.2 Service currently unavailable", "greeting", "client_ip_not_allowed"),
        ("521 no", "greeting", "client_ip_not_allowed"),
        ("554 5.7.1 <a@x>: Recipient address rejected: Access denied", "rcpt_to", "relay_denied"),
        ("550 5.4.1 Recipient address rejected: Access denied", "rcpt_to", "recipient_unknown"),
        ("550 5.1.0 <a@x>: Sender address rejected: User unknown in local recipient table",
         "mail_from", "sender_not_authorized"),
        ("550 5.1.0 <a@x>: Sender address rejected: User unknown in virtual mailbox table",
         "rcpt_to", "sender_not_authorized"),
        ("554 5.7.1 <a@x>: Sender address rejected: Access denied", "rcpt_to",
         "sender_not_authorized"),
    ],
)  # fmt: skip
def test_refusals_as_postfix_words_them(text, stage, cause):
    """Who is meant stands before "rejected", and a 521 means the client, not the service."""
    found = classify(text, stage=stage)
    assert (found.cause, found.retry) == (cause, "permanent")


def test_the_provider_makes_the_difference():
    """The same words mean a mechanism at one provider and a password elsewhere."""
    text = "553 5.3.0 Auth failure"
    assert classify(text, stage="auth", provider="naver").cause == "auth_mechanism_unsupported"
    assert classify(text, stage="auth", provider="postfix").cause == "auth_bad_credentials"


def test_a_provider_shows_itself_in_the_text():
    """Nobody named Gmail; its mark does."""
    judgement = judge("550-5.7.27 x does not pass - gsmtp", stage="data")
    assert judgement.outcome.cause == "dmarc_spf_dkim_rejected"
    assert judgement.rule.startswith("words of gmail")
    assert classify("550 5.7.27 x", stage="data").cause == "sender_domain_invalid"


def test_the_challenge_of_a_refused_token_is_read():
    """Base64 JSON; the refusal proper is still to come."""
    found = classify(CHALLENGE, stage="auth", mechanism="XOAUTH2")
    assert (found.cause, found.retry) == ("oauth_token_invalid", "transient")
    assert classify("334 eyJ" + "!" * 30, stage="auth").cause != "oauth_token_invalid"


def test_words_in_addresses_links_and_hosts_decide_nothing():
    """They belong to those who are written to."""
    text = "550 5.1.1 <spam-virus@greylist.example> see https://relay-denied.example/quota no"
    assert classify(text, stage="rcpt_to").cause == "recipient_unknown"


def test_a_reply_counts_more_than_what_a_library_says_about_it():
    """Nodemailer calls every refusal at AUTH an invalid login."""
    text = 'Invalid login: 502 5.5.1 Command "AUTH" not implemented'
    assert classify(text, stage="auth").cause == "auth_mechanism_unsupported"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("550 5.1.1 xyz", "enhanced code 5.1.1"),
        ("550 xyz", "basic code 550"),
        ("xyz", "nothing"),
        ("550 user unknown", 'words "user unknown"'),
    ],
)
def test_it_is_said_what_decided(text, rule):
    """For people who want to know why."""
    judgement = judge(text, stage="rcpt_to")
    assert judgement.rule == rule
    assert judgement.code == (550 if text.startswith("550") else 0)
    assert judgement.outcome.certain == (not rule.startswith(("basic", "nothing")))


def test_the_stage_is_read_from_the_text():
    """Postfix tells which command was answered."""
    text = "host a[192.0.2.1] said: 550 5.0.0 no (in reply to RCPT TO command)"
    assert classify(text).cause == classify(text, stage="rcpt_to").cause == "recipient_unknown"


@pytest.mark.parametrize(
    ("text", "retry"),
    [
        ("All offered SOCKS5 authentication methods were rejected", "permanent"),
        ("0x02: Connection not allowed by ruleset", "permanent"),
        ("Tunnel connection failed: 403 Forbidden", "permanent"),
        ("Tunnel connection failed: 503 Service Unavailable", "transient"),
        ("0x04: Host unreachable", "transient"),
        ("timed out", "transient"),
    ],
)
def test_whatever_a_proxy_says_is_its_own_failure(text, retry):
    """A refusal stays, a link that failed may mend itself."""
    found = classify(text, stage="proxy")
    assert (found.cause, found.retry, found.scope) == ("proxy_failure", retry, "server")


@pytest.mark.parametrize(
    ("stage", "cause"),
    [
        ("dns", "dns_failure"),
        ("mail_from", "sender_domain_invalid"),
        ("rcpt_to", "recipient_address_invalid"),
    ],
)
def test_a_name_that_is_not_found_is_the_one_that_was_asked_for(stage, cause):
    """The server's before there is a link, the sender's or the recipient's afterwards."""
    assert classify("Host or domain name not found", stage=stage).cause == cause


def certificate(code: int) -> ssl.SSLCertVerificationError:
    """Return the error that OpenSSL's verification ends with."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def chained() -> Exception:
    """Return aiosmtplib's empty error with the reason below it."""
    error = aiosmtplib.SMTPConnectError("")
    error.__cause__ = ssl.SSLError(1, "[SSL: NO_PROTOCOLS_AVAILABLE] no protocols available")
    return error


@pytest.mark.parametrize(
    ("error", "stage", "cause"),
    [
        (certificate(10), "tls", "cert_expired"),
        (certificate(18), "tls", "cert_self_signed"),
        (certificate(62), "tls", "cert_hostname_mismatch"),
        (certificate(20), "tls", "cert_untrusted_ca"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION]"), "tls", "tls_version_unsupported"),
        (ssl.SSLError(1, "[SSL] strange"), "tls", "tls_handshake_failed"),
        (chained(), "tls", "tls_version_unsupported"),
        (OSError(errno.ENETUNREACH, "x"), "tcp", "network_unreachable"),
        (OSError(errno.ETIMEDOUT, "x"), "tcp", "connect_timeout"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "dns", "dns_failure"),
        (asyncio.IncompleteReadError(b"", 3), "data", "server_disconnected"),
        (BrokenPipeError(errno.EPIPE, "x"), "data", "server_disconnected"),
        (TimeoutError(), "tls", "tls_handshake_failed"),
        (UnicodeEncodeError("ascii", "\xfc", 0, 1, "x"), "rcpt_to", "smtputf8_unsupported"),
        (aiosmtplib.SMTPConnectTimeoutError("Timed out connecting to a on port 1"), "tcp",
         "connect_timeout"),
        (aiosmtplib.SMTPReadTimeoutError("Timed out waiting for server response"), "data",
         "response_timeout"),
        (aiosmtplib.SMTPRecipientsRefused(
            [aiosmtplib.SMTPRecipientRefused(550, "5.1.1 no such user", "a@b")]), "rcpt_to",
         "recipient_unknown"),
        (aiosmtplib.SMTPDataError(552, "5.3.4 Message too big"), "data", "message_too_large"),
        (smtplib.SMTPSenderRefused(550, b"5.7.60 SMTP; send as denied", "a@b"), "mail_from",
         "sender_not_authorized"),
        (smtplib.SMTPRecipientsRefused({"a@b": (550, b"5.1.1 User unknown")}), "rcpt_to",
         "recipient_unknown"),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), "data",
         "server_disconnected"),
        (HostRefused("x"), "tcp", "host_not_allowed"),
        (SignInImpossible("x"), "auth", "auth_mechanism_unsupported"),
        (TransportFailure("greeting", reply=Reply(554, "5.7.1", "Client host blocked using x.org")),
         None, "ip_blocklisted"),
        (TransportFailure("connect", error=ConnectionRefusedError()), None, "connection_refused"),
    ],
    ids=repr,
)  # fmt: skip
def test_exceptions_are_judged_by_kind_words_and_what_lies_below(error, stage, cause):
    """Those of the system, OpenSSL, asyncio, smtplib, aiosmtplib, and our own."""
    assert classify(error, stage=stage).cause == cause


def test_a_chain_of_exceptions_that_bites_its_tail_ends():
    """Whatever a library does with causes, there is an outcome."""
    first, second = RuntimeError("x"), RuntimeError("y")
    first.__cause__, second.__cause__ = second, first
    assert classify(first).cause == "server_busy"
