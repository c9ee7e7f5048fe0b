"""``flask smtp config`` and ``flask smtp presets``, for people and for programs."""

from __future__ import annotations

import json
import shlex

import pytest

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.settings.describe import config_document, env_document
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS

CANARY = "canary-7f3a"


@pytest.fixture
def run(make_app):
    """Return ``run("smtp config --json")`` on a site, and the site as ``run.site``."""
    site = make_app()

    def run(line):
        return site.app.test_cli_runner().invoke(args=shlex.split(line))

    run.site = site
    return run


def document(result):
    """Read stdout as the one JSON document that it must be."""
    return json.loads(result.stdout)


def test_config_names_value_origin_and_variable_of_every_field(run, monkeypatch):
    """All fields of all servers and all settings are there, secrets as set or not set."""
    monkeypatch.setenv("SMTPADMIN_URL", f"smtps://ada:{CANARY}@a.example")
    monkeypatch.setenv("SMTPADMIN_SERVERS__ACME__PORT", "26")
    result = run("smtp config --json")
    found = document(result)
    assert result.exit_code == 0
    assert CANARY not in result.output
    assert list(found["servers"]) == ["default", "acme"]
    fields = found["servers"]["default"]["fields"]
    assert list(fields) == [name.lower() for name in SERVER_FIELDS]
    assert fields["host"] == {
        "value": "a.example",
        "origin": "environment",
        "variable": "SMTPADMIN_URL",
        "locked": True,
    }
    assert fields["password"]["value"] == {"set": True}
    assert found["servers"]["acme"]["fields"]["password"]["value"] == {"set": False}
    assert found["settings"]["max_queue"]["value"] == 10_000
    assert {name.lower() for name in KEYS} - found["settings"].keys() == {"servers"}


def test_unusable_values_are_loud_for_people_and_programs(run, monkeypatch):
    """SMTPADMIN_PORT=abc: exit 0, the state and the reason in both forms."""
    monkeypatch.setenv("SMTPADMIN_PORT", "abc")
    monkeypatch.setenv("SMTPADMIN_HOTS", "x")
    server = document(run("smtp config --json"))["servers"]["default"]
    assert server["state"] == "misconfigured"
    problem = server["problems"][0]
    assert (problem["field"], problem["variable"]) == ("port", "SMTPADMIN_PORT")
    text = run("smtp config").output
    assert "MISCONFIGURED" in text
    assert "SMTPADMIN_PORT cannot be used: 'abc' is not a whole number." in text
    assert "Did you mean SMTPADMIN_HOST?" in text


def test_table_for_people(run, monkeypatch):
    """One aligned line for each field; secrets only as set or not set."""
    monkeypatch.setenv("SMTPADMIN_PASSWORD", CANARY)
    text = run("smtp config").output
    assert CANARY not in text
    line = next(line for line in text.splitlines() if line.startswith("  PASSWORD"))
    assert line.split() == ["PASSWORD", "set", "environment", "SMTPADMIN_PASSWORD"]


def test_env_reads_back_to_the_same_settings(run, read, monkeypatch):
    """--env prints lines that a shell reads, without secrets, and they give the same server."""
    values = {
        "host": "a.example",
        "port": "2525",
        "tls_mode": "starttls",
        "username": "ada",
        "password": CANARY,
        "from_name": 'Ada\'s "home" \\ Ünï',
        "subject_prefix": '["$HOME" `x`] ',
        "limits": "per_day=5",
        "verify_cert": "no",
    }
    settings = run.site.app.extensions["smtpadmin"].settings
    with run.site.app.app_context():
        settings.save_server("default", values)
        settings.save_server("acme", {"host": "b.example"}, create=True)
        settings.save_values({"max_queue": "5", "retention_sent": "keep"})
        saved = settings.snapshot()
    text = run("smtp config --env").output
    assert CANARY not in text
    assert "# SMTPADMIN_PASSWORD=\n" in text
    assert document(run("smtp config --env --json")) == {"env": text}
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    environ = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    again = read(environ | {"SMTPADMIN_PASSWORD": CANARY})
    for key, server in saved.servers.items():
        for name in SERVER_FIELDS:
            assert getattr(again.servers[key], name.lower()) == getattr(server, name.lower())
    assert (again["MAX_QUEUE"], again["RETENTION_SENT"]) == (5, None)


