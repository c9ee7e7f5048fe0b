"""Addresses as those see them who may not see them."""

from __future__ import annotations

import re
from typing import Final

#: An apostrophe may stand in a local part (o'hara), and around an address.
_ADDRESS: Final = re.compile(
    r"(?<![^\s<>@\"'(),:;])([^\s<>@\"'(),:;])[^\s<>@\"(),:;]*+@([^\s<>@\"'(),:;]+)"
)
#: Stands for the hidden part of an address.
HIDDEN: Final = "•••"
#: Stands for words of a subject, or all of it.
LEFT_OUT: Final = "…"


def mask(text: str) -> str:
    """Hide the local part of every address in ``text``: ``a•••@example.com``."""
    return _ADDRESS.sub(lambda found: f"{found[1]}{HIDDEN}@{found[2]}", text)


def masked_address(address: str) -> str:
    """Hide the local part of one address, whatever stands in it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{HIDDEN}@{domain}"
