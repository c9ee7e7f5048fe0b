"""TLS mode and port, signing in, plain text: what follows from the fields of one server."""

from __future__ import annotations

import pytest

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.catching import Mode, mode_of
from flask_smtpadmin.core.settings.origins import Stored, StoredServer


def env(**values):
    return {f"SMTPADMIN_{name}": str(value) for name, value in values.items()}


LOGIN = {"USERNAME": "u", "PASSWORD": "p"}


@pytest.mark.parametrize(
    ("given", "port", "mode"),
    [
        ({}, 465, "implicit"),
        *(({"PORT": port}, port, "implicit") for port in (465, 994, 2465, 8465, 443)),
        *(({"PORT": port}, port, "starttls") for port in (25, 587, 2525, 1025)),
        ({"TLS_MODE": "implicit"}, 465, "implicit"),
        ({"TLS_MODE": "starttls"}, 587, "starttls"),
        ({"TLS_MODE": "none"}, 25, "none"),
        ({"TLS_MODE": "none", "PORT": 465}, 465, "none"),
    ],
)
def test_port_and_tls_mode_follow_from_each_other(read, given, port, mode):
    """Unset, each is inferred from the other; both unset mean implicit TLS on 465."""
    server = read(env(HOST="a.example", **given)).default
    assert (server.port, server.tls_mode) == (port, mode)
    for name in ("PORT", "TLS_MODE"):
        origin = "environment" if name in given else "default"
        assert server.fields[name.lower()].origin == origin


@pytest.mark.parametrize(
    ("given", "port", "mode"),
    [
        ({}, 587, "starttls"),
        ({"PORT": 465}, 465, "implicit"),
        ({"TLS_MODE": "implicit"}, 465, "implicit"),
        ({"PORT": 9999}, 9999, "starttls"),
    ],
)
def test_a_preset_completes_the_pair(read, given, port, mode):
    """A port that the environment sets takes the TLS mode that the provider has there."""
    stored = Stored({}, {"default": StoredServer("sendgrid")})
    server = read(env(**given), {}, stored).default
    assert (server.port, server.tls_mode) == (port, mode)


def test_unusable_port_leaves_the_rest_standing(read):
    """SMTPADMIN_PORT=abc: misconfigured with the reason, the given text shown, no crash."""
    server = read(env(HOST="a.example", PORT="abc")).default
    assert (server.state, server.usable, server.port) == ("misconfigured", False, 465)
    problem = server.problems[0]
    assert (problem.field, problem.variable) == ("port", "SMTPADMIN_PORT")
    assert "'abc' is not a whole number" in problem.message
    assert server.fields["port"].shown() == "abc"


def test_unusable_value_hides_what_stands_below(read):
    """A value that cannot be used is not replaced by a saved one."""
    stored = Stored({"server:default": {"PORT": "2525", "HOST": "a.example"}})
    server = read(env(PORT="abc"), {}, stored).default
    assert server.port != 2525
    assert server.problems


@pytest.mark.parametrize(
    ("given", "auth", "fields"),
    [
        ({}, "none", []),
        (LOGIN, "password", []),
        ({"USERNAME": "u"}, "password", ["password"]),
        ({"AUTH": "password"}, "password", ["username", "password"]),
        ({"AUTH": "none", "USERNAME": "u"}, "none", []),
        ({"AUTH": "oauth2", "USERNAME": "u"}, "oauth2", ["auth"]),
        ({"ENGINE": "console", "AUTH": "password"}, "password", []),
    ],
)
def test_sign_in(read, given, auth, fields):
    """AUTH unset is password with a user name, else none; what is missing is named."""
    server = read(env(HOST="a.example", **given)).default
    assert server.auth == auth
    assert sorted(problem.field for problem in server.problems) == sorted(fields)


def test_missing_password_names_its_variable(read):
    """The sentence names the variable that would help."""
    server = read({"SMTPADMIN_SERVERS__ACME__USERNAME": "u"}).servers["acme"]
    assert "SMTPADMIN_SERVERS__ACME__PASSWORD" in server.problems[0].message


@pytest.mark.parametrize(
    ("host", "given", "problem", "warned"),
    [
        ("mail.example", {}, False, ["tls_mode"]),
        ("127.0.0.1", {}, False, []),
        ("mail.example", LOGIN, True, []),
        ("localhost.evil.example", LOGIN, True, []),
        ("10.0.0.1", LOGIN, True, []),
        ("127.0.0.5", LOGIN, False, []),
        ("[::1]", LOGIN, False, []),
        ("localhost", LOGIN, False, []),
        ("mail.example", {**LOGIN, "ALLOW_PLAINTEXT_AUTH": 1}, False, ["allow_plaintext_auth"]),
        ("mail.example", {**LOGIN, "AUTH": "none"}, False, ["tls_mode"]),
    ],
)
def test_plain_text(read, host, given, problem, warned):
    """TLS mode none with a sign-in is for loopback, or must be allowed by name."""
    server = read(env(HOST=host, TLS_MODE="none", **given)).default
    assert [item.field for item in server.problems] == (["tls_mode"] if problem else [])
    assert [item.field for item in server.warnings] == warned


@pytest.mark.parametrize(
    ("port", "mode", "fix"),
    [(587, "implicit", "starttls"), (465, "starttls", "implicit"), (465, "none", "implicit")],
)
def test_crossed_pair_is_a_warning(read, port, mode, fix):
    """Implicit TLS on 587 and STARTTLS on 465 are explained, not blocked."""
    server = read(env(HOST="127.0.0.1", PORT=port, TLS_MODE=mode)).default
    assert server.problems == ()
    assert fix in server.warnings[0].message


