"""``SMTPADMIN_URL``: a whole endpoint in one value (RFC 3986, parts percent-decoded)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from flask_smtpadmin.core.settings import TLSMode

#: scheme -> TLS mode
SCHEMES: Final[dict[str, TLSMode]] = {
    "smtps": "implicit",
    "smtp": "starttls",
    "smtp+plain": "none",
}
_SHAPE: Final = (
    "it is not of the form smtps://user:password@host:port (smtps, smtp or smtp+plain; special "
    "characters in user and password percent-encoded, such as %40 for @)"
)


@dataclass(frozen=True, slots=True)
class ServerURL:
    """The parts of a URL; None for what it does not hold."""

    tls_mode: TLSMode
    host: str
    port: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def split_server_url(text: str) -> ServerURL:
    """Split ``smtps://user:password@host:port``.

    Raises:
        ValueError: the text is none; the sentence quotes nothing, as it may hold a password.
    """
    text = text.strip()
    if any(char in text for char in "\t\r\n"):  # urlsplit() would drop them without a word
        raise ValueError(_SHAPE)
    try:
        parts = urlsplit(text)
        port = parts.port
        host, user, password = (
            None if part is None else unquote(part, errors="strict")
            for part in (parts.hostname, parts.username, parts.password)
        )
    except ValueError:
        raise ValueError(_SHAPE) from None
    mode = SCHEMES.get(parts.scheme)
    if mode is None or not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(_SHAPE)
    return ServerURL(mode, host, port, user or None, password or None)