def test_documents_are_json(read):
    """Tuples, callables and None in settings survive the way to JSON."""
    config = {"SMTPADMIN_HOST_POLICY": lambda ip, port: True, "SMTPADMIN_ALLOWED_PORTS": [26]}
    snapshot = read(
        {}, config | {"SMTPADMIN_HOST": "h", "SMTPADMIN_REDIS_URL": f"redis://{CANARY}"}
    )
    found = json.loads(json.dumps(config_document(snapshot)))
    assert found["settings"]["host_policy"]["value"] == "callable"
    assert found["settings"]["allowed_ports"]["value"] == [26]
    text = env_document(snapshot, "MAIL_", KEYS)
    assert "# MAIL_REDIS_URL=" in text
    assert CANARY not in text


@pytest.mark.parametrize("name", ["it's `id`", "it's $HOME", "${SECRET_KEY}", "a\\$(id)"])
def test_no_line_of_the_env_file_is_expanded_or_run(read, name):
    """A saved name must not become a command of whoever loads the file."""
    snapshot = read({}, {"SMTPADMIN_HOST": "h", "SMTPADMIN_NAME": name})
    lines = env_document(snapshot, "SMTPADMIN_", KEYS).splitlines()
    assert [line for line in lines if "NAME" in line and not line.startswith("#")] == []
    assert "# SMTPADMIN_NAME is left out" in "\n".join(lines)
    plain = read({}, {"SMTPADMIN_HOST": "h", "SMTPADMIN_NAME": "a `b` $c"})
    assert "SMTPADMIN_NAME='a `b` $c'" in env_document(plain, "SMTPADMIN_", KEYS)


def test_presets(run):
    """47 providers with host, ports and the recommended one."""
    rows = document(run("smtp presets --json"))["presets"]
    gmail = rows[0]
    assert len(rows) == 47
    assert (gmail["key"], gmail["host"]) == ("gmail", "smtp.gmail.com")
    assert {"port": 465, "tls_mode": "implicit"} in gmail["ports"]
    assert gmail["recommended"] == {"port": 465, "tls_mode": "implicit"}
    assert "smtp.gmail.com" in run("smtp presets").output


@pytest.mark.parametrize(
    ("line", "code"), [("smtp config --bogus --json", "usage"), ("smtp nosuch --json", "usage")]
)
def test_wrong_usage_is_json_when_asked_for(run, line, code):
    """Errors follow --json too: one document on stdout, exit 2."""
    result = run(line)
    assert result.exit_code == 2
    assert document(result)["error"]["code"] == code
    assert run(line.replace("--json", "")).exit_code == 2


def test_missing_tables_are_an_error_of_the_command(make_app):
    """Without tables: exit 1, the command to run named, in both forms."""
    runner = make_app(create=False).app.test_cli_runner()
    result = runner.invoke(args=["smtp", "config", "--json"])
    assert result.exit_code == 1
    assert document(result)["error"]["code"] == "schema_missing"
    result = runner.invoke(args=["smtp", "config"])
    assert (result.exit_code, "flask db upgrade" in result.stderr) == (1, True)


def test_presets_that_a_word_may_mean(run):
    """QUERY finds by old words too, and says what replaced them."""
    (row,) = document(run("smtp presets smtp.live.com --json"))["presets"]
    assert row["key"] == "hotmail"
    assert "smtp-mail.outlook.com" in row["match"]["now"]
    found = document(run("smtp presets ada@gmx.com --json"))["presets"]
    assert [item["match"]["key"] for item in found] == ["gmx:com"]
    shown = run("smtp presets sendinblue").output
    assert "brevo" in shown
    assert "Brevo is its name now." in shown
    assert "gmail" not in shown
    assert "No provider is known by 'qwertz'" in run("smtp presets qwertz").output


def test_everything_about_one_preset(run):
    """--show: steps, sender, limits, dates, links; as JSON the same in one document."""
    shown = run("smtp presets --show microsoft365").output
    for words in ("587 starttls", "1. Switch on Authenticated SMTP", "2026-12-31", "SendAs",
                  "30 messages a minute", "https://aka.ms/smtp_auth_disabled"):  # fmt: skip
        assert words in shown
    assert "25 starttls" not in shown
    (row,) = document(run("smtp presets --show gmail --json"))["presets"]
    assert row["from_rule"]["kind"] == "own"
    assert row["limits"]["per_day"] == 500
    assert run("smtp presets --show nosuch").exit_code == 2
