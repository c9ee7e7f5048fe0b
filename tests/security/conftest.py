"""Pages that look at a running test more often than people need."""

from __future__ import annotations

import pytest

from flask_smtpadmin.web import checking


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a hundred tests from pages take seconds."""
    monkeypatch.setattr(checking, "_LOOK_EVERY", 0.01)
