"""Addresses as those see them who may not see them."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"([^\s<>@\"'(),:;]+)@([^\s<>@\"'(),:;]+)")


def mask(text: str) -> str:
    """Hide the local part of every address in ``text``: ``a•••@example.com``."""
    return _ADDRESS.sub(lambda found: f"{found[1][0]}•••@{found[2]}", text)
