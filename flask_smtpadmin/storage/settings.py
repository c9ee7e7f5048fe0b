"""Settings as they are in force, and the verbs that change what the database holds of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from flask_smtpadmin.core.settings import Server, Snapshot

if TYPE_CHECKING:
    from flask_smtpadmin.storage.database import Database
    from flask_smtpadmin.storage.vault import Vault


class Settings:
    """The settings of one app: read with their origins, tried out, saved.

    Args:
        database: where stored values are.
        config: ``app.config``, read at each load.
        environ: the environment, read at each load.
        app_name: ``app.name``, the default of the app's name in mails.
        vault: seals and opens stored secrets.
    """

    def __init__(
        self,
        database: Database,
        *,
        config: Mapping[str, Any],
        environ: Mapping[str, str] = os.environ,
        app_name: str = "",
        vault: Vault,
    ) -> None:
        raise NotImplementedError

    def boot(self) -> Snapshot:
        """Return what environment and ``app.config`` give, without asking the database."""
        raise NotImplementedError

    def snapshot(self, *, max_age: float = 0.0) -> Snapshot:
        """Return all settings; a load of the last ``max_age`` seconds will do.

        Raises:
            SchemaMissing: the tables are not there.
        """
        raise NotImplementedError

    def revision(self) -> int:
        """Return the number that grows with every change in the database."""
        raise NotImplementedError

    def draft(
        self,
        key: str,
        values: Mapping[str, str | None],
        *,
        preset: str | None = None,
        remove: Collection[str] = (),
    ) -> Server:
        """Return the server as it would be after saving ``values``; nothing is written."""
        raise NotImplementedError

    def save_server(
        self,
        key: str,
        values: Mapping[str, str | None],
        *,
        preset: str | None = None,
        create: bool = False,
        actor: str | None = None,
        remove_password: bool = False,
        remove: Collection[str] = (),
    ) -> Server:
        """Store the fields of a server (lower-case names) and return it as it is now."""
        raise NotImplementedError

    def delete_server(self, key: str, *, actor: str | None = None) -> None:
        """Remove what the database holds of a server."""
        raise NotImplementedError

    def save_values(
        self, values: Mapping[str, str | None], *, actor: str | None = None
    ) -> Snapshot:
        """Store editable global settings; None or "" removes a stored value."""
        raise NotImplementedError

    def set_paused(self, key: str | None, paused: bool, *, actor: str | None = None) -> None:
        """Pause or resume one server, or with None all sending."""
        raise NotImplementedError

    def set_enabled(self, key: str, enabled: bool, *, actor: str | None = None) -> None:
        """Switch one server on or off."""
        raise NotImplementedError
