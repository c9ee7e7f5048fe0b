"""Settings: what they are, where each value comes from, and the servers they make up.

The values stand here; ``fields`` lists a server's settings, ``parse`` reads one, ``sources`` and
``server_url`` read environment and ``app.config``, ``origins`` picks the first hit, ``servers``
and ``rules`` make a server of them, ``resolve`` makes the whole :class:`Snapshot`, ``presets`` are
the providers, ``edits`` what a form may change, ``describe`` the documents of the command line.
"""

from __future__ import annotations

from flask_smtpadmin.core.settings.values import (
    LOCAL_ENGINES,
    Auth,
    Endpoint,
    Engine,
    Field,
    Kind,
    Origin,
    Problem,
    Server,
    Snapshot,
    Spec,
    TLSMode,
)

__all__ = [
    "LOCAL_ENGINES",
    "Auth",
    "Endpoint",
    "Engine",
    "Field",
    "Kind",
    "Origin",
    "Problem",
    "Server",
    "Snapshot",
    "Spec",
    "TLSMode",
]
