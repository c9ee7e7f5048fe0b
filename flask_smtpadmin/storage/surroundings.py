"""What surrounds the database: the environment, ``app.config`` and the files they name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.errors import SecretUnreadable
from flask_smtpadmin.core.settings import Problem, Snapshot
from flask_smtpadmin.core.settings.origins import Context, Secrets, Stored
from flask_smtpadmin.core.settings.resolve import app_defaults, resolve
from flask_smtpadmin.core.settings.sources import env_prefix, read_config, read_environment

#: Bytes of a ``NAME_FILE`` that are read at most.
_LARGEST: Final = 65_536


class LocalFiles:
    """Files of this machine."""

    def text(self, path: str) -> str:
        """Return the text of a small regular file; raises OSError or ValueError."""
        if not Path(path).is_file():  # reading a pipe would wait for ever
            raise FileNotFoundError(2, "No such file")
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(path)
        return content.decode("utf-8-sig")  # some editors put a mark in front

    def readable(self, path: str) -> bool:
        """Say whether ``path`` is a file that may be read."""
        try:
            return Path(path).is_file() and os.access(path, os.R_OK)
        except (OSError, ValueError):  # a name too long, a folder that may not be entered
            return False


class NoSecrets:
    """Opens nothing: for settings that are read without the database."""

    def open(self, *_: object) -> str:
        """Refuse."""
        raise SecretUnreadable("Saved secrets are not read here.")

    def read(self, *_: object) -> str:
        """Refuse."""
        raise SecretUnreadable("Saved secrets are not read here.")


def read_context(
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    app_name: str,
    secrets: Secrets,
    problems: tuple[Problem, ...] = (),
) -> Context:
    """Read environment and ``app.config`` as they are now."""
    files = LocalFiles()
    prefix = env_prefix(config)
    return Context(
        environment=read_environment(environ, prefix, KEYS, files),
        config=read_config(config, KEYS, files),
        specs=KEYS,
        prefix=prefix,
        files=files,
        secrets=secrets,
        defaults=app_defaults(app_name, testing=bool(config.get("TESTING"))),
        problems=problems,
    )


def read_boot(
    config: Mapping[str, Any], environ: Mapping[str, str] = os.environ, *, app_name: str = ""
) -> Snapshot:
    """Return the settings that environment and ``app.config`` give, without any database.

    For what must be known before there is one: URL_PREFIX, REDIS_URL, ENCRYPTION_KEYS ...
    """
    context = read_context(config, environ, app_name=app_name, secrets=NoSecrets())
    return resolve(context, Stored())
