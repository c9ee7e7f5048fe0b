"""``mail.types``: the Python twin of ``flask smtp types``, in the shapes of its JSON."""

from __future__ import annotations

from typing import Any

from flask_smtpadmin import catalogue
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.state import current_state


class TypesTwin:
    """The kinds of mail of the current app; every method needs an app context."""

    def list(self) -> dict[str, Any]:
        """Return ``{"types": [...]}`` in the order in which they were registered."""
        return {"types": [known.document() for known in catalogue.types(current_state())]}

    def get(self, name: str) -> dict[str, Any]:
        """Return one type with ``variables`` and ``texts``.

        Raises:
            NotFound: none of that name was registered.
        """
        return catalogue.whole(current_state(), name)

    def enable(self, name: str) -> dict[str, Any]:
        """Let mail of a type go out again; return the type."""
        current_state().hooks.types.get(name)
        current_state().templates.switch(name, on=True)
        return self.get(name)

    def disable(self, name: str) -> dict[str, Any]:
        """Keep mail of a type back: it is stored as cancelled; return the type.

        Raises:
            NotFound: none of that name was registered.
            ConfigurationError: it is critical.
        """
        catalogue.switch_off(current_state(), name)
        return self.get(name)

    def reset(self, name: str, locale: str = "") -> dict[str, Any]:
        """Let the code's own words count again; return the type.

        Raises:
            NotFound: no such type, or none of its words were changed in that language.
        """
        state = current_state()
        state.hooks.types.get(name)
        if catalogue.own_version(state, name, locale) is None:
            raise NotFound("saved version", name)
        state.templates.reset(name, locale)
        return self.get(name)
