"""Variables: files, URLs, named servers, prefixes and typing errors."""

from __future__ import annotations

import pytest

from flask_smtpadmin.core.settings.origins import Stored


def state(server):
    return server.host, server.port, server.tls_mode, server.username, server.password


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://a%40b:p%2Fw@h.example", ("h.example", 465, "implicit", "a@b", "p/w")),
        ("smtp://h.example", ("h.example", 587, "starttls", "", "")),
        ("smtp+plain://h.example", ("h.example", 25, "none", "", "")),
        ("smtps://u:p@[::1]:2465", ("::1", 2465, "implicit", "u", "p")),
        ("smtp://u:p@ss@h.example:26", ("h.example", 26, "starttls", "u", "p@ss")),
    ],
)
def test_url_sets_the_whole_endpoint(read, url, expected):
    """Scheme and port follow CONTRACT: smtps 465, smtp 587 with STARTTLS, smtp+plain 25."""
    server = read({"SMTPADMIN_URL": url}).default
    assert state(server) == expected
    assert server.problems == ()
    assert server.fields["host"].variable == "SMTPADMIN_URL"


def test_single_variable_beats_its_part_of_the_url(read):
    """SMTPADMIN_HOST wins over SMTPADMIN_URL; an implied port follows the TLS mode in force."""
    url = {"SMTPADMIN_URL": "smtps://u:p@a.example"}
    server = read(url | {"SMTPADMIN_HOST": "b.example", "SMTPADMIN_TLS_MODE": "starttls"}).default
    assert state(server) == ("b.example", 587, "starttls", "u", "p")


@pytest.mark.parametrize(
    "url",
    [
        "h.example",
        "https://h.example",
        "smtps://u:canary/x@h",
        "smtps://h:99999",
        "smtps://h:0",
        "smtps://u:can\nary@h",
        "smtps://u:can\tary@h",
        "smtps://h/path",
        "smtps://u:%FFcanary@h",
        "smtps://",
    ],
)
def test_unusable_url_is_named_and_not_quoted(read, url):
    """A URL that cannot be read makes the server misconfigured, its text shown nowhere."""
    server = read({"SMTPADMIN_URL": url}, {}, Stored({"server:default": {"HOST": "x"}})).default
    assert [problem.variable for problem in server.problems] == ["SMTPADMIN_URL"]
    assert "canary" not in repr(server) + repr(server.problems)


def test_url_works_for_named_servers_and_files(read, tmp_path):
    """SERVERS__<KEY>__URL_FILE is a URL in a file."""
    path = tmp_path / "url"
    path.write_text("smtps://u:p@a.example\r\n")
    server = read({"SMTPADMIN_SERVERS__ACME__URL_FILE": str(path)}).servers["acme"]
    assert state(server) == ("a.example", 465, "implicit", "u", "p")


