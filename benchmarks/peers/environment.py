"""The virtual environment of the peers; made at the first use and when its list changes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import ROOT

FOLDER = ROOT / ".venv-bench"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def interpreter() -> Path:
    """Return the Python that the peers run in; it is the same version as ours."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / "installed.txt"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text()}"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing the peers into {FOLDER.name} ...", file=sys.stderr)
        _install(python)
        stamp.write_text(wanted)
    return python


def _install(python: Path) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    make = [sys.executable, "-m", "venv", "--without-pip", str(FOLDER)]
    subprocess.run(make, check=True)
    if uv := shutil.which("uv"):
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-qq"]
        install += ["--disable-pip-version-check", "--root-user-action=ignore"]
    subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True)
