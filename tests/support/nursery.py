"""Commands of Flask in processes that need not import everything: ``Command(["smtp-worker"])``.

A nursery is a process that has imported Flask and this package and does nothing. It forks, the
fork becomes the command, and belongs to the test as if the test had started it: a worker that is
up in a tenth of a second instead of in one. Its way from ``flask`` on is the same as a user's.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import json
import os
import socket
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

#: what a worker needs; whatever else it imports by itself
_IMPORTS: Final = ("flask_sqlalchemy", "psycopg", "pymysql", "sqlalchemy.dialects.mysql.pymysql",
                   "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite",
                   "flask_smtpadmin.cli", "flask_smtpadmin.worker.supervisor",
                   "flask_smtpadmin.worker.worker")  # fmt: skip
#: what it takes where it is installed
_EXTRAS: Final = ("uvloop",)
_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_MOST: Final = 2**20


class Command(subprocess.Popen[bytes]):
    """``flask`` with these arguments, in a process group of its own."""

    def _execute_child(self, args: Any, *options: Any) -> None:
        """Let the nursery do what a fork and an exec do otherwise."""
        (_exe, _pre, _close, _pass, cwd, env, _info, _flags, _shell) = options[:9]
        pipes = options[9:15]
        told = {"args": list(args), "cwd": str(cwd), "env": dict(env)}
        nursery = _nursery()
        socket.send_fds(nursery, [json.dumps(told).encode()], [pipes[3], pipes[5]])
        self.pid = int(nursery.recv(_MOST))
        self._child_created = True
        self._close_pipe_fds(*pipes)


@cache
def _nursery() -> socket.socket:
    """Start the nursery of this process; it ends when the socket is closed."""
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "support.nursery", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def close() -> None:
        ours.close()
        process.wait()

    atexit.register(close)
    return ours


def _serve(orders: socket.socket) -> None:
    """Fork for each order; return in the fork, as the command, or when nobody asks any more."""
    while True:
        data, files, _, _ = socket.recv_fds(orders, _MOST, 2)
        if not data:
            return
        read, write = os.pipe()
        between = os.fork()
        if not between:  # its child goes to the nearest ancestor that takes orphans: the test
            child = os.fork()
            if not child:
                os.close(read)
                os.close(write)
                orders.close()
                _become(json.loads(data), *files)
                return
            os.setpgid(child, child)
            os.write(write, str(child).encode())
            os._exit(0)
        os.close(write)
        os.waitpid(between, 0)
        orders.send(os.read(read, 20))
        for file in (read, *files):
            os.close(file)


def _become(told: dict[str, Any], out: int, err: int) -> None:
    """Be ``flask`` with the arguments, folder, environment and files of the order."""
    from flask.cli import main

    os.setpgid(0, 0)
    for file, number in ((out, 1), (err, 2)):
        os.dup2(file, number)
        os.close(file)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    sys.path.insert(0, told["cwd"])
    sys.argv = ["flask", *told["args"]]
    main()


if __name__ == "__main__":
    for name in (*_IMPORTS, *filter(find_spec, _EXTRAS)):
        importlib.import_module(name)
    _serve(socket.socket(fileno=int(sys.argv[1])))
