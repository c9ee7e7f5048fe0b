"""One Postfix of our own, beside whatever the system runs and unknown to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask_smtpadmin.core.settings import Server
from support.postfix.certificates import Certificates
from support.postfix.helpers import Helpers
from support.processes import answers, end, free_ports, wait_until
from support.requirements import program
from support.smtp import authority

DOMAIN = "tidepool.example"
USERNAME = "ada"
PASSWORD = "correct horse"
#: The folders of a queue that its processes make use of, and whether others may look in.
_FOLDERS = ("active", "corrupt", "deferred", "hold", "incoming", "maildrop", "private", "public")
#: Paths are relative to the queue, where every process stands: the folder above is root's alone.
_MAIN = {
    "compatibility_level": "3.7",
    "data_directory": "data",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "maillog_file_prefixes": "/",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "myhostname": "mx.tidepool.example",
    "mydestination": DOMAIN,
    "mynetworks": "",
    "notify_classes": "",
    "import_environment": "MAIL_CONFIG RES_OPTIONS TZ",
    "alias_maps": "",
    "local_recipient_maps": "inline:{me=x, other=x, slow=x, full=x, forged=x}",
    "smtpd_peername_lookup": "no",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
    "smtpd_client_event_limit_exceptions": "",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_path": "private/login",
    "smtpd_tls_session_cache_database": "",
    "smtpd_error_sleep_time": "0",
    "in_flow_delay": "0",  # nobody takes the queue away
    "spam": "regexp:{{/^Subject:/ REJECT Spam message rejected}}",
    "tls_random_source": "dev:/dev/urandom",
    "tls_random_exchange_name": "data/prng_exch",
}
_SERVICES = """\
postlog   unix-dgram n - n - 1 postlogd
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
cleanup   unix n - n - 0 cleanup
strict    unix n - n - 0 cleanup -o header_checks=$spam
anvil     unix - - n - 1 anvil
smtpd     pass - - n - - smtpd
dnsblog   unix - - n - 0 dnsblog
tlsproxy  unix - - n - 0 tlsproxy
"""


class Postfix:
    """A running Postfix; ``settings("name")`` reaches the service of that name.

    No queue manager runs: what a service accepts stays in ``arrived``.

    Args:
        services: options of ``smtpd`` by the name of the service; ``program`` is another daemon.
        policy: what the policy server answers, by recipient.
    """

    def __init__(
        self, services: Mapping[str, Mapping[str, str]], *, policy: Mapping[str, str]
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="smtpadmin-pf-"))
        self._queue = self.folder / "q"
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self.certificates = Certificates(self.folder)
        self._make_folders()
        users = {USERNAME: PASSWORD}
        self._helpers = Helpers(self._queue / "private", users=users, actions=policy)
        try:
            self._start_with(services)
        except BaseException:
            self.stop()
            raise

    def port(self, service: str) -> int:
        """Return the port of a service."""
        return self._ports[service]

    def settings(self, service: str, **changes: Any) -> Server:
        """Return the settings with which a service is reached, without TLS or a login."""
        values: dict[str, Any] = {
            "key": "default",
            "host": "localhost",
            "port": self.port(service),
            "tls_mode": "none",
            "ca_file": authority().ca_file,
            "from_email": f"app@{DOMAIN}",
            "timeout": 20.0,
            "data_timeout": 20.0,
        }
        return Server(**{**values, **changes})

    @property
    def group(self) -> int:
        """The process group that all of it runs in."""
        assert self._process is not None
        return self._process.pid

    @property
    def arrived(self) -> int:
        """How many messages Postfix has taken responsibility for."""
        complete = 0o100  # Postfix marks a whole queue file as executable
        return sum(
            path.stat().st_mode & complete > 0 for path in (self._queue / "incoming").iterdir()
        )

    @property
    def log(self) -> str:
        """What Postfix had to say."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        """End every process of it and remove its files."""
        if self._process is not None:
            end(self._process)
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
        self._helpers.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_folders(self) -> None:
        self._queue.mkdir()
        (self._queue / "pid").mkdir()
        for name in (*_FOLDERS, "data"):
            folder = self._queue / name
            folder.mkdir(mode=0o700)
            shutil.chown(folder, "postfix", "postdrop")
        (self._queue / "public").chmod(0o710)

    def _configure(self, services: Mapping[str, Mapping[str, str]]) -> None:
        chain = self.certificates.path("good")
        main = _MAIN | {
            "queue_directory": str(self._queue),
            "maillog_file": str(self.folder / "log"),
            "smtpd_tls_chain_files": str(chain),
        }
        lines = [f"{name} = {value}\n" for name, value in main.items()]
        (self.folder / "main.cf").write_text("".join(lines))
        master = [_SERVICES, *(self._service(name, services[name]) for name in services)]
        (self.folder / "master.cf").write_text("".join(master))

    def _service(self, name: str, options: Mapping[str, str]) -> str:
        values = dict(options)
        daemon = values.pop("program", "smtpd")
        chain = values.pop("certificate", "")
        if chain:
            values["smtpd_tls_chain_files"] = str(self.certificates.path(chain))
        own = "".join(f" -o {{ {key} = {value} }}" for key, value in values.items())
        most = 1 if daemon == "postscreen" else "-"
        return f"127.0.0.1:{self.port(name)} inet n - n - {most} {daemon}{own}\n"

    def _start_with(self, services: Mapping[str, Mapping[str, str]], tries: int = 3) -> None:
        """Start on free ports, and on others where somebody else took one meanwhile."""
        self._ports = dict(zip(services, free_ports(len(services)), strict=True))
        self._configure(services)
        self._process = self._start()
        try:
            wait_until(self._ready, timeout=60)
        except RuntimeError:
            if tries == 1:
                raise
            self._start_with(services, tries - 1)

    def _start(self) -> subprocess.Popen[bytes]:
        shown = subprocess.run(
            ["postconf", "-dh", "daemon_directory"],
            executable=program("postconf"),
            capture_output=True,
            check=True,
        )
        master = Path(os.fsdecode(shown.stdout).strip()) / "master"
        with (self.folder / "out").open("wb") as out:
            return subprocess.Popen(
                [master, "-c", self.folder, "-d"],
                env={**os.environ, "RES_OPTIONS": "timeout:1 attempts:1"},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            said = (self.folder / "out").read_text()
            raise RuntimeError(f"Postfix ended: {said[-2000:]} {self.log[-2000:]}")
        return all(map(answers, self._ports.values()))
