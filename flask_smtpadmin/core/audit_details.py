"""What an entry tells of a change: values before and after, secrets never, addresses masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_smtpadmin.core.audit import CHANGED, REMOVED, Keyring
from flask_smtpadmin.core.masks import mask
from flask_smtpadmin.core.redact import cut
from flask_smtpadmin.core.rows import Filter
from flask_smtpadmin.core.settings import Spec
from flask_smtpadmin.core.settings.edits import Changes
from flask_smtpadmin.core.settings.origins import ADDED, BOUND, Typed

_LONGEST: Final = 500
#: Stored beside a server's values and no setting of its own.
_OURS: Final = frozenset({ADDED, BOUND})


def edited(
    changes: Changes, held: Mapping[str, str | Typed], specs: Mapping[str, Spec]
) -> dict[str, Any]:
    """Return ``{field: {"from", "to"}}`` of the stored values that differ.

    A secret is only ``changed`` or ``removed``; one that stays is left out, like everything else
    that stays. Whatever has no spec counts as a secret.
    """
    found: dict[str, Any] = {}
    for name, after in changes.items():
        before = held.get(name)
        if name in _OURS or after == before:
            continue
        spec = specs.get(name)
        if spec is None or spec.secret or isinstance(after, Typed) or isinstance(before, Typed):
            found[name.lower()] = REMOVED if after is None else CHANGED
        else:
            found[name.lower()] = difference(before, after)
    return found


def difference(before: str | None, after: str | None) -> dict[str, str | None]:
    """Return one change of a value that is no secret; None: there was none, or is none now."""
    return {"from": _short(before), "to": _short(after)}


def filtered(wanted: Filter) -> dict[str, Any]:
    """Return which messages a filter means; addresses in the text that was searched are masked."""
    found = {
        "state": wanted.state,
        "text": mask(cut(wanted.q.strip(), _LONGEST)),
        "type": wanted.type,
        "server": wanted.server,
        "range": wanted.range,
        "cause": wanted.cause,
    }
    return {name: value for name, value in found.items() if value}


def recipient(address: str, keys: Keyring) -> dict[str, str]:
    """Return an address as an entry keeps it: masked, and a pseudonym to compare by."""
    return {"masked": mask(address), "hash": keys.pseudonym(address)} if address else {}


def _short(text: str | None) -> str | None:
    return None if text is None else cut(text, _LONGEST)
