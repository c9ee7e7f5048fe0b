"""How readers get off a list with one click: List-Unsubscribe (RFC 2369) and RFC 8058."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import listed, parse_address
from flask_smtpadmin.core.mail.headers import line_of

#: What an address may be made of (RFC 3986 2); it stands between angle brackets, and a mail program
#: that reads the list naively splits it at commas (RFC 2369 2).
_ADDRESS: Final = re.compile(r"[!#-+\--;=?-\[\]_a-z~]+", re.IGNORECASE)
#: Characters of one, so that it fits into a line.
_LONGEST: Final = 800
_FIELD: Final = "unsubscribe"

UNSUBSCRIBE: Final = "List-Unsubscribe"
ONE_CLICK: Final = "List-Unsubscribe-Post"


def unsubscribe_headers(value: object) -> dict[str, str]:
    """Return the headers that let mail programs show a button to unsubscribe.

    Args:
        value: an https address, a ``mailto:`` address, or a list of one of each. What is posted to
            the https address takes the reader off the list, without another question and without
            a login (RFC 8058 3.1).

    Raises:
        InvalidMessage: anything else; ``field`` is ``unsubscribe``.
    """
    given = [value] if isinstance(value, str) else listed(value, _FIELD)
    addresses = [_checked(item) for item in given]
    secure = [address for address in addresses if not address.startswith("mailto:")]
    if len(secure) > 1 or len(addresses) - len(secure) > 1:
        raise InvalidMessage("takes one https and one mailto: address at most", field=_FIELD)
    if not addresses:
        return {}
    headers = {UNSUBSCRIBE: ", ".join(f"<{one}>" for one in sorted(addresses, key=_https_first))}
    if secure:
        headers[ONE_CLICK] = "List-Unsubscribe=One-Click"
    return headers


def _https_first(address: str) -> bool:
    return not address.startswith("https:")


def _checked(value: object) -> str:
    address = line_of(value, _FIELD).strip(" ")
    scheme, _, rest = address.partition(":")
    scheme = scheme.lower()
    if scheme not in {"https", "mailto"}:
        raise InvalidMessage(
            f"{address[:80]!r} is no https address, which mail programs ask for (RFC 8058 3.1), "
            "and no mailto: address",
            field=_FIELD,
        )
    if not _ADDRESS.fullmatch(rest):
        raise InvalidMessage(
            f"{address[:80]!r} holds a character that stands percent-encoded in an address",
            field=_FIELD,
        )
    if len(address) > _LONGEST:
        raise InvalidMessage(
            f"the address is {len(address)} characters long; {_LONGEST} fit into its header",
            field=_FIELD,
        )
    if scheme == "mailto":
        parse_address(unquote(rest.partition("?")[0]), field=_FIELD)
    elif not _has_host(address):
        raise InvalidMessage(f"{address[:80]!r} names no host", field=_FIELD)
    return f"{scheme}:{rest}"


def _has_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
