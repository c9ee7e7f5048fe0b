"""Directives that write reference tables from the code, so that they cannot grow stale.

``smtpadmin-keys`` (``app.config`` keys), ``smtpadmin-fields`` (fields of a mail server),
``smtpadmin-states`` (which state may follow which), ``smtpadmin-presets`` (known providers),
``smtpadmin-signals``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from flask_smtpadmin.config import KEYS
from flask_smtpadmin.core.settings.fields import SERVER_FIELDS, URL
from flask_smtpadmin.core.settings.presets import presets
from flask_smtpadmin.core.states import FAILED, FINAL, STATES, TRANSITIONS
from flask_smtpadmin.core.states import WAITING as COUNTED

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from flask_smtpadmin.core.settings import Spec

Row = tuple[str, ...]

#: What a state means to a person; the build fails when one is missing.
MEANINGS = {
    "queued": "Due now, or parked until a server, a setting, a quota or a pause allows it.",
    "scheduled": "Waits for the time its caller named.",
    "sending": "A worker holds a lease on it.",
    "retrying": "A try failed and counted; the next one has a time.",
    "sent": "The server accepted it for every recipient. Not yet proof of delivery.",
    "partial": "Accepted for some recipients; none of the others is tried again by itself.",
    "dead": "Dead letter: refused for good, or failed too often.",
    "uncertain": "The link broke after the message was written; the server may have it.",
    "cancelled": "A person or the app called it off.",
    "expired": "It waited longer than it was worth.",
    "caught": "Kept instead of sent, because of MODE.",
}


class Table(SphinxDirective):
    """A table whose rows come from the code."""

    head: Row = ()

    def rows(self) -> Iterable[Row]:
        """Return the rows below the head, as Markdown."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Build the table from Markdown, so that cells may hold code and links."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows()]
        text = "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines)
        return self.parse_text_to_nodes(text)


def cell(text: str) -> str:
    """Keep a pipe from ending the cell."""
    return text.replace("|", "\\|").replace("\n", " ")


#: How a person calls what a Spec calls by one word.
KINDS = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "list": "comma-separated",
    "days": "days, or `keep`",
    "policy": "`private`, `strict` or a callable",
    "mode": "`live`, `catch`, `record` or `redirect:ADDRESS`",
    "servers": "mapping",
    "limits": "JSON or `name=number` pairs",
    "email": "address",
    "ports": "comma-separated numbers",
    "prefix": "path",
    "url": "URL",
}


def values(spec: Spec) -> str:
    """Say which values a setting takes."""
    if spec.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in spec.choices)
    name = KINDS.get(spec.kind, spec.kind)
    low, high = spec.minimum, spec.maximum
    if low is None or high is None:
        return name
    return f"{name}, {low:,g} to {int(high):,}"


def default(value: Any) -> str:
    """Show a default as a person would write it."""
    if value in (None, "", (), {}, []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


class Keys(Table):
    """Every ``app.config`` key."""

    head = ("Key", "Default", "What it does")

    def rows(self) -> Iterator[Row]:
        """One row a key."""
        for spec in KEYS.values():
            doc = f"{spec.doc}<br>*{values(spec)}*"
            if spec.editable:
                doc += " · settings page"
            if not spec.environment:
                doc += " · `app.config` only"
            yield f"`SMTPADMIN_{spec.name}`", default(spec.default), doc


class Fields(Table):
    """Every field of a mail server."""

    head = ("Variable", "Default", "What it does")

    def rows(self) -> Iterator[Row]:
        """One row a field, the combined URL first."""
        for spec in (URL, *SERVER_FIELDS.values()):
            doc = f"{spec.doc}<br>*{values(spec)}*"
            if spec.secret:
                doc += " · secret"
            yield f"`SMTPADMIN_{spec.name}`", default(spec.default), doc


class States(Table):
    """Every state of a message and what may come next."""

    head = ("State", "Meaning", "May become", "Counts as")

    def rows(self) -> Iterator[Row]:
        """One row a state, in the order of the code."""
        for state in STATES:
            after = ", ".join(f"`{name}`" for name in STATES if name in TRANSITIONS[state])
            counted = [
                "waiting (`MAX_QUEUE`)" if state in COUNTED else "",
                "failed" if state in FAILED else "",
                "final" if state in FINAL else "",
            ]
            yield f"`{state}`", MEANINGS[state], after, ", ".join(filter(None, counted))


class Presets(Table):
    """Every provider whose settings are known."""

    head = ("Key", "Provider", "Host", "Ports", "From address")

    def rows(self) -> Iterator[Row]:
        """One row a provider."""
        for key, preset in presets().items():
            ports = ", ".join(f"{port.port} {port.tls_mode}" for port in preset.shown_ports)
            host = f"`{preset.host}`" if preset.host else ""
            yield f"`{key}`", preset.name, host, ports, f"`{preset.from_rule.kind}`"


class Signals(Table):
    """Every signal with the comment that stands above it."""

    head = ("Signal", "Sent when")

    def rows(self) -> Iterator[Row]:
        """One row a signal, in the order of the module."""
        analyzer = ModuleAnalyzer.for_module("flask_smtpadmin.signals")
        for (_, name), comment in analyzer.find_attr_docs().items():
            yield f"`{name}`", " ".join(comment).replace("``", "`")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("smtpadmin-keys", Keys)
    app.add_directive("smtpadmin-fields", Fields)
    app.add_directive("smtpadmin-states", States)
    app.add_directive("smtpadmin-presets", Presets)
    app.add_directive("smtpadmin-signals", Signals)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
