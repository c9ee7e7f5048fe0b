"""What to say when a template holds what the language lacks: what is wrong, and what to do."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Collection, Iterable
from typing import Any, Final

from jinja2 import nodes

from flask_smtpadmin.content.filters import FILTERS
from flask_smtpadmin.content.fuel import DEPTH, LOOP_DEPTH, LOOPS, NODES, Refused
from flask_smtpadmin.content.values import variable_of
from flask_smtpadmin.core.words import said

#: How a template writes what is refused, where the name of the node does not tell.
_WRITTEN: Final[dict[type[nodes.Node], str]] = {
    nodes.AssignBlock: "set ... endset",
    nodes.CallBlock: "call",
    nodes.Dict: "{...: ...}",
    nodes.FilterBlock: "filter ... endfilter",
    nodes.FromImport: "from ... import",
    nodes.NSRef: "set a.b",
    nodes.Pow: "**",
    nodes.Scope: "autoescape",
    nodes.ScopedEvalContextModifier: "autoescape",
}
#: What serves in the place of filters that people know from Jinja.
_INSTEAD: Final = {
    "dictsort": "items",
    "float": "round",
    "forceescape": "escape",
    "format": "number",
    "int": "round",
    "striptags": "escape",
    "urlize": "urlencode",
}
#: So many names are listed where one is unknown.
_LISTED: Final = 20


def label(node: nodes.Node) -> str:
    """Return how a template writes a name and its parts, "" for what is neither."""
    parts: list[str] = []
    while isinstance(node, (nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr):
            parts.append(f".{node.attr}")
        elif isinstance(node.arg, nodes.Const):
            parts.append(f"[{node.arg.value!r}]")
        else:
            parts.append("[...]")
        node = node.node
    return node.name + "".join(reversed(parts)) if isinstance(node, nodes.Name) else ""


def too_large(node: nodes.Node) -> Refused:
    """Say how much a template may hold."""
    text = said(
        "The template is too large: it may hold %(limit)s names, operations and pieces of text, "
        "and %(loops)s loops. Let the app hand over lists, and repeat with `for`.",
        limit=f"{NODES:,}",
        loops=LOOPS,
    )
    return Refused(text, line=node.lineno)


def too_deep(node: nodes.Node) -> Refused:
    """Say how deep its parts may stand in each other."""
    text = said(
        "Too much stands in each other here: loops may %(loops)s deep, brackets, operations and "
        "blocks %(limit)s. Name a part of it with `set` and use the name.",
        loops=LOOP_DEPTH,
        limit=DEPTH,
    )
    return Refused(text, line=node.lineno)


def no_syntax(node: nodes.Node) -> Refused:
    """Say that a statement or expression is none of the language."""
    if isinstance(node, nodes.Call):
        return _no_call(node)
    what = _WRITTEN.get(type(node), type(node).__name__.lower())
    lines = (node.lineno, *(child.lineno for child in node.iter_child_nodes()))
    return Refused(
        said(
            "`%(what)s` is not part of the template language: a template puts in values, chooses "
            "with `if`, repeats with `for` and names with `set`.",
            what=what,
        ),
        line=next(filter(None, lines), None),  # a scope has none of its own
    )


def _no_call(node: nodes.Call) -> Refused:
    name = label(node.node)
    owner, _, method = name.rpartition(".")
    if owner and method in FILTERS:
        text = said(
            "Nothing can be called in a template. Write `%(filter)s` instead of `%(call)s(...)`.",
            filter=f"{owner}|{method}",
            call=name,
        )
    else:
        text = said(
            "Nothing can be called in a template, and `%(call)s(...)` calls something. Let the app "
            "hand over the value.",
            call=name or "...",
        )
    return Refused(text, variable_of(name), node.lineno)


def no_variable(node: nodes.Name, known: Collection[str]) -> Refused:
    """Say that a mail has no such variable, and which is meant or which there are."""
    near = _near(node.name, known)
    if near:
        text = said(
            "There is no variable `%(name)s`. Is `%(near)s` meant?", name=node.name, near=near
        )
    elif known:
        text = said(
            "There is no variable `%(name)s`. This mail has %(known)s.",
            name=node.name,
            known=_listed(known),
        )
    else:
        text = said("There is no variable `%(name)s`: this mail has none.", name=node.name)
    return Refused(text, node.name, node.lineno)


def bad_name(name: str, line: int) -> Refused:
    """Say which names may be used."""
    text = said(
        "`%(name)s` cannot be a name here: names hold letters from a to z, digits and `_`, begin "
        "with a letter, and some such as `loop` and `self` are taken.",
        name=name,
    )
    return Refused(text, name, line)


def no_loop_part(node: nodes.Getattr, known: Collection[str]) -> Refused:
    """Say what a loop tells of itself."""
    text = said(
        "`loop.%(name)s` is not there. Inside a loop there are %(known)s.",
        name=node.attr,
        known=_listed(f"loop.{it}" for it in known),
    )
    return Refused(text, "loop", node.lineno)


def no_filter(node: nodes.Filter, known: Collection[str]) -> Refused:
    """Say that there is no such filter, and which serves instead or which there are."""
    near = _INSTEAD.get(node.name) or _near(node.name, known)
    if node.name == "safe":
        text = said(
            "`safe` is left out: values are always escaped. An app that hands over HTML marks it "
            "itself, as `Markup`."
        )
    elif near:
        text = said(
            "There is no filter `%(name)s`. Is `%(near)s` meant?", name=node.name, near=near
        )
    else:
        text = said(
            "There is no filter `%(name)s`. There are %(known)s.",
            name=node.name,
            known=_listed(known),
        )
    return Refused(text, line=node.lineno)


def no_test(node: nodes.Test, known: Collection[str]) -> Refused:
    """Say that there is no such test, and which there are."""
    text = said(
        "There is no test `is %(name)s`. There are %(known)s.", name=node.name, known=_listed(known)
    )
    return Refused(text, line=node.lineno)


def misused(node: Any, function: Any) -> Refused:
    """Say what a filter or test takes in brackets."""
    takes = list(inspect.signature(function).parameters.values())[2:]
    if takes:
        names = (it.name if it.default is it.empty else f"{it.name}={it.default!r}" for it in takes)
        text = said(
            "`%(name)s` is written `%(name)s(%(takes)s)`.", name=node.name, takes=", ".join(names)
        )
    else:
        text = said("`%(name)s` takes nothing in brackets.", name=node.name)
    return Refused(text, line=node.lineno)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)[:_LISTED])


def _near(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name[:64], sorted(known), 1, 0.5)), "")
