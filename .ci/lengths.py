"""Complain about files and functions that have grown too long to be read at a sitting."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 40
#: hand-written text; vendored files (*.min.*) and data are not
SUFFIXES = {".py", ".html", ".css", ".js"}


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines the docstring takes: explaining more is never punished."""
    if ast.get_docstring(node, clean=False) is None:
        return 0
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def long_functions(path: Path, text: str) -> Iterator[str]:
    """Yield a complaint for each function of a Python file that is too long."""
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - docstring_lines(node)
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name}() has {length} lines"


def complaints(path: Path) -> Iterator[str]:
    """Yield what is too long in one file."""
    text = path.read_text(encoding="utf-8")
    length = text.count("\n")
    if length > FILE_LINES:
        yield f"{path}: {length} lines"
    if path.suffix == ".py":
        yield from long_functions(path, text)


def files(roots: list[str]) -> Iterator[Path]:
    """Yield the hand-written files below ``roots``."""
    for root in roots:
        for path in sorted(Path(root).rglob("*")):
            built = "_build" in path.parts or "vendor" in path.parts or ".min." in path.name
            if path.suffix in SUFFIXES and not built:
                yield path


def main() -> int:
    """Print every complaint; 1 when there are any."""
    found = [line for path in files(sys.argv[1:]) for line in complaints(path)]
    for line in found:
        sys.stdout.write(f"{line}\n")
    if found:
        sys.stdout.write(f"Limits: {FILE_LINES} lines a file, {FUNCTION_LINES} a function.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
