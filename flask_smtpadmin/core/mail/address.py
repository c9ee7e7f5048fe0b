"""One strict parser for e-mail addresses, and the writer of mailboxes.

The parser takes one mailbox and nothing else: groups, comments, quoted local parts and several
addresses in one string are refused, because two programs that read them differently are how mail
reaches the wrong person (CVE-2023-27043, CVE-2023-7028).  Hosts of an intranet (``root@localhost``,
``a@intranet``, ``a@[192.0.2.1]``) are welcome.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.headers import (
    decode_words,
    encoded_words,
    has_encoded_word,
    line_of,
    text_of,
)
from flask_smtpadmin.core.records import record
from flask_smtpadmin.core.words import said

#: What a caller may give: ``"a@b"``, ``"Name <a@b>"`` or ``("Name", "a@b")``.
Mailbox = str | tuple[str | None, str]

#: Octets of an address: RFC 5321 4.5.3.1.3 gives a path 256 with its angle brackets.
MAX_EMAIL: Final = 254
#: Octets of a display name in UTF-8; keeps a formatted mailbox below the 998 of a line.
MAX_NAME: Final = 320
_MAX_HOST: Final = 253
#: A longer name is encoded, for encoded words can be folded and quoted strings better not.
_MAX_QUOTED: Final = 60
_MAX_VALUE: Final = 2048
#: Stands in front of the first mailbox of a line, which has no blank to be folded at.
_LONGEST_FIELD: Final = len("Reply-To: ")

_ATEXT: Final = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_LOCAL: Final = re.compile(rf"[{_ATEXT}]++(?:\.[{_ATEXT}]++)*+")
_LOCAL_INTL: Final = re.compile(
    rf"[{_ATEXT}\u0080-\U0010ffff]++(?:\.[{_ATEXT}\u0080-\U0010ffff]++)*+"
)
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAMED: Final = re.compile(
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*+)" *|(?P<bare>[^"<>]*+))<(?P<email>[^<>]*+)>'
)
_SPECIALS: Final = re.compile(r'[()<>@,:;\\"\[\]]')
_ATOMS: Final = re.compile(rf"[{_ATEXT}]+(?: [{_ATEXT}]+)*")
_QUOTABLE: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_WORD_BEGINS: Final = re.compile(r"=\?[^?]*\?[bBqQ]\?")
#: What would end a local part, or a command, if a reader took a look-alike for it.
_DANGEROUS: Final = re.compile(r'[\s<>(),:;@\[\]\\"]')
_ESCAPE: Final = re.compile(r"\\(.)")
#: What most addresses look like; the long way would return them as they are. A domain of at most
#: 63 characters has no label that is too long, and one without "--" no label in A-form.
_USUAL: Final = re.compile(
    rf"(?=.{{1,{MAX_EMAIL}}}\Z)[{_ATEXT}]++(?:\.[{_ATEXT}]++)*+"
    r"@(?=.{1,63}\Z)(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)*[a-z]++"
)
_LISTS: Final = (list, tuple)


@record(frozen=True, slots=True)
class Address:
    """One mailbox: display ``name`` as text ("" for none) and ``email`` as ``local@domain``.

    The domain is in lower case and A-labels (RFC 5890), hence ASCII; the local part is kept as
    it was given, in NFC (RFC 6532 3.1).
    """

    name: str
    email: str


def parse_address(value: object, *, field: str) -> Address:
    """Read one mailbox (RFC 5322 3.4, without its obsolete and ambiguous forms).

    Args:
        value: ``"a@b"``, ``"Name <a@b>"`` or a tuple ``(name, "a@b")``.  In a tuple the name is
            any text; in a string a name with special characters stands in double quotes.
        field: the argument that the error shall name.

    Raises:
        InvalidMessage: anything else; the text says why.
    """
    if type(value) is str and _USUAL.fullmatch(value) and "=?" not in value:
        return Address("", value)
    return _parsed(value, field)


def _parsed(value: object, field: str) -> Address:
    if isinstance(value, tuple):
        return _from_pair(value, field)
    text = line_of(value, field).strip(" ")
    if len(text) > _MAX_VALUE:
        raise InvalidMessage(
            said("is %(number)s characters long: no address is", number=len(text)), field=field
        )
    if not text.endswith(">"):
        return Address("", _addr_spec(text, field))
    match = _NAMED.fullmatch(text)
    if match is None:
        raise InvalidMessage(said("%(text)s is not one address", text=_shown(text)), field=field)
    return Address(_name_of(match, field), _addr_spec(match["email"], field))


def parse_addresses(value: object, *, field: str) -> tuple[Address, ...]:
    """Read a list of mailboxes; None counts as empty.

    Raises:
        InvalidMessage: also for a single string, which is never split.
    """
    if not value and isinstance(value, _LISTS):
        return ()
    items = value if type(value) is list else listed(value, field)
    return tuple([parse_address(item, field=field) for item in items])


def listed(value: object, field: str) -> list[Any]:
    """Return ``value``, a list of anything, as a new list; None counts as empty.

    Raises:
        InvalidMessage: a string, bytes, a mapping or no iterable at all was given.
    """
    if value is None:
        return []
    if isinstance(value, _LISTS):
        return list(value)
    if isinstance(value, str):
        raise InvalidMessage(
            said("expected a list, got a string: write [%(text)s]", text=_shown(value)), field=field
        )
    if isinstance(value, bytes | bytearray | Mapping) or not isinstance(value, Iterable):
        raise InvalidMessage(
            said("expected a list, got %(type)s", type=type(value).__name__), field=field
        )
    return list(value)


def format_mailbox(address: Address) -> str:
    """Return the mailbox as it stands in a header, in one line.

    :func:`parse_address` reads it back.  The name is ASCII (RFC 2047 words where needed); only
    an address that needs SMTPUTF8 brings other characters.
    """
    name = address.name
    if not name:
        return address.email
    if len(name) > _MAX_QUOTED or not _QUOTABLE.fullmatch(name) or has_encoded_word(name):
        phrase = " ".join(encoded_words(name, taken=_LONGEST_FIELD))
    elif _ATOMS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'
    return f"{phrase} <{address.email}>"


def _from_pair(value: tuple[object, ...], field: str) -> Address:
    if len(value) != 2:  # noqa: PLR2004 - a pair
        raise InvalidMessage(
            said("expected (name, email), got a tuple of %(number)s items", number=len(value)),
            field=field,
        )
    name, email = value
    return Address(
        "" if name is None else _checked_name(line_of(name, field), field),
        _addr_spec(line_of(text_of(email, field), field).strip(" "), field),
    )


def _name_of(match: re.Match[str], field: str) -> str:
    if match["quoted"] is not None:
        return _checked_name(_ESCAPE.sub(r"\1", match["quoted"]), field)
    name = match["bare"].strip(" ")
    if found := _SPECIALS.search(name):
        raise InvalidMessage(
            said(
                "the name in %(text)s holds %(found)s: put it in double quotes, or give a "
                "tuple (name, email)",
                text=_shown(match[0]),
                found=repr(found[0]),
            ),
            field=field,
        )
    return _checked_name(line_of(decode_words(name), field), field)


def _checked_name(name: str, field: str) -> str:
    if len(name.encode()) > MAX_NAME:
        raise InvalidMessage(
            said("a name may have at most %(limit)s bytes in UTF-8", limit=MAX_NAME),
            field=field,
        )
    return name


def _addr_spec(text: str, field: str) -> str:
    local, at, domain = text.partition("@")
    if not at or not local or not domain:
        raise InvalidMessage(
            said("%(text)s is not an address like name@host", text=_shown(text)), field=field
        )
    if "@" in domain or "," in text or ";" in text:
        raise InvalidMessage(said("%(text)s is not one address", text=_shown(text)), field=field)
    email = f"{_local_part(local, text, field)}@{_domain(domain, text, field)}"
    if len(email.encode()) > MAX_EMAIL:
        raise InvalidMessage(
            said(
                "%(text)s is longer than %(limit)s bytes",
                text=_shown(text),
                limit=MAX_EMAIL,
            ),
            field=field,
        )
    return email


def _local_part(local: str, text: str, field: str) -> str:
    # a reader that decodes it finds another address in there; one may end in the next address
    if "=?" in local and _WORD_BEGINS.search(local):
        raise InvalidMessage(
            said("%(text)s holds an encoded word (RFC 2047) in its address", text=_shown(text)),
            field=field,
        )
    if _LOCAL.fullmatch(local):
        return local
    if local.isascii() or not _LOCAL_INTL.fullmatch(local) or _DANGEROUS.search(_folded(local)):
        raise InvalidMessage(
            said(
                "the part before the @ of %(text)s is not allowed (letters, digits, single "
                "dots and !#$%%&'*+/=?^_`{|}~-; no quotes, no comments)",
                text=_shown(text),
            ),
            field=field,
        )
    return _international(f"{local}@example.com", text, field).rpartition("@")[0]


def _domain(domain: str, text: str, field: str) -> str:
    if domain[0] == "[":
        return _literal(domain, text, field)
    if not domain.isascii() or "xn--" in domain.lower():
        # email-validator knows no intranet: below a public name it judges the labels alone
        checked = _international(f"a@{domain}.example", text, field)
        domain = checked.removeprefix("a@").removesuffix(".example")
    if len(domain) > _MAX_HOST or not _HOST.fullmatch(domain):
        raise InvalidMessage(
            said("%(text)s has no valid host after the @", text=_shown(text)), field=field
        )
    if domain.rpartition(".")[2].isdigit():
        raise InvalidMessage(
            said(
                "%(text)s: an IP address stands in brackets, like a@[192.0.2.1]", text=_shown(text)
            ),
            field=field,
        )
    return domain.lower()


def _literal(domain: str, text: str, field: str) -> str:
    """Check ``[192.0.2.1]`` and ``[IPv6:2001:db8::1]`` (RFC 5321 4.1.3)."""
    inner = domain[1:-1]
    try:
        if domain.endswith("]") and inner[:5].lower() == "ipv6:" and "%" not in inner:
            return f"[IPv6:{IPv6Address(inner[5:]).compressed}]"
        if domain.endswith("]"):
            return f"[{IPv4Address(inner)}]"
    except AddressValueError:
        pass
    raise InvalidMessage(
        said("%(text)s has no valid IP address in its brackets", text=_shown(text)), field=field
    )


def _folded(text: str) -> str:
    """Return ``text`` with look-alikes of plain characters made those (NFKC)."""
    return unicodedata.normalize("NFKC", text)


def _international(email: str, text: str, field: str) -> str:
    """Return ``email`` with its local part in NFC and its domain in A-labels (RFC 6531, 5891)."""
    # imported where needed: its Unicode tables cost 30 ms, and most addresses are ASCII
    from email_validator import EmailNotValidError, validate_email

    try:
        valid = validate_email(email, check_deliverability=False)
    except EmailNotValidError as exc:
        raise InvalidMessage(
            said("%(text)s: %(why)s", text=_shown(text), why=exc), field=field
        ) from exc
    return f"{valid.local_part}@{valid.ascii_domain}"


def _shown(text: str) -> str:
    """Return ``text`` for an error message: short, with invisible characters escaped."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")  # noqa: PLR2004 - one line
