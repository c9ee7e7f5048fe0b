"""Every value reads back from its own text, and whatever is typed never crashes."""

from __future__ import annotations

import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.settings.fields import LIMIT_NAMES, SERVER_FIELDS, URL
from flask_smtpadmin.core.settings.limits import limits_text
from flask_smtpadmin.core.settings.parse import is_unset, parse, quoted, write

EVERY = {**KEYS, **SERVER_FIELDS, "URL": URL}
WRITTEN = [spec for spec in EVERY.values() if spec.kind != "servers"]
LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
HOST = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
#: what a person or a program might give
ANYTHING = st.one_of(
    st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(),
    st.lists(st.text()), st.dictionaries(st.text(), st.integers()),
    st.sampled_from(["keep", "on", "redirect:a@b", "[::1]", "redis://:p@h", "{}", "1e400", "-0"]),
)  # fmt: skip


def refusal(spec, raw):
    """Return why ``raw`` cannot be used, "" when it can."""
    try:
        parse(spec, raw)
    except ValueError as error:
        return str(error) or "?"
    return ""


@given(st.sampled_from(WRITTEN), ANYTHING)
def test_anything_is_a_value_or_one_sentence(spec, raw):
    """parse() returns a value that survives storing, or raises ValueError; nothing else."""
    if is_unset(spec, raw):
        return
    reason = refusal(spec, raw)
    assert reason != "?"
    assert "\n" not in reason
    if reason or callable(raw):
        return
    value = parse(spec, raw)
    text = write(spec, value)
    if not is_unset(spec, text):
        assert parse(spec, text) == value


SECRETS = [spec for spec in WRITTEN if spec.secret]
#: Words that the sentences name themselves, such as a scheme.
WORDS = {choice for spec in SECRETS for choice in spec.choices}


@given(st.sampled_from(SECRETS), LABEL.filter(lambda text: len(text) > 6 and text not in WORDS))
def test_a_refused_secret_is_not_quoted(spec, canary):
    """The sentence about a secret holds nothing of it."""
    wrong = (f"{canary}\n", f"x://u:{canary}@h", [canary, "\0"], {"a": canary}, f"{canary}\ud800")
    for raw in wrong:
        assert canary not in refusal(spec, raw)
    assert canary not in quoted(spec, canary) + quoted(EVERY["HOST"], f"smtps://u:{canary}@h")


@given(st.dictionaries(st.sampled_from(LIMIT_NAMES), st.integers(1, 10**9), min_size=1))
def test_limits_read_as_dict_json_and_pairs(limits):
    """All ways to write LIMITS mean the same."""
    spec = SERVER_FIELDS["LIMITS"]
    pairs = ", ".join(f"{name}={value}" for name, value in limits.items())
    for written in (limits, write(spec, limits), pairs, limits_text(limits)):
        assert parse(spec, written) == limits


def test_limits_read_as_people_write_them():
    """A number per period is a limit on messages, unless it says recipients."""
    limits = parse(SERVER_FIELDS["LIMITS"], "100/minute, 5000 messages / day,900 recipients/hour")
    assert limits == {"per_minute": 100, "per_day": 5000, "recipients_per_hour": 900}


@given(HOST)
def test_host_names_are_read(host):
    """Letters, digits and dots are a host, with or without capitals."""
    assert parse(SERVER_FIELDS["HOST"], host.upper()) == host


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("HOST", "[2001:DB8::1]", "2001:db8::1"),
        ("HOST", "bücher.example", "xn--bcher-kva.example"),
        ("PORT", "587 ", 587),
        ("PORT", 587.0, 587),
        ("VERIFY_CERT", "Off", False),
        ("VERIFY_CERT", 1, True),
        ("RETRY_DELAY", timedelta(minutes=1), 60.0),
        ("MAX_AGE", "432000", 432000.0),
        ("RETENTION_AUDIT", "KEEP", None),
        ("RETENTION_SENT", timedelta(days=3), 3),
        ("MODE", "redirect: Ada@Example.com", "redirect:Ada@example.com"),
        ("ACCENT", "#0F6E69", "#0f6e69"),
        ("URL_PREFIX", "/mail/", "/mail"),
        ("ALLOWED_PORTS", "2525, 2526", (2525, 2526)),
        ("ENCRYPTION_KEYS", ["a", " b, c"], ("a", "b", "c")),
    ],
)
def test_values_that_are_understood(name, raw, value):
    """What people write is read as they mean it."""
    found = parse(EVERY[name], raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("PORT", "abc", "'abc' is not a whole number"),
        ("PORT", "0", "not between 1 and 65535"),
        ("PORT", True, "not a whole number"),
        ("PORT", "4_6_5", "not a whole number"),
        ("TIMEOUT", "nan", "not a number"),
        ("TIMEOUT", "inf", "not between"),
        ("TLS_MODE", "ssl", "called implicit"),
        ("VERIFY_CERT", "maybe", "neither true nor false"),
        ("HOST", "smtp.example.com:587", "put it into PORT"),
        ("HOST", "smtps://u:pw@h", "a host name only"),
        ("HOST", "-a.example", "not a host name"),
        ("FROM_EMAIL", "Ada <ada@example.com>", "without a name"),
        ("FROM_EMAIL", "a@b, c@d", "a@b, c@d"),
        ("FROM_NAME", "Ada\r\nBcc: x@y", "line break"),
        ("LIMITS", "per_eon=1", "'per_eon' is not a limit such as 100/minute"),
        ("LIMITS", {"per_day": 0}, "above 0"),
        ("MODE", "redirct:a@b", "is not one of"),
        ("RETENTION_AUDIT", "1", "the word keep"),
        ("ACCENT", "teal", "not a colour such as #0f6e69"),
        ("URL_PREFIX", "admin", "not a path"),
        ("REDIS_URL", "http://x", "redis://"),
        ("DESCRIPTION", "x" * 2001, "longer than 2000"),
    ],
)
def test_sentences_for_what_cannot_be_used(name, raw, words):
    """Each refusal says what is wrong and how it should be."""
    assert words in refusal(EVERY[name], raw)
