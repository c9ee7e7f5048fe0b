"""Failures are named by their kind, their words, then their codes; a guess says that it is one."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import aiosmtplib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.advice import causes
from flask_smtpadmin.core.replies import classify


@given(
    st.text() | st.binary(),
    st.none() | st.sampled_from(["auth", "rcpt_to", "sender", "done", "nonsense"]),
)
def test_whatever_comes_there_is_an_outcome(text: str | bytes, stage: str | None) -> None:
    """It never raises, and every cause is one that can be explained."""
    outcome = classify(text, stage=stage, provider="nobody", mechanism="XOAUTH2")
    assert outcome.cause in causes()
    assert outcome.retry in {"transient", "permanent"}
    assert outcome.advice


@pytest.mark.parametrize(
    ("error", "stage", "cause", "retry"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "dns", "dns_failure", "permanent"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "dns", "dns_failure", "transient"),
        (ConnectionRefusedError(111, "x"), "tcp", "connection_refused", "transient"),
        (OSError(101, "Network is unreachable"), "tcp", "network_unreachable", "transient"),
        (TimeoutError(), "connect", "connect_timeout", "transient"),
        (TimeoutError(), "greeting", "response_timeout", "transient"),
        (ConnectionResetError(104, "x"), "body", "server_disconnected", "transient"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "encrypt", "tls_mode_mismatch",
         "permanent"),
        (aiosmtplib.SMTPAuthenticationError(535, "5.7.8 bad"), "auth", "auth_bad_credentials",
         "permanent"),
        (aiosmtplib.SMTPServerDisconnected("Connection lost"), None, "server_disconnected",
         "transient"),
        (RecursionError(), None, "server_busy", "transient"),
    ],
)  # fmt: skip
def test_kinds_of_exceptions_are_told_apart(
    error: Exception, stage: Any, cause: str, retry: str
) -> None:
    """The operating system's own, TLS's and aiosmtplib's."""
    outcome = classify(error, stage=stage)
    assert (outcome.cause, outcome.retry) == (cause, retry)


@pytest.mark.parametrize(
    ("text", "stage", "cause"),
    [
        ("550 5.1.1 <x@example.org>: Recipient address rejected", "rcpt_to", "recipient_unknown"),
        ("552 5.2.2 mailbox full", "rcpt_to", "recipient_mailbox_full"),
        ("450 4.2.0 Greylisted", "rcpt_to", "greylisted"),
        ("554 5.7.1 relay access denied", "rcpt_to", "relay_denied"),
        ("530 5.7.0 Must issue a STARTTLS command first", "mail_from", "starttls_required"),
        ("550 5.7.26 DMARC policy", "done", "dmarc_spf_dkim_rejected"),
        ("421 4.7.0 Too many connections", "greeting", "too_many_connections"),
        (b"552 5.3.4 Message size exceeds fixed limit", "mail_from", "message_too_large"),
        ("554 5.4.6 Too many hops", "data", "mail_loop"),
    ],
)
def test_plain_cases_are_known_for_certain(text: Any, stage: str, cause: str) -> None:
    """Words first, enhanced codes next."""
    outcome = classify(text, stage=stage)
    assert (outcome.cause, outcome.certain) == (cause, True)


@pytest.mark.parametrize("text", ["550", "450 xyz", "554 no", "421", "500 hmm"])
@pytest.mark.parametrize("stage", ["greeting", "mail_from", "rcpt_to", "data"])
def test_a_basic_code_alone_is_a_guess(text: str, stage: str) -> None:
    """Such an outcome never holds a server; 4yz waits, 5yz does not."""
    outcome = classify(text, stage=stage)
    assert not outcome.certain
    assert outcome.retry == ("transient" if text[0] == "4" else "permanent")


def test_the_same_refusal_means_another_thing_with_a_token() -> None:
    """Microsoft says 535 5.7.3 for a wrong password and for a refused token."""
    text = "535 5.7.3 Authentication unsuccessful"
    assert classify(text, stage="auth", mechanism="PLAIN").cause == "auth_bad_credentials"
    assert classify(text, stage="auth", mechanism="XOAUTH2").cause == "oauth_token_invalid"
