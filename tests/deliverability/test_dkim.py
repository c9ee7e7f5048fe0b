"""DKIM keys: what kind, how long, still in use."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from flask_smtpadmin.core.deliverability.dkim import (
    DKIMError,
    DKIMKey,
    is_key,
    is_selector,
    parse_dkim,
)

# a modulus of any number of bits will do: nothing is signed with it
SPKI = {
    bits: rsa.RSAPublicNumbers(65537, (1 << bits) - 1).public_key() for bits in (1024, 2048, 4096)
}


def encoded(bits: int, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    """Return a public key as a record holds it."""
    return base64.b64encode(SPKI[bits].public_bytes(Encoding.DER, form)).decode()


@pytest.mark.parametrize("bits", SPKI)
@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_an_rsa_key_is_measured(bits: int, form: PublicFormat) -> None:
    """In both forms that are published, v= and k= given or not."""
    key = encoded(bits, form)
    assert parse_dkim(f"v=DKIM1; k=rsa; p={key}") == DKIMKey("rsa", bits)
    assert parse_dkim(f"p={key}").bits == bits


def test_spaces_within_the_key_do_not_matter() -> None:
    """Long records are often folded (RFC 6376 3.6.1)."""
    key = encoded(2048)
    assert parse_dkim(f"v=DKIM1 ; p = {key[:100]} \n {key[100:]} ;").bits == 2048


def test_an_ed25519_key_is_known() -> None:
    """RFC 8463: 32 bytes, without a wrapping."""
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    text = base64.b64encode(raw).decode()
    assert parse_dkim(f"v=DKIM1; k=ed25519; p={text}").kind == "ed25519"
    with pytest.raises(DKIMError, match="32 bytes"):
        parse_dkim(f"v=DKIM1; k=ed25519; p={encoded(2048)}")


def test_an_empty_key_is_a_withdrawn_one() -> None:
    """RFC 6376 3.6.1: p= without a value."""
    assert parse_dkim("v=DKIM1; p=").revoked
    assert parse_dkim("v=DKIM1; k=rsa; p= ;").revoked


def test_flags_are_read() -> None:
    """t=y is a test, t=s forbids subdomains."""
    key = parse_dkim(f"v=DKIM1; t=y:s; p={encoded(2048)}")
    assert (key.testing, key.strict) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "v=DKIM1",
        "v=DKIM2; p=AAAA",
        f"p={encoded(1024)}; v=DKIM1",
        "v=DKIM1; k=dsa; p=AAAA",
        "v=DKIM1; p=???",
        f"v=DKIM1; p={encoded(2048)[:-40]}",
        "v=DKIM1; p=MAA=",
        "v=DKIM1; p=AA==",
        f"v=DKIM1; s=tlsrpt; p={encoded(1024)}",
        f"v=DKIM1; p={encoded(1024)}; p={encoded(1024)}",
        "v=DKIM1; nonsense; p=AAAA",
    ],
)
def test_what_verifiers_cannot_use_is_an_error(text: str) -> None:
    """With a sentence that says why."""
    with pytest.raises(DKIMError, match=r"\w"):
        parse_dkim(text)


def test_other_texts_are_no_keys() -> None:
    """A wildcard may answer for any name; that is not a DKIM record."""
    assert not is_key("v=spf1 include:example.org -all")
    assert not is_key("some words")
    assert is_key("v=DKIM1; p=")
    assert is_key("k=rsa; p=AAAA")


def test_selectors_are_names() -> None:
    """What is typed goes into a DNS name, so it must be one."""
    assert is_selector("s1")
    assert is_selector("20260101._pm.x")
    for odd in ("", "a b", "a..b", "-a", "a" * 64, "ä", "a.", "*"):
        assert not is_selector(odd)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    """A key or a DKIMError."""
    for record in (text, f"v=DKIM1; p={text}", f"v=DKIM1; k=ed25519; p={text}"):
        is_key(record)
        try:
            parse_dkim(record)
        except DKIMError:
            continue


@given(st.binary(max_size=200))
def test_no_bytes_break_the_key_reader(raw: bytes) -> None:
    """DER that is anything but DER."""
    for key in (raw, b"\x30\x82\x01\x22" + raw, b"\x30\x88" + raw):
        try:
            parse_dkim(f"v=DKIM1; p={base64.b64encode(key).decode()}")
        except DKIMError:
            continue


def test_a_long_record_takes_no_time() -> None:
    """No pattern goes over it again and again."""
    started = time.perf_counter()
    assert not is_key(";" + " " * 4000)
    assert not is_selector("a" * 100_000)
    assert time.perf_counter() - started < 1.0