def test_certificate_files_must_be_readable(read, tmp_path):
    """CA_FILE that is not there: misconfigured, not a surprise at delivery."""
    server = read(env(HOST="a.example", CA_FILE=tmp_path / "no.pem")).default
    assert [problem.variable for problem in server.problems] == ["SMTPADMIN_CA_FILE"]


def test_a_path_that_no_system_takes_is_a_problem(read):
    """A name too long for the file system misconfigures the server and crashes nothing."""
    server = read(env(HOST="a.example", CA_FILE="x" * 300)).default
    assert [problem.field for problem in server.problems] == ["ca_file"]


def test_a_proxy_is_a_problem_while_there_is_no_proxying(read):
    """PROXY_URL set: said at once, not at each delivery."""
    server = read(env(HOST="a.example", PROXY_URL="socks5://u:canary@p")).default
    assert [problem.field for problem in server.problems] == ["proxy_url"]
    assert "canary" not in server.problems[0].message


def test_a_password_without_a_user_name_is_pointed_out(read):
    """Nobody signs in then: a warning, because the mail may go out all the same."""
    server = read(env(HOST="a.example", PASSWORD="s3cret")).default
    assert (server.auth, server.problems) == ("none", ())
    assert "no user name" in server.warnings[0].message


def test_unusable_global_setting_holds_every_server(read):
    """MODE=redirct:... must not send mail to real people: every server waits."""
    environ = env(HOST="a.example", MODE="redirct:a@b")
    snapshot = read(environ | {"SMTPADMIN_SERVERS__ACME__HOST": "b.example"})
    assert [server.state for server in snapshot.servers.values()] == ["misconfigured"] * 2
    assert snapshot["MODE"] == "live"
    assert snapshot.problems[0].variable == "SMTPADMIN_MODE"


def test_the_mode_is_read_with_its_address_and_its_list(read):
    """CATCH_ALLOW belongs to MODE; without either mail is live."""
    environ = env(MODE="redirect:me@example.org", CATCH_ALLOW="a.example")
    assert mode_of(read(environ)) == Mode("redirect", "me@example.org", ("a.example",))
    assert mode_of(read(env())).live


def test_an_allowed_domain_that_cannot_be_meant_holds_everything(read):
    """Nothing goes out, the variable and the entry are named, and nobody passes."""
    snapshot = read(env(HOST="a.example", MODE="catch", CATCH_ALLOW="good.example *"))
    assert snapshot.default.state == "misconfigured"
    assert snapshot.problems[0].variable == "SMTPADMIN_CATCH_ALLOW"
    assert "'*'" in snapshot.problems[0].message
    assert mode_of(snapshot) == Mode("catch")


@pytest.mark.parametrize("name", ["CSP", "URL_PREFIX", "BASE_TEMPLATE", "REDIS_URL", "LOG_DIR"])
def test_a_setting_that_no_mail_hangs_on_holds_none(read, name):
    """An unusable setting of the pages or the doorbell is a problem, and mail goes out."""
    snapshot = read(env(HOST="a.example") | {f"SMTPADMIN_{name}": "a\nb"})
    assert snapshot.default.usable
    assert [problem.variable for problem in snapshot.problems] == [f"SMTPADMIN_{name}"]
    assert snapshot.harmless == snapshot.problems
    assert snapshot[name] == KEYS[name].default


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODE", "x"),
        ("CATCH_ALLOW", "*"),
        ("HOST_POLICY", "x"),
        ("ALLOWED_PORTS", "x"),
        ("ENCRYPTION_KEYS", "\0"),
        ("MAX_QUEUE", "x"),
        ("RETRY_DELAY", "x"),
        ("MAX_AGE", "x"),
        ("ON_UNCERTAIN", "x"),
        ("WINDOW", "x"),
        ("RETENTION_SENT", "x"),
        ("BASE_URL", "x"),
        ("APP_NAME", "a\nb"),
    ],
)
def test_a_setting_that_mail_hangs_on_holds_it(read, name, value):
    """Whether, where or how mail is sent or kept is never guessed."""
    snapshot = read(env(HOST="a.example") | {f"SMTPADMIN_{name}": value})
    assert snapshot.default.state == "misconfigured"
    assert snapshot.harmless == ()


def test_default_server_always_exists_and_rows_alone_make_none(read):
    """A health row of a server that is gone does not bring it back."""
    stored = Stored({}, {"gone": StoredServer(), "preset": StoredServer("gmail")})
    assert list(read({}, {}, stored).servers) == ["default", "preset"]


def test_preset_that_is_gone_is_a_problem(read):
    """A saved preset key that no longer exists is named."""
    server = read({}, {}, Stored({}, {"default": StoredServer("nosuch")})).default
    assert (server.state, server.problems[0].field) == ("misconfigured", "preset")


def test_google_app_password_loses_its_spaces(read):
    """Google shows 16 letters in groups of four; elsewhere spaces belong to the password."""
    given = {"USERNAME": "u@gmail.com", "PASSWORD": "abcd efgh ijkl mnop"}
    assert read(env(HOST="smtp.gmail.com", **given)).default.password == "abcdefghijklmnop"
    assert read(env(HOST="mail.example", **given)).default.password == given["PASSWORD"]


def test_fingerprint_sees_what_changes_the_sending(read):
    """Password, host and port change it; a note does not."""
    base = env(HOST="a.example", **LOGIN)
    prints = {
        read(base | env(**change)).default.fingerprint
        for change in ({}, {"PASSWORD": "q"}, {"HOST": "b.example"}, {"PORT": 26})
    }
    assert len(prints) == 4
    assert read(base | env(DESCRIPTION="x")).default.fingerprint in prints
