"""A zone in which all is well for example.com sent through SendGrid, and what spoils it."""

from __future__ import annotations

import base64
from copy import deepcopy
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Zone = dict[str, dict[str, list[str]]]


def key(bits: int = 2048) -> str:
    """Return an RSA key record; nothing is ever signed with it."""
    public = rsa.RSAPublicNumbers(65537, (1 << bits) - 1).public_key()
    raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode()}"


def quoted(text: str) -> str:
    """Return a text as a zone file writes it: strings of at most 255 bytes."""
    parts = [text[at : at + 255] for at in range(0, len(text), 255)] or [""]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)


_GOOD: Final[Zone] = {
    "example.com": {
        "MX": ["10 mx.example.com."],
        "TXT": [quoted("v=spf1 include:sendgrid.net -all"), quoted("some-site-verification=x")],
    },
    "mx.example.com": {"A": ["192.0.2.25"]},
    "sendgrid.net": {"TXT": [quoted("v=spf1 ip4:198.51.100.0/24 ~all")]},
    "s1._domainkey.example.com": {"TXT": [quoted(key())]},
    "s2._domainkey.example.com": {"TXT": [quoted(key())]},
    "_dmarc.example.com": {"TXT": [quoted("v=DMARC1; p=reject; rua=mailto:dmarc@example.com")]},
    "smtp.sendgrid.net": {"A": ["198.51.100.1"]},
}


def good(**changes: dict[str, list[str]] | None) -> Zone:
    """Return a copy of the zone; in the names of ``changes`` ``__`` is a dot, None removes."""
    zone = deepcopy(_GOOD)
    for name, types in changes.items():
        dotted = name.replace("__", ".")
        if types is None:
            zone.pop(dotted, None)
        else:
            zone[dotted] = types
    return zone
