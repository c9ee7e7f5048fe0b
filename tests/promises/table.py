"""Turn the lines of results of ``make chaos`` into the table of ``docs/reliability.md``.

The newest line of each test on each database counts; lines of small runs are left out.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parents[2] / "docs"
_BEGIN, _END = "<!-- results: written by make chaos -->", "<!-- end of results -->"
_COLUMNS = ("Promise", "Database", "Measured", "Result", "Seconds", "Commit", "Date")


def newest(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last line of each test and database, in order of promise and database."""
    last = {(line["test"], line["database"]): line for line in lines if line["size"] == "full"}
    return sorted(last.values(), key=_place)


def table(lines: list[dict[str, Any]]) -> str:
    """Return the results as Markdown, with the machine and the sentence of each test."""
    rows = [_row(_COLUMNS), _row("---" for _ in _COLUMNS)]
    for line in lines:
        figures = ", ".join(f"{_words(name)} {value}" for name, value in line["figures"].items())
        rows.append(
            _row(
                (
                    ", ".join(line["promises"]),
                    line["database"],
                    figures,
                    "kept" if line["outcome"] == "passed" else f"**{line['outcome']}**",
                    line["seconds"],
                    line["commit"],
                    line["date"].removesuffix(" UTC"),
                )
            )
        )
    machines = sorted({line["machine"] for line in lines})
    return "\n".join([*rows, "", f"Times are UTC. Measured on: {'; '.join(machines)}."])


def _place(line: dict[str, Any]) -> tuple[bool, int, str, str]:
    first = line["promises"][0]
    return (first[0] != "R", int(first[1:]), line["test"].partition("[")[0], line["database"])


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
