"""Reading one value: text from a variable, a form or the database, or an object of app.config.

:func:`parse` gives the value a :class:`Spec` describes or says in one sentence why it cannot be
used; the sentence never holds a secret. :func:`write` is its inverse, for the database.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import parse_address
from flask_smtpadmin.core.settings import Kind, Spec
from flask_smtpadmin.core.settings.limits import limits_of
from flask_smtpadmin.core.words import mark, said

TRUE: Final = frozenset({"1", "true", "yes", "on"})
FALSE: Final = frozenset({"0", "false", "no", "off"})
#: Text of a retention period without an end.
KEEP: Final = "keep"

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_LINES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_LINES: Final = frozenset(
    {"note", "list", "routes", "allowed", "networks", "ports"}
)  # text of more than one line
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_ADDRESS_LITERAL: Final = re.compile(r"[0-9a-f:.]+(%[a-z0-9_.-]+)?")
_LONGEST_HOST: Final = 253  # octets, RFC 1035 2.3.4
_LONGEST_QUOTE: Final = 60
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def is_unset(spec: Spec, raw: Any) -> bool:
    """Say whether ``raw`` means "not set": None, empty, or nothing but spaces."""
    if isinstance(raw, str):
        return not (raw if spec.exact else raw.strip())
    return raw is None or (isinstance(raw, (list, tuple, dict, set)) and not raw)


def parse(spec: Spec, raw: Any) -> Any:
    """Return the value that ``raw`` stands for.

    Args:
        spec: what is expected.
        raw: text, or for app.config also the value itself (number, bool, list, dict, timedelta).

    Raises:
        ValueError: with a sentence that names the reason; a secret is never quoted.
    """
    return _READERS[spec.kind](spec, raw)


def write(spec: Spec, value: Any) -> str:
    """Return ``value`` as text that :func:`parse` reads back to the same value."""
    if spec.kind == "days" and value is None:
        return KEEP
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Mapping):
        return json.dumps(dict(value), sort_keys=True)
    if isinstance(value, (list, tuple)):
        return ",".join(str(item) for item in value)
    return str(value)


def quoted(spec: Spec, raw: Any) -> str:
    """Return ``raw`` for a sentence: quoted, short, and without what may be a secret."""
    if spec.secret or not isinstance(raw, (str, int, float)):
        return said("the value")
    text = str(raw)
    if "://" in text:  # a whole URL in the wrong place may hold a password
        return said("the value")
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…")


def _text(spec: Spec, raw: Any) -> str:
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)  # from_prefixed_env() turns digits into numbers
    if not isinstance(raw, str):
        raise ValueError(mark("it is not text; in app.config, or in JSON, put it into quotes"))  # noqa: TRY004 - one error type
    text = raw if spec.exact else raw.strip()
    if spec.kind in _LINES:
        text = text.replace("\r\n", "\n")
    pattern = _CONTROL_IN_LINES if spec.kind in _LINES else _CONTROL
    if pattern.search(text):
        raise ValueError(mark("it holds a line break or another control character"))
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(mark("it is not valid UTF-8 text"))
    if len(text) > spec.max_length:
        raise ValueError(
            said("it is longer than %(max_length)s characters", max_length=spec.max_length)
        )
    return text


def _int(spec: Spec, raw: Any) -> int:
    number = _number(spec, raw)
    if not number.is_integer():
        raise ValueError(said("%(value)s is not a whole number", value=quoted(spec, raw)))
    return int(number)


def _float(spec: Spec, raw: Any) -> float:
    return _number(spec, raw.total_seconds() if isinstance(raw, timedelta) else raw)


def _number(spec: Spec, raw: Any) -> float:
    try:
        number = math.nan if isinstance(raw, bool) or "_" in str(raw) else float(raw)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        if spec.kind == "float":
            raise ValueError(said("%(value)s is not a number", value=quoted(spec, raw)))
        raise ValueError(said("%(value)s is not a whole number", value=quoted(spec, raw)))
    low, high = spec.minimum, spec.maximum
    too_far = (low is not None and number < low) or (high is not None and number > high)
    if too_far:
        raise ValueError(
            said(
                "%(value)s is not between %(low)s and %(high)s",
                value=quoted(spec, raw),
                low=f"{low:.0f}",
                high=f"{high:.0f}",
            )
        )
    return number


def _bool(spec: Spec, raw: Any) -> bool:
    text = str(raw).strip().lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise ValueError(
        said(
            "%(value)s is neither true nor false (1, yes, on / 0, no, off)", value=quoted(spec, raw)
        )
    )


_OLD_WORDS: Final = {
    "ssl": said("; SSL or TLS on port 465 is called implicit"),
    "tls": said("; TLS on port 465 is called implicit, on port 587 starttls"),
    "ssl/tls": said("; SSL/TLS on port 465 is called implicit"),
}


def _choice(spec: Spec, raw: Any) -> str:
    text = str(raw).strip().lower()
    if text in spec.choices:
        return text
    more = _OLD_WORDS.get(text, "") if spec.name == "TLS_MODE" else ""
    raise ValueError(
        said(
            "%(value)s is not one of %(choices)s%(more)s",
            value=quoted(spec, raw),
            choices=", ".join(spec.choices),
            more=more,
        )
    )


def _policy(spec: Spec, raw: Any) -> Any:
    return raw if callable(raw) else _choice(spec, raw)


def _list(spec: Spec, raw: Any) -> tuple[str, ...]:
    texts = [_text(spec, item) for item in (raw if isinstance(raw, (list, tuple)) else [raw])]
    return tuple(item for text in texts for item in re.split(r"[,\s]+", text) if item)


def _routes(spec: Spec, raw: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_route(spec, item) for item in _list(spec, raw)))


def _route(spec: Spec, text: str) -> str:
    """Return an address in lower case, or ``@domain`` in the form that addresses have it."""
    local, _, domain = text.rpartition("@")
    if local:
        return _email(spec, text).lower()
    try:
        return "@" + _email(spec, f"postmaster@{domain}").lower().rpartition("@")[2]
    except ValueError:
        raise ValueError(
            said("%(value)s is neither an address nor a domain", value=quoted(spec, text))
        ) from None


def _allowed(spec: Spec, raw: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_allowed_one(spec, item) for item in _list(spec, raw)))


def _allowed_one(spec: Spec, text: str) -> str:
    """Return an address, a domain, or ``*.`` and a domain, all in the form that addresses have."""
    below = "*." if text.startswith("*.") else ""
    found = "" if "*" in text.removeprefix(below) else _route_of(spec, text.removeprefix(below))
    if not found or (below and not found.startswith("@")):
        raise ValueError(
            said(
                "%(value)s is neither an address nor a domain such as example.com or *.example.com",
                value=quoted(spec, text),
            )
        )
    return below + found.removeprefix("@")


def _route_of(spec: Spec, text: str) -> str:
    try:
        return _route(spec, text)
    except ValueError:
        return ""


def _networks(spec: Spec, raw: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_network(spec, item) for item in _list(spec, raw)))


def _network(spec: Spec, text: str) -> str:
    """Return an address or network with its prefix length: ``203.0.113.15/32``."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(
            said("%(value)s is not an address such as 203.0.113.15", value=quoted(spec, text))
        ) from None


