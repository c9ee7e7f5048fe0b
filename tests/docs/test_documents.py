"""What README and docs show is true."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
from click import Group
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from support.apps import Site, close_site
from support.documents import ROOT, blocks, documents
from support.quickstart import run

from flask_smtpadmin.cli.smtp import smtp
from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS

WITH_CODE = [page for page in documents() if any(blocks(page, "python"))]
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def name(page: Path) -> str:
    """Return the page's path as test ids show it."""
    return str(page.relative_to(ROOT))


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Run code as the module ``app`` of an empty folder, then close what it opened."""
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("app")
    module.__file__ = str(tmp_path / "app.py")
    monkeypatch.setitem(sys.modules, "app", module)
    yield module
    found = list(vars(module).values())
    for app in (value for value in found if isinstance(value, Flask)):
        database = app.extensions.get("sqlalchemy")
        if isinstance(database, SQLAlchemy):
            close_site(Site(app, database, None))


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_code_runs(page, module):
    """Every Python block of a page runs, after those above it."""
    for block in blocks(page, "python"):
        source = "\n" * (block.line - 1) + block.code
        exec(compile(source, str(page), "exec"), vars(module))


@pytest.mark.parametrize("page", documents(), ids=name)
def test_links_lead_somewhere(page):
    """A relative link names a file that is there."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_quickstart_delivers(tmp_path):
    """The quickstart, pasted into an empty folder, queues a mail and delivers it."""
    mails = run(tmp_path, str(Path(sys.executable).with_name("flask")))
    assert [(mail["Subject"], mail["To"]) for mail in mails] == [("Welcome", "ada@example.com")]
    assert mails[0].get_content().strip() == "Good to have you."


@pytest.mark.parametrize(("debug", "status"), [("1", 200), ("", 403)])
def test_quickstart_opens_the_pages_in_debug_only(module, monkeypatch, debug, status):
    """As it stands, without a SECRET_KEY, the pages open in debug mode and are closed otherwise."""
    monkeypatch.setenv("FLASK_DEBUG", debug)
    (block,) = blocks(ROOT / "README.md", "python")
    exec(compile(block.code, "README.md", "exec"), vars(module))
    assert module.app.test_client().get("/admin/email/").status_code == status


@pytest.mark.parametrize("page", documents(), ids=name)
def test_named_settings_exist(page):
    """Every SMTPADMIN_ variable that a page names is one that the package or its tests read."""
    suite = (ROOT / "tests/support/promises.py").read_text(encoding="utf-8")
    known = {*KEYS, *SERVER_FIELDS, "URL", *re.findall(r'"SMTPADMIN_([A-Z_]+)"', suite)}
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"SMTPADMIN_(?:SERVERS__[A-Z0-9]+__)?([A-Z][A-Z_]*[A-Z])", text)
    assert [it for it in named if not {it, it.removesuffix("_FILE")} & known] == []


@pytest.mark.parametrize("page", documents(), ids=name)
def test_named_commands_exist(page):
    """Every `flask smtp` command that a page names is there."""
    text = page.read_text(encoding="utf-8")
    for words in re.findall(r"flask smtp ((?:[a-z]+ ?)+)", text):
        command = smtp
        for word in words.split():
            assert word in command.commands, words
            command = command.commands[word]
            if not isinstance(command, Group):
                break


def test_named_targets_exist():
    """Every `make` target that README and CONTRIBUTING name is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"(?:^    |`)make ([a-z]+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page, target)
