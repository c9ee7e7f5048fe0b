"""Engines that reach no server take every message and say where it went."""

from __future__ import annotations

import asyncio
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flask_smtpadmin.core.replies import classify_transaction
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import Envelope, Transaction, TransportFailure
from flask_smtpadmin.transport import open_session
from flask_smtpadmin.transport.local import MEMORY

MAIL = Envelope("a@example.org", ("b@example.org",), b"Subject: x\r\n\r\n.hello\r\n")


def deliver(content: bytes = MAIL.content, **settings: Any) -> Transaction:
    """Hand one message to a local engine."""
    mail = replace(MAIL, content=content)

    async def run() -> Transaction:
        session = open_session(Server(key="default", **settings))
        await session.open()
        result = await session.transact(mail)
        assert session.usable
        await session.close()
        return result

    return asyncio.run(run())


def test_memory_keeps_the_envelope() -> None:
    """For users' own tests."""
    MEMORY.clear()
    assert deliver(engine="memory").accepted
    assert [(kept.server, kept.envelope) for kept in MEMORY] == [("default", MAIL)]


def test_console_prints_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    """Envelope first, then what would have been sent."""
    assert deliver(engine="console").accepted
    printed = capsys.readouterr().out
    assert "a@example.org -> b@example.org" in printed
    assert "Subject: x\n\n.hello" in printed


def test_console_prints_what_the_terminal_cannot_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the C locale letters beyond ASCII are written as escapes; the message is taken."""
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    assert deliver(engine="console", content="Subject: x\r\n\r\nGrüße\r\n".encode()).accepted
    assert b"Gr\\xfc\\xdfe" in printed.getvalue()


def test_file_writes_one_message_to_a_file(tmp_path: Path) -> None:
    """HOST names the folder; nothing half-written is left, and others cannot read it."""
    folder = tmp_path / "out" / "box"
    for _ in range(3):
        assert deliver(engine="file", host=str(folder)).accepted
    files = list(folder.iterdir())
    assert {file.suffix for file in files} == {".eml"}
    assert len(files) == 3
    assert files[0].stat().st_mode & 0o077 == 0
    head, _, rest = files[0].read_bytes().partition(b"\r\nSubject")
    assert head == b"X-Envelope-From: <a@example.org>\r\nX-Envelope-To: <b@example.org>"
    assert rest == b": x\r\n\r\n.hello\r\n"


def test_a_folder_that_cannot_be_made_is_a_setting_to_correct(tmp_path: Path) -> None:
    """The path is named."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransportFailure) as caught:
        deliver(engine="file", host=str(tmp_path / "file" / "box"))
    outcome = classify_transaction(caught.value)
    assert outcome is not None
    assert outcome.cause == "misconfigured"
    assert str(tmp_path) in str(caught.value.error)
