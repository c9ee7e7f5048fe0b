"""Run Flask-Mail's own tests with our ``Mail`` in the place of theirs.

    python tests/adapters/upstream.py

Version 0.9.1 is the last whose source package holds its tests; pip fetches it. Flask-Mailman's
source packages hold none. What fails must be in ``EXPECTED``, with the reason, and nothing else;
a test that is listed and passes is as wrong as one that fails and is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

import flask_mail
import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_smtpadmin import SMTPAdmin
from flask_smtpadmin.adapters.flask_mail import Mail

VERSION = "0.9.1"
_SMTP = "calls sendmail() on the SMTP connection inside, which the queue has none of"
EXPECTED = {
    "TestConnection.test_sendmail_with_ascii_body": _SMTP,
    "TestConnection.test_sendmail_with_ascii_recipient": _SMTP,
    "TestConnection.test_sendmail_with_non_ascii_body": _SMTP,
    "TestConnection.test_sendmail_with_non_ascii_recipient": _SMTP,
}


class Behind(Mail):
    """Our ``Mail`` on an app that gets an SMTPAdmin by the way; nothing is suppressed."""

    apps: list[Flask] = []  # noqa: RUF012 - all of them, to count and to close

    def __init__(self, app: Flask) -> None:
        app.config.update(
            SECRET_KEY="tests only",
            SQLALCHEMY_DATABASE_URI="sqlite:///:memory:",
            MAIL_SUPPRESS_SEND=False,
        )
        db = SQLAlchemy(app)
        SMTPAdmin(app, db)
        with app.app_context():
            db.create_all()
        self.apps.append(app)
        super().__init__(app)


class Lazy:
    """What the package ``speaklater`` made: text that is worked out when it is read."""

    def __init__(self, function, *values) -> None:
        self._function, self._values = function, values

    def __str__(self) -> str:
        return self._function(*self._values)


def fetch(folder: Path) -> Path:
    """Download the source package and return its tests, which nothing was built of."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--no-binary", ":all:", "--dest", str(folder)]
    wanted = f"Flask-Mail=={VERSION}"
    if subprocess.run([*command, wanted], check=False).returncode:
        # pip reads the metadata by running setup.py, and that needs setuptools
        tools = folder / "tools"
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tools)]
        subprocess.run([*install, "setuptools<81", "wheel"], check=True)
        environment = {**os.environ, "PYTHONPATH": str(tools)}
        subprocess.run([*command, "--no-build-isolation", wanted], check=True, env=environment)
    (package,) = folder.glob("*.tar.gz")
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    (tests,) = folder.glob("*/tests.py")
    return tests


def load(tests: Path, mail: type[flask_mail.Mail]) -> types.ModuleType:
    """Import the tests with ``mail`` as ``flask_mail.Mail``, and with what 0.10 dropped."""
    lazy = types.ModuleType("speaklater")
    lazy.make_lazy_string = Lazy  # type: ignore[attr-defined]  # made here
    sys.modules.update(mock=mock, speaklater=lazy)
    unittest.TestCase.assertEquals = unittest.TestCase.assertEqual  # Python 3.12 dropped it
    module = types.ModuleType("upstream_tests")
    with mock.patch.multiple(flask_mail, create=True, Mail=mail, PY3=True):
        exec(compile(tests.read_text(encoding="utf-8"), str(tests), "exec"), vars(module))
    return module


def run(module: types.ModuleType) -> tuple[int, dict[str, str]]:
    """Return how many tests ran, and the last line of what each failing one said."""
    cases = [case for case in vars(module).values() if isinstance(case, type)]
    cases = [case for case in cases if issubclass(case, unittest.TestCase)]
    loader, result = unittest.defaultTestLoader, unittest.TestResult()
    unittest.TestSuite(map(loader.loadTestsFromTestCase, cases)).run(result)
    said = {}
    for test, trace in [*result.failures, *result.errors]:
        said[test.id().removeprefix("upstream_tests.")] = trace.strip().splitlines()[-1]
    return result.testsRun, said


def stored() -> int:
    """Count the messages that came into the queues, and close the databases."""
    count = 0
    for app in Behind.apps:
        db, table = app.extensions["sqlalchemy"], app.extensions["smtpadmin"].models.table
        with app.app_context():
            count += db.session.scalar(sa.select(sa.func.count()).select_from(table("Message")))
            db.session.remove()
            db.engine.dispose()
    return count


def main() -> int:
    """Run the suite twice and compare; 1 when anything is not as expected."""
    with tempfile.TemporaryDirectory() as folder:
        tests = fetch(Path(folder))
        _count, theirs = run(load(tests, flask_mail.Mail))
        count, ours = run(load(tests, Behind))
    print(f"{count} tests of Flask-Mail {VERSION}, {stored()} messages queued")  # noqa: T201 - its report
    for name in sorted(ours):
        also = " (fails with Flask-Mail's own Mail, too)" if name in theirs else ""
        reason = EXPECTED.get(name, f"NOT EXPECTED: {ours[name]}")
        print(f"  fails: {name}{also}: {reason}")  # noqa: T201 - its report
    for name in sorted(set(EXPECTED) - set(ours)):
        print(f"  NOT EXPECTED to pass: {name}")  # noqa: T201 - its report
    return int(set(ours) != set(EXPECTED))


if __name__ == "__main__":
    sys.exit(main())
