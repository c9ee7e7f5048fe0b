"""Files of tests in memory, where a database that waits for its disk waits for nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

#: a file system in memory, with what all tests at once may need there in bytes
PLACE: Final = Path("/dev/shm")
ROOM: Final = 4 * 2**30


def use_memory() -> None:
    """Let temporary files lie in memory, here and in child processes, unless TMPDIR is set.

    A process that is killed forgets as little there as on a disk. At full size promises are
    measured on the disk all the same.
    """
    if "TMPDIR" in os.environ or os.environ.get("SMTPADMIN_CHAOS") == "full":
        return
    if not os.access(PLACE, os.W_OK | os.X_OK) or shutil.disk_usage(PLACE).free < ROOM:
        return
    if os.statvfs(PLACE).f_flag & os.ST_NOEXEC:  # a program that a test writes is run
        return
    os.environ["TMPDIR"] = str(PLACE)
    tempfile.tempdir = None
