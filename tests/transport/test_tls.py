"""Encryption is what the settings say, or nothing is sent at all."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from support.scripted import Drop, Raw, ScriptedServer, Silence, Upgrade, scripted_server
from support.smtp import Authority, authority, mail_server

from flask_smtpadmin.core.replies import classify_transaction
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Connected, Envelope, TransportFailure
from flask_smtpadmin.transport import open_session

ENGINES = ["aiosmtplib", "smtplib"]
SECRET = "correct horse battery"
MAIL = Envelope("a@example.org", ("b@example.org",), b"Subject: x\r\n\r\nhello\r\n")


def connected(server: Server) -> Connected:
    """Open a session, hand one message over and return what was agreed on."""

    async def run() -> Connected:
        session = open_session(server)
        try:
            found = await session.open()
            assert (await session.transact(MAIL)).accepted
        finally:
            await session.close()
        return found

    return asyncio.run(run())


def refusal(server: ScriptedServer, **changes: Any) -> tuple[str, str]:
    """Return phase and cause of a session that must not be opened; nothing may leak."""
    settings = server.settings(auth="password", username="user", password=SECRET, **changes)
    with pytest.raises(TransportFailure) as caught:
        connected(settings)
    assert server.auths == 0
    assert b"MAIL" not in server.clear
    assert b"AUTH" not in server.clear
    outcome = classify_transaction(caught.value)
    assert outcome is not None
    return caught.value.phase, outcome.cause


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mode", ["implicit", "starttls", "none"])
def test_a_message_arrives_in_each_mode(engine: str, mode: Any) -> None:
    """The three modes do what they are called, with the certificate checked."""
    with mail_server(mode, users={"user": SECRET}) as server:
        found = connected(server.settings(engine=engine))
    assert server.received[0].encrypted == (mode != "none")
    assert found.tls.startswith("TLSv1.") == (mode != "none")
    assert server.sign_ins == [("user", True)]


@pytest.mark.parametrize("engine", ENGINES)
def test_starttls_that_is_not_offered_sends_nothing(engine: str) -> None:
    """F17: removed by a proxy or missing, there is no going on in the clear."""
    with scripted_server(auth="PLAIN") as server:
        found = refusal(server, engine=engine, tls_mode="starttls")
    assert found == ("encrypt", "starttls_unsupported")


@pytest.mark.parametrize("engine", ENGINES)
def test_starttls_that_is_refused_sends_nothing(engine: str) -> None:
    """F17: 454."""
    script = {"starttls": "454 4.7.0 TLS not available due to temporary reason"}
    with scripted_server(script, mode="starttls", auth="PLAIN") as server:
        found = refusal(server, engine=engine)
    assert found == ("encrypt", "tls_temporarily_unavailable")


@pytest.mark.parametrize("engine", ENGINES)
def test_bytes_injected_before_the_handshake_are_not_believed(engine: str) -> None:
    """F16: a reply slipped in behind the 220 never answers the EHLO that comes after TLS."""
    forged = b"220 go\r\n250-evil\r\n250 AUTH CRAM-MD5\r\n"
    with scripted_server({"starttls": Upgrade(forged)}, mode="starttls", auth="PLAIN") as server:
        settings = server.settings(engine=engine, auth="password", username="user", password=SECRET)
        found = connected(settings)
    assert "size" in found.extensions
    assert [line for line in server.dialogues[0].commands if line.startswith("AUTH PLAIN")]
    assert b"AUTH" not in server.clear


CERTIFICATES = {
    "cert_expired": lambda: authority().context(expired=True),
    "cert_hostname_mismatch": lambda: authority().context("mail.example.net"),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("cause", [*CERTIFICATES, "cert_self_signed", "tls_version_unsupported"])
def test_a_bad_certificate_or_version_ends_it(
    engine: str, mode: Any, cause: str, tmp_path: Any
) -> None:
    """F16: expired, for another host, of an unknown authority, TLS below 1.2."""
    if cause == "cert_self_signed":
        context = Authority(tmp_path).context()
    elif cause == "tls_version_unsupported":
        context = old_tls()
    else:
        context = CERTIFICATES[cause]()
    script = {"starttls": Upgrade(context=context)}
    with scripted_server(script, mode=mode, auth="PLAIN", context=context) as server:
        phase, found = refusal(server, engine=engine)
    assert phase == "encrypt"
    unknown = {"cert_self_signed", "cert_untrusted_ca"}
    old = {"tls_version_unsupported", "tls_handshake_failed"}
    assert found in next((group for group in (unknown, old) if cause in group), {cause})


def old_tls() -> ssl.SSLContext:
    """Return a server's context that only knows TLS 1.1."""
    context = authority().context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize("engine", ENGINES)
