"""What about this process and its host may explain why a server behaves as it does."""

from __future__ import annotations

import ipaddress
import os
import platform
import re
import socket
import ssl
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask_smtpadmin.core.settings import Server

_RESOLVER: Final = Path("/etc/resolv.conf")
_PROXIES: Final = ("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy")
#: What may be an address in the reply to EHLO; whether it is one is found out by reading it.
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{3,45}")


def facts(server: Server) -> dict[str, str]:
    """Return facts about this process by name, for people; never a secret."""
    return {
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "aiosmtplib": version("aiosmtplib"),
        "resolver": _resolver(),
        "proxy": _proxy(server),
    }


def seen_as(welcome: str) -> str:
    """Return the client's address that a reply to EHLO names, "" when it names none.

    Many servers greet by it: ``mx.example.com at your service, [203.0.113.15]`` (RFC 5321 4.1.1.1
    leaves the text to them).
    """
    for text in _ADDRESS.findall(welcome.partition(" ")[2]):
        bare = text.strip(".").removeprefix("IPv6:")
        try:
            found = ipaddress.ip_address(bare)
        except ValueError:
            continue
        if not found.is_unspecified:
            return str(found)
    return ""


def _resolver() -> str:
    """Return the name servers of this host, as its C library is told of them."""
    try:
        lines = _RESOLVER.read_text("utf-8", "replace").splitlines()
    except OSError:
        return "unknown"
    found = [
        line.split()[1] for line in lines if line.startswith("nameserver") and line.split()[1:]
    ]
    return ", ".join(found[:3]) or "this host itself"


def _proxy(server: Server) -> str:
    """Say which proxy mail goes through; one that only the environment names is not used."""
    if server.proxy_url:
        parts = urlsplit(server.proxy_url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port}" if parts.port else parts.scheme
    named = next((name for name in _PROXIES if os.environ.get(name)), "")
    return f"none ({named} is set, but SMTP does not use it)" if named else "none"
