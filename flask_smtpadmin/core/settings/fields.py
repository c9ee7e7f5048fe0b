"""The fields of a mail server: one :class:`~flask_smtpadmin.core.settings.Spec` each.

As an environment variable a field is ``SMTPADMIN_<NAME>`` for the server ``default`` and
``SMTPADMIN_SERVERS__<KEY>__<NAME>`` for the others; a form sends ``name.lower()``.
"""

from __future__ import annotations

import re
from typing import Final

from flask_smtpadmin.core.settings import Spec

#: What a server's key may look like.
SERVER_KEY: Final = re.compile(r"[a-z0-9_]{1,32}")

#: Ports on which TLS starts with the first byte.
IMPLICIT_PORTS: Final = frozenset({465, 994, 2465, 8465, 443})
#: Ports on which plain text comes first, where implicit TLS only times out.
STARTTLS_PORTS: Final = frozenset({25, 587, 588, 2525, 2587, 8025})
#: The port that a TLS mode implies.
DEFAULT_PORTS: Final = {"implicit": 465, "starttls": 587, "none": 25}

#: A whole endpoint in one variable: ``smtps://user:password@host:port``.
URL: Final = Spec(
    "URL",
    "url",
    "",
    "Host, port, TLS mode, user name and password in one; a single variable beats its part.",
    choices=("smtps", "smtp", "smtp+plain"),
    max_length=2048,
    secret=True,
    editable=False,
)

_FIELDS: Final = (
    Spec("NAME", "str", "", "What people call this server.", max_length=80),
    Spec("DESCRIPTION", "note", "", "A note about it.", max_length=2000),
    Spec("HOST", "host", "", "Host name or address of the mail server."),
    Spec(
        "PORT",
        "int",
        465,
        "Port; unset, it follows from the TLS mode: 465 implicit, 587 starttls, 25 none.",
        minimum=1,
        maximum=65535,
    ),
    Spec(
        "TLS_MODE",
        "choice",
        "implicit",
        "implicit (TLS from the first byte), starttls (required) or none; unset, the port decides.",
        choices=("implicit", "starttls", "none"),
    ),
    Spec(
        "AUTH",
        "choice",
        "none",
        "How to sign in; unset: password when there is a user name, else none.",
        choices=("none", "password", "oauth2"),
    ),
    Spec("USERNAME", "str", "", "User name; empty for a relay that asks for none.", exact=True),
    Spec(
        "PASSWORD",
        "str",
        "",
        "Password, app password or key.",
        max_length=4096,
        secret=True,
        exact=True,
    ),
    Spec("FROM_EMAIL", "email", "", "The address that mail comes from."),
    Spec("FROM_NAME", "str", "", "The name beside it; unset: the app's name."),
    Spec("REPLY_TO", "email", "", "Where answers go, unless a message says otherwise."),
    Spec("SUBJECT_PREFIX", "str", "", "Put in front of every subject.", max_length=80, exact=True),
    Spec("HELO_NAME", "host", "", "Name given in EHLO; unset: this machine's."),
    Spec("VERIFY_CERT", "bool", default=True, doc="Check the server's certificate and its name."),
    Spec("CA_FILE", "path", "", "PEM file of certificate authorities to trust.", max_length=1024),
    Spec(
        "CLIENT_CERT_FILE",
        "path",
        "",
        "PEM file with the client's certificate and key.",
        max_length=1024,
    ),
    Spec(
        "PROXY_URL",
        "url",
        "",
        "Proxy to connect through: socks5://, socks5h:// or http://.",
        choices=("socks5", "socks5h", "http", "https"),
        max_length=2048,
        secret=True,
    ),
    Spec("TIMEOUT", "float", 30.0, "Seconds to wait for a reply.", minimum=1, maximum=600),
    Spec(
        "DATA_TIMEOUT",
        "float",
        600.0,
        "Seconds to wait for the reply to the message itself (RFC 5321, 4.5.3.2.6: 600).",
        minimum=1,
        maximum=3600,
    ),
    Spec(
        "ENGINE",
        "choice",
        "aiosmtplib",
        "aiosmtplib, smtplib (one connection per message); console, file, memory for development.",
        choices=("aiosmtplib", "smtplib", "console", "file", "memory"),
    ),
    Spec("ENVELOPE_FROM", "email", "", "MAIL FROM, where bounces go; unset: the From address."),
    Spec("FORCE_FROM", "bool", default=False, doc="Replace the From address of every message."),
    Spec("POOL_SIZE", "int", 10, "Connections per worker at most.", minimum=1, maximum=1000),
    Spec(
        "MESSAGES_PER_CONNECTION",
        "int",
        0,
        "Messages after which a connection is closed and a new one opened; 0: no limit.",
        minimum=0,
        maximum=1_000_000,
    ),
    Spec(
        "IDLE_TIMEOUT",
        "float",
        30.0,
        "Seconds that a connection without mail is kept open; 0: it closes at once.",
        minimum=0,
        maximum=3600,
    ),
    Spec("PRIORITY", "int", 0, "Lower is tried first.", minimum=0, maximum=1000),
    Spec("WEIGHT", "int", 1, "Share among servers of one priority.", minimum=0, maximum=1000),
    Spec(
        "ROUTES",
        "routes",
        (),
        "From addresses and domains that this server alone takes mail from; unset: all others.",
        max_length=4000,
    ),
    Spec(
        "LIMITS",
        "limits",
        {},
        "What may be handed over, such as 100/minute, 5000/day, 10000 recipients/day; or as JSON.",
        max_length=2000,
    ),
    Spec("TEST_ADDRESS", "email", "", "Where test mails go unless another is given."),
    Spec(
        "REGISTERED_ADDRESSES",
        "networks",
        (),
        "Addresses of this app that the provider has on its list, such as 203.0.113.15/32.",
        max_length=2000,
    ),
    Spec(
        "ALLOW_PLAINTEXT_AUTH",
        "bool",
        default=False,
        doc="Send the password in the clear, TLS mode none, off this machine: readable on the way.",
    ),
)

#: Every field of a server by upper-case name, in the order of forms.
SERVER_FIELDS: Final[dict[str, Spec]] = {spec.name: spec for spec in _FIELDS}

#: Names in LIMITS: messages or recipients per period, then what one message or connection may hold.
LIMIT_NAMES: Final = (
    "per_second",
    "per_minute",
    "per_hour",
    "per_day",
    "per_month",
    "recipients_per_second",
    "recipients_per_minute",
    "recipients_per_hour",
    "recipients_per_day",
    "recipients_per_month",
    "recipients_per_message",
    "messages_per_connection",
    "connections",
    "message_bytes",
)
