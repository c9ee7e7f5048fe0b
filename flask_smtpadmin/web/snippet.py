"""The settings as lines for a ``.env`` file."""

from __future__ import annotations

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.settings.describe import env_document
from flask_smtpadmin.state import current_state


def env_snippet() -> str:
    """Return what is in force as environment variables, without any secret."""
    state = current_state()
    snapshot = state.settings.snapshot(max_age=1.0)
    return env_document(snapshot, str(snapshot["ENV_PREFIX"]), KEYS)
