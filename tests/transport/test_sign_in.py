"""One sign-in, with one mechanism, never in the clear, and never in any text."""

from __future__ import annotations

import asyncio
import base64

import pytest
from support.scripted import Raw, ScriptedServer, scripted_server
from support.smtp import mail_server

from flask_smtpadmin.core.replies import classify_transaction
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import SignInImpossible, TransportFailure
from flask_smtpadmin.transport import open_session
from flask_smtpadmin.transport.smtp import permit_sign_in

ENGINES = ["aiosmtplib", "smtplib"]
PASSWORD = "pässwörd-with-canary"


async def opened(server: Server) -> None:
    session = open_session(server)
    try:
        await session.open()
    finally:
        await session.close()


def failure(server: ScriptedServer, engine: str = "aiosmtplib") -> TransportFailure:
    """Return the failure of a sign-in."""
    settings = server.settings(
        engine=engine, auth="password", username="user", password="wrong-canary"
    )
    with pytest.raises(TransportFailure) as caught:
        asyncio.run(opened(settings))
    assert caught.value.phase == "sign_in"
    return caught.value


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wrong_password_is_one_attempt(engine: str) -> None:
    """Three mechanisms on offer, one AUTH: accounts are locked after a few failures."""
    script = {"auth": "535 5.7.8 no"}
    with scripted_server(script, auth="PLAIN LOGIN CRAM-MD5") as server:
        failed = failure(server, engine)
    assert server.auths == 1
    outcome = classify_transaction(failed)
    assert outcome is not None
    assert (outcome.cause, outcome.scope) == ("auth_bad_credentials", "account")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("LOGIN PLAIN CRAM-MD5", "PLAIN"),
        ("CRAM-MD5 LOGIN XOAUTH2", "LOGIN"),
        ("CRAM-MD5", "CRAM-MD5"),
    ],
)
def test_the_mechanism_is_chosen_once(engine: str, offered: str, chosen: str) -> None:
    """PLAIN, else LOGIN, else CRAM-MD5."""
    with scripted_server({"auth": "535 5.7.8 no"}, auth=offered) as server:
        failure(server, engine)
    first = next(line for line in server.dialogues[0].commands if line.startswith("AUTH"))
    assert first.split()[1] == chosen


@pytest.mark.parametrize("engine", ENGINES)
def test_login_and_passwords_beyond_ascii_work(engine: str) -> None:
    """The password goes out as UTF-8, to a real server, with PLAIN and with LOGIN."""
    for excluded in ("PLAIN", "LOGIN"):
        with mail_server(
            "starttls", users={"user": PASSWORD}, auth_exclude_mechanism=[excluded]
        ) as server:
            asyncio.run(opened(server.settings(engine=engine)))
        assert server.sign_ins == [("user", True)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("offered", ["", "XOAUTH2 SCRAM-SHA-256"])
def test_without_a_common_mechanism_nothing_is_tried(engine: str, offered: str) -> None:
    """F18: the failure is the server's, not the account's."""
    with scripted_server(auth=offered) as server:
        failed = failure(server, engine)
    assert server.auths == 0
    outcome = classify_transaction(failed)
    assert outcome is not None
    assert outcome.cause == "auth_mechanism_unsupported"


@pytest.mark.parametrize("reply", ["454 4.7.0 temporary failure", "421 4.3.2 bye"])
def test_a_temporary_failure_of_the_login_service_is_transient(reply: str) -> None:
    """F18: waiting helps, and the account is not to blame."""
    with scripted_server({"auth": reply}, auth="PLAIN") as server:
        outcome = classify_transaction(failure(server))
    assert outcome is not None
    assert (outcome.retry, outcome.scope) == ("transient", "server")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_challenge_that_is_none_ends_the_attempt(engine: str) -> None:
    """F18: garbage after 334."""
    with scripted_server({"auth": Raw(b"334 !!!not base64!!!\r\n")}, auth="CRAM-MD5") as server:
        failure(server, engine)
    assert server.auths == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", ["{plain}", "{auth}", "{login}", "{hex}"])
def test_a_server_that_quotes_the_password_is_not_quoted(engine: str, form: str) -> None:
    """K5: the secret is taken out of the reply in every form in which AUTH sends it."""
    secret = "wrong-canary"
    quoted = form.format(
        plain=secret,
        auth=base64.b64encode(f"\0user\0{secret}".encode()).decode(),
        login=base64.b64encode(secret.encode()).decode(),
        hex=secret.encode().hex(),
    )
    with scripted_server({"auth": f"535 5.7.8 I got {quoted} from you"}, auth="PLAIN") as server:
        failed = failure(server, engine)
    assert "[secret removed]" in str(failed.reply)
    assert quoted not in str(failed.reply) + str(failed)


def test_no_password_crosses_an_open_link() -> None:
    """K4: loopback and an explicit switch are the exceptions; the connected address decides."""
    server = Server(key="default", auth="password", username="u", password="p")
    for ip in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        permit_sign_in(server, encrypted=False, ip=ip)
    permit_sign_in(server, encrypted=True, ip="192.0.2.1")
    for ip in ("192.0.2.1", "10.0.0.1", "2001:db8::1"):
        with pytest.raises(SignInImpossible):
            permit_sign_in(server, encrypted=False, ip=ip)
    allowed = Server(key="default", auth="password", allow_plaintext_auth=True)
    permit_sign_in(allowed, encrypted=False, ip="192.0.2.1")


def test_the_settings_never_show_the_password() -> None:
    """The value that travels through the code hides its secret."""
    assert "canary" not in repr(Server(key="default", password="canary"))
