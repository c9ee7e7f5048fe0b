"""The command line that all benchmarks share."""

from __future__ import annotations

import argparse
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How large and how often."""

    mails: int
    runs: int
    connections: int
    own_sink: bool
    full: bool


def parse(text: str | None, *, mails: int, runs: int = 5) -> Options:
    """Read the command line; ``mails`` and ``runs`` are the defaults of one benchmark."""
    parser = argparse.ArgumentParser(description=(text or "").partition("\n")[0])
    parser.add_argument("--mails", type=int, default=mails, help=f"default: {mails}")
    parser.add_argument("--runs", type=int, default=runs, help=f"medians of so many; {runs}")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--own-sink", action="store_true", help="even where smtp-sink is there")
    parser.add_argument("--full", action="store_true", help="a million queued; takes long")
    return Options(**vars(parser.parse_args()))