def _ports(spec: Spec, raw: Any) -> tuple[int, ...]:
    return tuple(_int(spec, item) for item in (_list(spec, raw)))


def _email(spec: Spec, raw: Any) -> str:
    text = _text(spec, raw)
    try:
        address = parse_address(text, field=spec.name.lower())
    except InvalidMessage as error:
        raise ValueError(
            said("%(value)s: %(reason)s", value=quoted(spec, raw), reason=error.reason)
        ) from None
    if address.name:
        raise ValueError(mark("it takes an address only, without a name beside it"))
    return address.email


def _mode(spec: Spec, raw: Any) -> str:
    text = _text(spec, raw)
    word, colon, address = text.partition(":")
    if not colon and word.lower() in {"live", "catch", "record"}:
        return word.lower()
    if word.lower() == "redirect" and address.strip():
        return f"redirect:{_email(spec, address)}"
    raise ValueError(
        said(
            "%(value)s is not one of live, catch, record, redirect:ADDRESS", value=quoted(spec, raw)
        )
    )


def _days(spec: Spec, raw: Any) -> int | None:
    if isinstance(raw, str) and raw.strip().lower() == KEEP:
        return None
    try:
        return _int(spec, raw.days if isinstance(raw, timedelta) else raw)
    except ValueError as error:
        raise ValueError(
            said("%(error)s (days, or the word %(keep)s)", error=error.args[0], keep=KEEP)
        ) from None


