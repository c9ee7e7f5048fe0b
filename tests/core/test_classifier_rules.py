"""The tables of words are sound, quick, and safe against replies that mean harm."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_smtpadmin.core.advice import advice, causes, first_steps
from flask_smtpadmin.core.replies import STAGES, classify, judge, rules
from flask_smtpadmin.core.replies.anchors import anchors
from flask_smtpadmin.core.replies.reading import LIMIT
from flask_smtpadmin.core.settings.presets import presets

EVERY = [
    *rules.words(""),
    *rules.table("general"),
    *(rule for provider in rules.providers() for rule in provider.rules),
]
STAGE_NAMES = {
    "dns", "tcp", "proxy", "tls", "greeting", "ehlo", "starttls", "auth", "oauth", "mail_from",
    "rcpt_to", "data",
}  # fmt: skip
TEXTS = (
    st.text(max_size=400)
    | st.binary(max_size=400)
    | st.sampled_from(
        ["550 ", "4.7.1", "334 ey" + "A" * 40, "\ud800", "(-1, b'')", "535 5.7.3", "@" * 300]
    )
)


def test_every_rule_names_a_cause_that_can_be_explained():
    """No rule, code or first step leads to a cause without advice."""
    named = {rule.cause for rule in EVERY} | set(rules.codes().values())
    named |= {cause for stages in rules.weak_codes().values() for cause in stages.values()}
    assert named | first_steps().keys() <= causes().keys()
    assert {stage for rule in EVERY for stage in rule.stages} <= STAGE_NAMES
    assert {rule.reply for rule in EVERY} <= {"", "silent", "4", "5"}


def test_every_table_is_looked_through_whatever_the_stage():
    """A stage changes the order, and leaves out only what cannot be said there."""
    for order in rules.BY_STAGE.values():
        assert set(order) <= set(rules.TABLES)
        assert len(set(order)) == len(order)


def test_no_expression_repeats_without_a_bound():
    """Only bounded quantifiers, and at most four gaps: the time of a search has a limit."""
    for rule in EVERY:
        bare = re.sub(r"\\.|\[[^\]]*\]", "", rule.pattern.pattern)
        assert not re.search(r"[*+]|\{\d+,\}", bare), rule.pattern.pattern
        assert len(re.findall(r"\.\{0,\d+\}", bare)) <= 4, rule.pattern.pattern


@given(st.data())
@settings(max_examples=200)
def test_an_anchor_stands_in_whatever_its_expression_finds(data):
    """Looking for the literals first never hides what the expression would have found."""
    rule = data.draw(st.sampled_from(EVERY))
    text = data.draw(st.from_regex(rule.pattern))
    found = rule.pattern.search(text.lower())
    if found is not None and text == text.lower():
        assert any(need in text for need in rule.needs), (text, rule.needs)


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        ("abc", {"abc"}),
        ("colou?r", {"colo"}),
        ("(ab|cd) efg", {" efg"}),
        ("(abc|de)", {"abc", "de"}),
        ("(abc)? de", {" de"}),
        ("x{0,3}yz", {"yz"}),
        (r"\d{3} abc(?!d)", {" abc"}),
        ("[abc]de", {"de"}),
    ],
)
def test_anchors_are_what_must_be_there(pattern, needs):
    """Optional parts, classes and lookarounds need nothing."""
    assert set(anchors(pattern)) == needs


def test_an_expression_without_a_word_is_refused():
    """It would have to be tried on every text."""
    with pytest.raises(ValueError, match="no word"):
        anchors(r"\d{3}")


def hostile() -> list[str]:
    """Return texts of the greatest length that make the expressions work hard."""
    often = sorted({need for rule in EVERY for need in rule.needs}, key=len)[::9]
    nouns = ["user ", "mail ", "ip host ", "not ", "address ", "from ", "helo ", "message size "]
    texts = [(word * LIMIT)[: 2 * 1024] for word in nouns]
    texts += [" ".join(often[n::7])[: 2 * 1024] for n in range(7)]
    return [*texts, "a" * 2048, "@" * 2048, "a@" * 1024, "1." * 1024, "ey" + "A" * 2046, " " * 2048]


def test_hostile_replies_take_little_time():
    """2 KB made to keep the expressions busy: each within a second, even on a busy machine."""
    for text in hostile():
        begun = time.process_time()
        classify("550 " + text, stage="rcpt_to")
        assert time.process_time() - begun < 1, text[:40]


def test_a_typical_reply_takes_well_under_a_millisecond():
    """A hundred in less than a tenth of a second of this process's time."""
    text = "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in local table"
    classify(text, stage="rcpt_to")
    begun = time.process_time()
    for _ in range(100):
        classify(text, stage="rcpt_to")
    assert time.process_time() - begun < 0.1


@given(
    TEXTS,
    st.none() | st.sampled_from([*STAGE_NAMES, *STAGES, "", "nonsense"]),
    st.none() | st.sampled_from(["gmail", "ses", "163", "nobody", ""]),
    st.none() | st.sampled_from(["PLAIN", "XOAUTH2", "OAUTHBEARER"]),
)
def test_whatever_comes_is_judged(text, stage, provider, mechanism):
    """It never raises; the cause can be explained and the words are from their lists."""
    found = judge(text, stage=stage, provider=provider, mechanism=mechanism)
    assert found.outcome.cause in causes()
    assert found.outcome.retry in {"transient", "permanent"}
    assert found.outcome.scope in {"server", "account", "sender", "recipient", "message"}
    assert found.outcome.advice
    assert found.rule


@pytest.mark.parametrize("cause", causes())
def test_every_cause_is_explained_in_full(cause):
    """What happened and why in a sentence, and steps that are sentences."""
    known = causes()[cause]
    assert known.what.endswith(".")
    assert known.why.endswith(".")
    assert known.steps
    for step in known.steps:
        assert step[0].isupper()
        assert step.endswith((".", "?"))


def test_first_steps_belong_to_presets():
    """What only a provider's customers must do is said to those whose preset it is."""
    assert {key for steps in first_steps().values() for key in steps} <= presets().keys()
    general, special = advice("sandbox_mode"), advice("sandbox_mode", "ses")
    assert special.steps[1:] == general.steps
    assert "SES" in special.steps[0]
    assert (
        classify("x", stage="auth", provider="ses").advice
        == advice(classify("x", stage="auth").cause, "ses").text
    )
