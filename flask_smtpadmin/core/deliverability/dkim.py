"""Read a DKIM key record (RFC 6376 3.6.1, RFC 8463): which key, how long, still in use?"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.words import mark, said

_SELECTOR: Final = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
_LONGEST_SELECTOR: Final = 128
_SPACE: Final = re.compile(r"\s+")
_SEQUENCE, _INTEGER, _BITS = 0x30, 0x02, 0x03
_ED25519_BYTES: Final = 32
#: Bytes of a length field in DER that are believed.
_LENGTH_BYTES: Final = 4


class DKIMError(ValueError):
    """A record that verifiers cannot use; the text says why."""


@dataclass(frozen=True, slots=True)
class DKIMKey:
    """A published key: ``kind`` rsa or ed25519, ``bits`` its length, 0 when ``revoked``."""

    kind: str
    bits: int
    revoked: bool = False
    testing: bool = False
    strict: bool = False


def is_selector(text: str) -> bool:
    """Say whether ``text`` can stand before ``._domainkey``."""
    return len(text) <= _LONGEST_SELECTOR and bool(_SELECTOR.fullmatch(text))


def tags(text: str) -> dict[str, str]:
    """Return the tags of a ``name=value; ...`` list (RFC 6376 3.2), names in lower case.

    Raises:
        ValueError: a part without ``=``, or a tag that stands twice.
    """
    found: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not name:
            raise ValueError(said("%(tag)s is no tag", tag=repr(part.strip()[:40])))
        if name in found:
            raise ValueError(said("the tag %(name)s= stands in it twice", name=name[:20]))
        found[name] = value.strip()
    return found


def is_key(text: str) -> bool:
    """Say whether a TXT record is meant as a DKIM key: ``v`` is optional there."""
    return bool(re.match(r"\s*v\s*=\s*DKIM1\s*(;|$)", text)) or bool(
        re.search(r"(^|;)\s*p\s*=", text)
    )


def parse_dkim(text: str) -> DKIMKey:
    """Return the key of a record.

    Raises:
        DKIMError: it cannot be used.
    """
    try:
        found = tags(text)
    except ValueError as error:
        raise DKIMError(error.args[0]) from None
    if "v" in found and (found["v"] != "DKIM1" or next(iter(found)) != "v"):
        raise DKIMError(mark("v=DKIM1 has to come first"))
    if "p" not in found:
        raise DKIMError(mark("it holds no key (p=)"))
    kind = found.get("k", "rsa").lower() or "rsa"
    if kind not in {"rsa", "ed25519"}:
        raise DKIMError(
            said("its kind of key, %(kind)s, is not known to receivers", kind=repr(kind[:20]))
        )
    flags = {flag.strip().lower() for flag in found.get("t", "").split(":")}
    services = {word.strip().lower() for word in found.get("s", "*").split(":")}
    if not services & {"*", "email"}:
        raise DKIMError(mark("it is not meant for e-mail (s=)"))
    key = _SPACE.sub("", found["p"])
    bits = _bits(kind, key) if key else 0
    return DKIMKey(kind, bits, revoked=not key, testing="y" in flags, strict="s" in flags)


def _bits(kind: str, key: str) -> int:
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise DKIMError(mark("its key (p=) is cut off or not base64")) from None
    if kind == "ed25519":
        if len(raw) != _ED25519_BYTES:
            raise DKIMError(mark("its Ed25519 key does not have 32 bytes"))
        return 8 * _ED25519_BYTES
    try:
        return _modulus(raw).bit_length()
    except (ValueError, IndexError):
        raise DKIMError(mark("its RSA key (p=) is cut off or damaged")) from None


def _modulus(raw: bytes) -> int:
    """Return n of a SubjectPublicKeyInfo (RFC 5280), or of a bare RSAPublicKey (RFC 8017)."""
    inside = _read(raw, _SEQUENCE)[0]
    if inside[0] == _SEQUENCE:  # the algorithm, then the key as a bit string
        _, rest = _read(inside, _SEQUENCE)
        bits, _ = _read(rest, _BITS)
        inside = _read(bits[1:], _SEQUENCE)[0]
    number, _ = _read(inside, _INTEGER)
    modulus = int.from_bytes(number, "big", signed=True)
    if modulus <= 0:
        raise ValueError("not an RSA key")
    return modulus


def _read(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first DER element, which must have ``tag``, and what follows."""
    if data[0] != tag:
        raise ValueError("not what was expected")
    length, start = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= _LENGTH_BYTES:
            raise ValueError("no such length")
        start += count
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError("cut off")
    return data[start : start + length], data[start + length :]