def test_checks_can_be_turned_off_and_only_then(engine: str) -> None:
    """VERIFY_CERT=0 accepts any certificate; the check says so."""
    context = authority().context("mail.example.net", expired=True)
    with mail_server("implicit", context=context) as server:
        found = connected(server.settings(engine=engine, verify_cert=False, ca_file=""))
    assert found.tls
    assert len(server.received) == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("banner", "causes"),
    [
        pytest.param("220 plain", {"tls_mode_mismatch"}, id="plain port"),
        pytest.param(Silence(), {"tls_handshake_failed", "response_timeout"}, id="stalled"),
        pytest.param(Drop(), {"tls_handshake_failed", "server_disconnected"}, id="closed"),
    ],
)
def test_implicit_tls_on_a_port_that_speaks_none(
    engine: str, banner: Any, causes: set[str]
) -> None:
    """F16: plain text, a stalled and a broken handshake are told apart."""
    limit = {"timeout": 1.0} if isinstance(banner, Silence) else {}
    with scripted_server({"banner": banner}, auth="PLAIN") as server:
        phase, cause = refusal(server, engine=engine, tls_mode="implicit", **limit)
    assert phase == "encrypt"
    assert cause in causes


def test_a_closed_link_without_farewell_is_an_end_like_any_other() -> None:
    """F16: no close_notify after the content is as uncertain as any lost link."""

    async def run(server: ScriptedServer) -> bool:
        session = open_session(server.settings())
        await session.open()
        result = await session.transact(MAIL)
        await session.close()
        return result.uncertain

    with scripted_server({"dot": Drop(reset=True)}, mode="implicit") as server:
        assert asyncio.run(run(server))


def test_replies_inside_tls_may_be_split_too() -> None:
    """F14 under TLS: the transaction protocol sits on the decrypted stream."""
    script = {"mail": Raw(b"250-a\r\n250 b\r\n", size=2, pause=0.002)}
    with scripted_server(script, mode="starttls", pipelining=True) as server:
        connected(server.settings())
    assert len(server.accepted) == 1


def test_a_file_that_cannot_be_read_fails_before_anything_is_sent() -> None:
    """CA_FILE and CLIENT_CERT_FILE are named, and no connection is made."""
    with scripted_server() as server:
        for field in ("ca_file", "client_cert_file"):
            with pytest.raises(TransportFailure) as caught:
                connected(server.settings(**{field: "/nowhere/at.all"}))
            assert field.upper() in str(caught.value.error)
    assert server.connections == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("mode", ["implicit", "starttls"])
def test_a_client_certificate_is_shown_to_a_server_that_asks(
    engine: str, mode: Any, tmp_path: Path
) -> None:
    """CLIENT_CERT_FILE holds certificate and key; without it such a server takes nothing."""
    own = tmp_path / "client.pem"
    certificate = authority().ca.issue_cert("app@example.org")
    certificate.private_key_and_cert_chain_pem.write_to_path(own)
    context = authority().context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority().ca_file)
    with mail_server(mode, context=context) as server:
        connected(server.settings(engine=engine, client_cert_file=str(own)))
        assert len(server.received) == 1
        with pytest.raises(TransportFailure) as caught:
            connected(server.settings(engine=engine))
    assert caught.value.phase in {"encrypt", "greeting", "hello"}
    assert len(server.received) == 1
