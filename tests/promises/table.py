"""Turn the lines of results of ``make chaos`` into the table of ``docs/reliability.md``.

The newest line of each test on each database counts; lines of small runs are left out.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parents[2] / "docs"
_BEGIN, _END = "<!-- results: written by make chaos -->", "<!-- end of results -->"
_COLUMNS = ("Database", "Measured", "Result", "Time", "Commit", "Date")


def newest(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last line of each test and database, in order of promise and database."""
    last = {(line["test"], line["database"]): line for line in lines if line["size"] == "full"}
    return sorted(last.values(), key=_place)


def table(lines: list[dict[str, Any]]) -> str:
    """Return the results as Markdown: for each test its sentence and a row a database."""
    parts = [f"Measured on {_machines(lines)}. Dates are UTC."]
    for says, found in itertools.groupby(lines, key=lambda line: line["says"]):
        rows = [_row(_COLUMNS), _row("---" for _ in _COLUMNS), *map(_result, found)]
        parts += [f"**{says}**", "\n".join(rows)]
    return "\n\n".join(parts)


def _result(line: dict[str, Any]) -> str:
    figures = ", ".join(f"{_words(name)} {value}" for name, value in line["figures"].items())
    kept = "kept" if line["outcome"] == "passed" else f"**{line['outcome']}**"
    spent = f"{line['seconds']:.0f} s, waits / {line['scale']:g}"
    date = line["date"].removesuffix(" UTC")
    return _row((line["database"], figures, kept, spent, line["commit"], date))


def _machines(lines: list[dict[str, Any]]) -> str:
    return "; ".join(sorted({line["machine"] for line in lines}))


def _place(line: dict[str, Any]) -> tuple[bool, int, str, str]:
    first = line["promises"][0]
    return (first[0] != "R", int(first[1:]), line["says"], line["test"])


def _words(name: str) -> str:
    return name.replace("_", " ")


def _row(cells: Any) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def main(results: Path = _DOCS / "reliability.jsonl", page: Path = _DOCS / "reliability.md") -> int:
    """Write the table between its two marks; 1 when there is nothing to write."""
    if not results.exists():
        print(f"There are no results in {results} yet.", file=sys.stderr)  # noqa: T201 - a script
        return 1
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    between = f"{_BEGIN}\n\n{table(newest(lines))}\n\n{_END}"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: between, text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
