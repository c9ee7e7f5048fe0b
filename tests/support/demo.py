"""The demo as a subprocess, and a visitor who uses it without JavaScript."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin

from support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]


class DemoProcess:
    """``python -m example_app.demo --json``, in a process session as a terminal gives it one."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._stderr = folder / "demo.stderr"
        command = [sys.executable, "-m", "example_app.demo", "--json"]
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(folder)} | environ,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        self.at: dict[str, Any] = {}

    def wait_until_ready(self) -> Self:
        """Wait for the line that says where everything is."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the demo ended before it was ready:\n{self.stderr}"
        self.at = json.loads(line)
        return self

    @property
    def stderr(self) -> str:
        """What it has written to stderr."""
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    def press_ctrl_c(self) -> None:
        """Do as the terminal does: SIGINT to the whole process group in the foreground."""
        os.killpg(self._process.pid, signal.SIGINT)

    def wait(self, timeout: float = 60.0) -> int:
        """Wait until it has ended and return its exit code."""
        code = self._process.wait(timeout)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code

    def survivors(self) -> list[int]:
        """Return the ids of processes that it started and that are still there."""
        folder = self.at.get("folder", "")
        return [pid for pid in _processes() if folder and folder in _words(pid)]

    def inbox(self) -> list[dict[str, Any]]:
        """Return what its inbox holds, newest first."""
        with urllib.request.urlopen(f"{self.at['inbox']}mails.json", timeout=60) as answer:
            mails: list[dict[str, Any]] = json.load(answer)
        return mails

    def wait_for_mail(self, to: str, subject: str) -> dict[str, Any]:
        """Wait for a mail to ``to`` whose subject contains ``subject``."""

        def arrived() -> dict[str, Any] | None:
            found = (mail for mail in self.inbox() if to in mail["to"])
            return next((mail for mail in found if subject in mail["subject"]), None)

        mail = wait_until(arrived, timeout=60, every=0.05)
        assert mail is not None
        return mail

    def close(self) -> None:
        """Stop it if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.wait()


@dataclass(frozen=True, slots=True)
class Page:
    """An answered request; ``text`` is HTML with its entities resolved."""

    status: int
    url: str
    source: str

    @property
    def text(self) -> str:
        """The page's source with entities resolved."""
        return html.unescape(self.source)

    @property
    def token(self) -> str:
        """The CSRF token of the first form."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.source)
        assert found, f"no CSRF token on {self.url}:\n{self.source}"
        return found[1]


class Visitor:
    """A browser without JavaScript: cookies, forms, redirects."""

    def __init__(self, base: str, **headers: str) -> None:
        self._base = base
        self._headers = headers
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Page:
        """Open a page; ``path`` may be a full address."""
        return self._open(path)

    def post(self, path: str, page: Page | None = None, **fields: str) -> Page:
        """Fill in the form at ``path`` and send it, with the token of ``page`` or of itself."""
        token = (page or self.get(path)).token
        data = urlencode({"csrf_token": token, **fields}).encode()
        return self._open(path, data)

    def log_in(self, email: str, password: str) -> Page:
        """Sign in through the form."""
        return self.post("/log-in", email=email, password=password)

    def _open(self, path: str, data: bytes | None = None) -> Page:
        address = urljoin(self._base, path)
        request = urllib.request.Request(address, data, headers=self._headers)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return Page(answer.status, answer.url, answer.read().decode())
        except HTTPError as error:
            with error:
                return Page(error.code, error.url or "", error.read().decode())


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _words(pid: int) -> str:
    """Return command line and environment; a queue server overwrites the latter."""
    found = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
    try:
        return b" ".join(path.read_bytes() for path in found).decode("utf-8", "replace")
    except OSError:
        return ""
