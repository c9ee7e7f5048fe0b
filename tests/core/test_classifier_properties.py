"""What holds for replies in whatever words, as long as they do not plainly say something else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_smtpadmin.core.replies import classify

AFTER_MAIL = st.sampled_from(["mail_from", "rcpt_to", "data"])
STAGES = st.sampled_from(["greeting", "ehlo", "starttls", "auth", "mail_from", "rcpt_to", "data"])


def sayings(*words: str) -> Any:
    """Return texts of some of these words and of what no table knows."""
    return st.lists(st.sampled_from([*words, "xyz", "-", "(", "):"]), max_size=8).map(" ".join)


#: What greylisting is told by, too, but never in a 5yz reply.
WAITING = sayings(
    "service", "currently", "unavailable", "first", "contact", "new", "client", "postscreen",
    "verification", "in progress", "triplet", "unverified address", "deferred", "by policy",
    "temporarily", "retry in 300 seconds", "please try again later", "pregreet",
)  # fmt: skip
#: What is said of a refused login without a word of whose fault it is, or how long it lasts.
REFUSAL = sayings(
    "authentication", "login", "failed", "failure", "error:", "rejected", "denied", "unavailable",
    "reason", "not available", "account", "user", "credentials", "invalid", "unknown", "closed",
    "generic", "mechanism", "connection", "timeout", "new", "network", "tls",
)  # fmt: skip
#: Shared words; each may mean the client, the sender, the recipient or the message.
SHARED = sayings(
    "rejected", "refused", "denied", "access", "policy", "blocked", "not", "allowed", "accepted",
    "reasons", "content", "administrative",
)  # fmt: skip


@given(
    st.sampled_from(["500", "521", "535", "550 5.7.1", "553 5.3.2", "554 5.3.0"]), WAITING, STAGES
)
@settings(max_examples=400)
def test_a_5yz_reply_is_greylisting_only_by_that_name(code, words, stage):
    """Whoever greylists with a 5yz says so; anything else would be tried again in vain."""
    assert classify(f"{code} {words}", stage=stage).cause != "greylisted"


@pytest.mark.parametrize("name", ["Greylisted", "graylisting in action", "postgrey"])
@pytest.mark.parametrize("code", ["451 4.7.1", "550 5.7.1", "554"])
def test_greylisting_by_its_name_waits_whatever_the_code(name, code):
    """Said plainly it counts, although such a code should mean for good."""
    found = classify(f"{code} {name}, please wait", stage="rcpt_to")
    assert (found.cause, found.retry) == ("greylisted", "transient")


@given(st.sampled_from(["535", "535 5.7.8", "535 5.7.0", "535 5.7.3", "550 5.7.8"]), REFUSAL)
@settings(max_examples=400)
def test_refused_credentials_do_not_pass_by_themselves(code, words):
    """A password is not sent again and again for a word that may mean anything."""
    assert classify(f"{code} {words}", stage="auth").retry == "permanent"


@pytest.mark.parametrize(
    "plain",
    [
        "temporary failure",
        "try again later",
        "the login server is down",
        "authentication service unavailable",
        "cannot connect to the directory",
        "daily quota exceeded",
        "too many login attempts",
    ],
)
def test_refused_credentials_pass_where_that_is_said(plain):
    """The login service is out of order, or an allowance is used up."""
    assert classify(f"535 5.7.8 Error: {plain}", stage="auth").retry == "transient"


@given(st.sampled_from(["550", "550 5.7.1", "554 5.7.0", "554 5.7.3", "571"]), SHARED, AFTER_MAIL)
@settings(max_examples=400)
def test_shared_words_after_mail_are_no_certain_word_on_the_server(code, words, stage):
    """They hold no server: a certain permanent reply about it needs plainer words."""
    found = classify(f"{code} {words}", stage=stage)
    if found.retry == "permanent" and found.scope in {"server", "account"}:
        assert not found.certain, found


@given(st.sampled_from(["550", "554"]), st.from_regex(r"\A5\.[0-9]\.[0-9]\Z"), STAGES)
def test_busy_for_good_is_never_certain(code, enhanced, stage):
    """Code and cause contradict each other, so no server is held for it."""
    found = classify(f"{code} {enhanced} xyz", stage=stage)
    assert not (found.cause == "server_busy" and found.retry == "permanent" and found.certain)


@given(st.sampled_from(["5.0", "3.0", "4.0", "5.1", "5.2", "7.5", "7.7"]), AFTER_MAIL)
def test_vague_enhanced_codes_are_guesses(code, stage):
    """RFC 3463 gives them to whatever has no better one."""
    found = classify(f"554 5.{code} xyz", stage=stage)
    assert not found.certain, found
    assert re.fullmatch("[a-z_]+", found.cause)
