"""Measures this package and its peers on one machine, in one run; ``python -m benchmarks``.

Every module runs alone too, ``python -m benchmarks.delivery --mails 5000 --runs 1``, and leaves
its figures in ``build/benchmarks``; ``python -m benchmarks.report`` puts them into the docs.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: The servers that the tests start are the servers here.
sys.path.insert(0, str(ROOT / "tests"))
