"""The code in README and docs, taken out so that the tests can run it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text and the line on which the text begins."""

    language: str
    code: str
    line: int


def documents() -> list[Path]:
    """Return README and every page of the docs."""
    pages = (ROOT / "docs").rglob("*.md")
    return [ROOT / "README.md", *sorted(page for page in pages if "_build" not in page.parts)]


def blocks(path: Path, language: str) -> Iterator[Block]:
    """Yield the blocks of one language, top to bottom."""
    text = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        if found["language"] == language:
            line = text.count("\n", 0, found.start("code")) + 1
            yield Block(language, found["code"], line)