def test_name_and_file_together_are_a_problem(read, tmp_path):
    """NAME and NAME_FILE at once: neither is taken."""
    path = tmp_path / "f"
    path.write_text("b.example")
    environ = {"SMTPADMIN_HOST": "a.example", "SMTPADMIN_HOST_FILE": str(path)}
    server = read(environ).default
    assert (server.host, server.state) == ("", "misconfigured")
    assert "SMTPADMIN_HOST_FILE are both set" in server.problems[0].message


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 70_000])
def test_file_that_cannot_be_read_is_a_problem(read, tmp_path, content):
    """No file, no text, too large: misconfigured, naming the variable."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    server = read({"SMTPADMIN_PASSWORD_FILE": str(path)}).default
    assert server.problems[0].variable == "SMTPADMIN_PASSWORD_FILE"
    assert "the file it names cannot be read" in server.problems[0].message
    assert server.password == ""


@pytest.mark.parametrize("name", ["PASSWORD_FILE", "URL_FILE", "PROXY_URL_FILE"])
def test_a_secret_in_the_place_of_its_file_is_not_quoted(read, name):
    """SMTPADMIN_PASSWORD_FILE=the-password-itself: pages and logs do not repeat it."""
    snapshot = read({f"SMTPADMIN_{name}": "smtps://u:canary@h"})
    assert snapshot.default.problems[0].variable == f"SMTPADMIN_{name}"
    assert "canary" not in repr(snapshot)
    other = read({"SMTPADMIN_HOST_FILE": "/no/host"}).default.problems[0]
    assert "'/no/host' cannot be read: No such file" in other.message


def test_a_byte_order_mark_is_no_part_of_a_secret(read, tmp_path):
    """An editor may put one in front of the text."""
    path = tmp_path / "secret"
    path.write_bytes(b"\xef\xbb\xbfs3cret\r\n")
    assert read({"SMTPADMIN_PASSWORD_FILE": str(path)}).default.password == "s3cret"


def test_only_one_newline_is_cut(read, tmp_path):
    """A second newline belongs to the value, and a password cannot hold one."""
    path = tmp_path / "f"
    path.write_text("secret\n\n")
    assert read({"SMTPADMIN_PASSWORD_FILE": str(path)}).default.problems


def test_named_servers_from_both_places(read):
    """Keys are taken from the environment and from app.config, in lower case."""
    environ = {"SMTPADMIN_SERVERS__A__B__HOST": "a.example", "SMTPADMIN_SERVERS__two__PORT": "26"}
    config = {"SMTPADMIN_SERVERS": {"Three": {"HOST": "c.example"}, "default": {"host": "d"}}}
    servers = read(environ, config).servers
    assert list(servers) == ["default", "a__b", "three", "two"]
    assert (servers["three"].host, servers["default"].host) == ("c.example", "d")


def test_the_same_field_twice_is_a_problem(read):
    """HOST and SERVERS__DEFAULT__HOST both speak of the server default."""
    environ = {"SMTPADMIN_HOST": "a", "SMTPADMIN_SERVERS__DEFAULT__HOST": "b"}
    assert "both set" in read(environ).default.problems[0].message


def test_prefix_can_be_changed(read):
    """ENV_PREFIX names other variables; the old ones count no more."""
    config = {"SMTPADMIN_ENV_PREFIX": "MAIL"}
    environ = {"MAIL_HOST": "a.example", "SMTPADMIN_PORT": "26", "MAIL_MAX_QUEUE": "7"}
    snapshot = read(environ, config)
    assert (snapshot.default.host, snapshot.default.port) == ("a.example", 465)
    assert snapshot.default.fields["host"].variable == "MAIL_HOST"
    assert snapshot["MAX_QUEUE"] == 7


def test_values_of_from_prefixed_env(read):
    """Digits arrive as numbers and words as booleans; a mangled text is refused, not guessed."""
    config = {"SMTPADMIN_PORT": 587, "SMTPADMIN_VERIFY_CERT": False, "SMTPADMIN_PASSWORD": 123456}
    server = read({}, config).default
    assert (server.port, server.verify_cert, server.password) == (587, False, "123456")
    problem = read({}, {"SMTPADMIN_PASSWORD": 1.5e9}).default.problems[0]
    assert "quotes" in problem.message
    assert "1500000000" not in problem.message


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SMTPADMIN_HOTS", "SMTPADMIN_HOST"),
        ("SMTPADMIN_PASWORD_FILE", "SMTPADMIN_PASSWORD_FILE"),
        ("SMTPADMIN_SERVERS__ACME__HOTS", "SMTPADMIN_SERVERS__ACME__HOST"),
        ("SMTPADMIN_MAXQUEUE", "SMTPADMIN_MAX_QUEUE"),
        ("SMTPADMIN_host", "SMTPADMIN_HOST"),
    ],
)
def test_typing_errors_are_pointed_out(read, variable, meant):
    """A variable that looks like a known one is a warning, and nothing waits for it."""
    snapshot = read({variable: "canary"})
    assert [warning.variable for warning in snapshot.warnings] == [variable]
    assert f"Did you mean {meant}?" in snapshot.warnings[0].message
    assert "canary" not in snapshot.warnings[0].message
    assert snapshot.problems == snapshot.default.problems == ()


def test_names_that_resemble_nothing_are_left_alone(read):
    """Other tools may use the prefix for their own variables."""
    assert read({"SMTPADMIN_TEST_REQUIRE": "all", "SMTPADMIN_": "", "OTHER": "x"}).warnings == ()


@pytest.mark.parametrize("servers", ["text", ["a"], {"bad key!": {"host": "a"}}, {"acme": "x"}])
def test_unusable_servers_in_app_config_are_shown(read, servers):
    """SMTPADMIN_SERVERS of a wrong shape does not crash, and is not ignored."""
    snapshot = read({}, {"SMTPADMIN_SERVERS": servers})
    assert list(snapshot.servers) == ["default"]
    assert snapshot.problems or snapshot.warnings


def test_app_name_is_the_default_from_name(read):
    """From name: SMTPADMIN_APP_NAME, else app.name unless that is app, wsgi or __main__."""
    assert read(app_name="shop").default.from_name == "shop"
    for name in ("app", "wsgi", "__main__"):
        assert read(app_name=name).default.from_name == ""
    assert read({"SMTPADMIN_APP_NAME": "Shop"}, app_name="app").default.from_name == "Shop"


def test_mode_is_record_while_testing(read):
    """TESTING changes the default of MODE, and nothing but the default."""
    assert read()["MODE"] == "live"
    assert read({}, {"TESTING": True})["MODE"] == "record"
    assert read({"SMTPADMIN_MODE": "live"}, {"TESTING": True})["MODE"] == "live"
