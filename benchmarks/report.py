"""Put the figures of the last runs into ``docs/benchmarks.md``, between its markers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from benchmarks import ROOT
from benchmarks.result import Line, Result, load

PAGE = ROOT / "docs" / "benchmarks.md"
#: Names of results, in the order of the page.
NAMES = (
    "delivery",
    "distance",
    "send",
    "send_many",
    "send_type",
    "mime",
    "wakeup",
    "sizes",
    "pages",
    "wide",
    "memory",
)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Give the lines of a Markdown table; all but the first column is right-aligned."""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join(['---', *['---:'] * (len(columns) - 1)])} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def promises(lines: Sequence[Line]) -> Iterator[str]:
    """Give a table of what was promised, what came out, and whether that is enough."""
    rows = []
    for line in lines:
        sign = "at most" if line.at_most else "at least"
        spread = "" if line.spread is None else f"{line.spread[0]:.2f} to {line.spread[1]:.2f}"
        bound = f"{sign} {line.bound:g} {line.unit}"
        goal = "" if line.goal is None else f"{line.goal:g} {line.unit}"
        rows.append([line.what, f"{line.value:.2f} {line.unit}", spread, bound, goal, line.verdict])
    columns = ("promise", "measured", "single turns", "bound", "goal", "verdict")
    yield from table(columns, rows)


def section(result: Result) -> str:
    """Return all there is to tell about one result."""
    lines = [f"**{result.title}**", "", *table(result.columns, result.rows), ""]
    if result.lines:
        lines += [*promises(result.lines), ""]
    for note in result.notes:
        lines += [note, ""]
    told = result.circumstances
    where = [f"`{text}`" if name == "command" else text for name, text in told.items()]
    return "\n".join([*lines, "; ".join(where) + "."])


def rendered(page: str, sections: dict[str, str]) -> str:
    """Return the page with the text between each pair of markers replaced."""
    for name, text in sections.items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            raise ValueError(f"{PAGE.name} has no place for {name}")
        filled = f"{begin}\n\n{text}\n\n{end}".replace("\\", r"\\")
        page = pattern.sub(filled, page)
    return page


def main() -> int:
    """Write the page; 1 when a promise falls short."""
    results = [found for name in NAMES if (found := load(name)) is not None]
    page = rendered(PAGE.read_text(), {result.name: section(result) for result in results})
    PAGE.write_text(page)
    lines = [line for result in results for line in result.lines]
    short = [line for line in lines if not line.holds]
    print(f"{len(lines) - len(short)} promises hold, {len(short)} fall short.")
    for line in short:
        print(f"  {line.what}: {line.value:.3g} {line.unit}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
