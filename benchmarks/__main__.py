"""All benchmarks, one after the other, each in a process of its own; then the report."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import ROOT

#: In the order of the report.
NAMES = (
    "delivery",
    "distance",
    "enqueue",
    "typed",
    "mime",
    "wakeup",
    "sizes",
    "pages",
    "wide",
    "memory",
)


def main() -> int:
    """Run all with the options that were given; return 1 when one did not come to an end."""
    failed = []
    for name in NAMES:
        print(f"\n== {name}", flush=True)
        options = sys.argv[1:] if name != "mime" else []
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
    subprocess.run([sys.executable, "-m", "benchmarks.report"], cwd=ROOT, check=False)
    for name in failed:
        print(f"{name} did not come to an end.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
