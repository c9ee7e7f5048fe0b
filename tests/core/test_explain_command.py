"""``flask smtp explain`` tells people and programs what a reply means."""

from __future__ import annotations

import json

import pytest

REPLY = "535-5.7.8 Username and Password not accepted - gsmtp"


@pytest.fixture
def run(make_app):
    """Return ``run(*arguments, input=None)`` of the command on a site."""
    site = make_app()

    def run(*arguments, **options):
        return site.app.test_cli_runner().invoke(args=["smtp", "explain", *arguments], **options)

    return run


def test_json_holds_the_outcome_and_what_led_to_it(run):
    """All of the outcome, with family, code, enhanced and certain."""
    result = run(REPLY, "--stage", "auth", "--provider", "gmail", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document.pop("advice").startswith("Create an app password")
    assert document.pop("rule").startswith("words of gmail")
    assert document == {
        "cause": "auth_bad_credentials",
        "family": "auth",
        "retry": "permanent",
        "scope": "account",
        "code": 535,
        "enhanced": "5.7.8",
        "certain": True,
    }


def test_what_a_text_lacks_is_null(run):
    """No code, no enhanced code: a guess."""
    document = json.loads(run("hmm", "--json").stdout)
    assert (document["code"], document["enhanced"], document["certain"]) == (None, None, False)


def test_people_read_what_happened_why_and_numbered_what_to_do(run):
    """Also whether it is tried again, what it condemns, and what decided."""
    lines = run(REPLY, "--stage", "sign_in").output.splitlines()
    assert lines[0] == "Cause          auth_bad_credentials"
    assert lines[1].startswith("What happened  The server refused")
    assert lines[2].startswith("Why            ")
    assert lines[3].startswith("What to do     1. ")
    assert lines[4].startswith("               2. ")
    assert lines[-3] == "Again          not before somebody changes something"
    assert lines[-2].startswith("Concerns       the login")
    assert lines[-1].startswith('Decided by     words of gmail "')


def test_a_guess_says_that_it_is_one(run):
    """The basic code alone never holds a server."""
    output = run("550", "--stage", "data").output
    assert output.endswith("Decided by     basic code 550 (a guess: it never holds a server)\n")


def test_a_dash_reads_standard_input(run):
    """Any bytes, as they come from a log."""
    result = run("-", "--json", "--stage", "rcpt_to", input=b"550 5.1.1 \xff no such user\r\n")
    assert json.loads(result.stdout)["cause"] == "recipient_unknown"


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [("stage", "nowhere", "rcpt_to"), ("provider", "acme", "microsoft365")],
)
def test_what_is_not_known_is_wrong_usage(run, option, value, known):
    """The choices are named, in both forms."""
    result = run("550 x", f"--{option}", value)
    assert result.exit_code == 2
    assert repr(value) in result.output
    assert known in result.output
    result = run("550 x", f"--{option}", value, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["field"] == option


def test_the_mechanism_decides_where_the_words_do_not(run):
    """Microsoft says the same for a password and for a token."""
    text = "535 5.7.3 Authentication unsuccessful"
    causes = [
        json.loads(run(text, "--stage", "auth", "--mechanism", way, "--json").stdout)["cause"]
        for way in ("LOGIN", "XOAUTH2")
    ]
    assert causes == ["auth_bad_credentials", "oauth_token_invalid"]