def _host(spec: Spec, raw: Any) -> str:
    text = _text(spec, raw).lower()
    if "://" in text or "/" in text or "@" in text:
        raise ValueError(
            mark("it takes a host name only: no scheme, user or path (SMTPADMIN_URL takes those)")
        )
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare.count(":") > 1 and _ADDRESS_LITERAL.fullmatch(bare):
        return bare
    if ":" in bare:
        raise ValueError(said("%(value)s holds a port; put it into PORT", value=quoted(spec, raw)))
    name = _ascii_host(spec, bare)
    if len(name) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, name.rstrip(".").split("."))):
        raise ValueError(said("%(value)s is not a host name", value=quoted(spec, raw)))
    return name


def _ascii_host(spec: Spec, text: str) -> str:
    """Return the A-label form (RFC 5891) of a name with letters beyond ASCII."""
    try:
        return text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(said("%(value)s is not a host name", value=quoted(spec, text))) from None


def _url(spec: Spec, raw: Any) -> str:
    text = _text(spec, raw)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(mark("it is not a URL that can be read")) from None
    if parts.scheme.lower() not in spec.choices:
        known = ", ".join(f"{scheme}://" for scheme in spec.choices)
        raise ValueError(said("it does not start with one of %(known)s", known=known))
    if not parts.hostname and parts.scheme != "unix":
        raise ValueError(mark("it names no host"))
    return text


def _prefix(spec: Spec, raw: Any) -> str:
    text = _text(spec, raw).rstrip("/")
    if not _PREFIX.fullmatch(text):
        raise ValueError(
            said("%(value)s is not a path such as /admin/email", value=quoted(spec, raw))
        )
    return text


def _limits(spec: Spec, raw: Any) -> dict[str, int]:
    return limits_of(raw if isinstance(raw, Mapping) else _text(spec, raw))


def _colour(spec: Spec, raw: Any) -> str:
    text = _text(spec, raw).lower()
    if not _COLOUR.fullmatch(text):
        raise ValueError(said("%(value)s is not a colour such as #0f6e69", value=quoted(spec, raw)))
    return text


def _servers(_spec: Spec, raw: Any) -> Any:
    if not isinstance(raw, Mapping):
        raise ValueError(mark("it is not a dict of servers, {key: {field: value}}"))  # noqa: TRY004 - one error type
    return raw


_READERS: Final[dict[Kind, Callable[[Spec, Any], Any]]] = {
    "str": _text,
    "path": _text,
    "note": _text,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "choice": _choice,
    "policy": _policy,
    "list": _list,
    "routes": _routes,
    "allowed": _allowed,
    "networks": _networks,
    "ports": _ports,
    "email": _email,
    "mode": _mode,
    "days": _days,
    "host": _host,
    "url": _url,
    "prefix": _prefix,
    "limits": _limits,
    "colour": _colour,
    "servers": _servers,
}
