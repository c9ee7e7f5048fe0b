"""How the source of a template is read: Jinja's parser, with nothing else of Jinja to reach.

The source is measured before it is parsed: what a parser builds is many times larger than what it
reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.idtracking import VAR_LOAD_RESOLVE
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flask_smtpadmin.content import fuel
from flask_smtpadmin.content.filters import FILTERS, TESTS
from flask_smtpadmin.content.fuel import Refused
from flask_smtpadmin.content.grammar import LOOP
from flask_smtpadmin.content.operations import OPERATIONS
from flask_smtpadmin.content.values import Missing
from flask_smtpadmin.core.words import said

#: Jinja reads a number as one, however long it is.
_LONG_NUMBER: Final = re.compile(r"[0-9][0-9_]{300}")


class _Generator(CodeGenerator):
    """Writes the name of a variable where Jinja would ask each time whether it has a value.

    The context has something for every name of a template, ``Missing`` at least; so the code is
    half as large, and so is what Python needs to compile it.
    """

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:  # noqa: N802 - Jinja's
        """Write a name that comes from the context, and leave the others to Jinja."""
        name = frame.symbols.ref(node.name)
        load = frame.symbols.find_load(name)
        if node.ctx == "load" and load is not None and load[0] == VAR_LOAD_RESOLVE:
            self.write(name)
        else:
            super().visit_Name(node, frame)


class Engine(ImmutableSandboxedEnvironment):
    """Jinja without globals, loader and attributes."""

    code_generator_class = _Generator

    def __init__(self, *, html: bool) -> None:
        super().__init__(
            autoescape=html,
            undefined=Missing,
            optimized=False,  # nothing is worked out while a template is read
            cache_size=0,
        )
        self.html = html
        self.globals.clear()
        self.filters = {**FILTERS, **OPERATIONS}
        self.tests = dict(TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what a loop tells of itself; nothing else has attributes."""
        if type(obj) is LoopContext and attribute in LOOP:
            return getattr(obj, attribute)
        raise _unreachable()

    def getitem(self, *_: Any) -> Any:
        """Refuse: parts are looked up by an operation of ours."""
        raise _unreachable()

    def call(self, *_: Any, **__: Any) -> Any:
        """Refuse: nothing is called."""
        raise _unreachable()

    call_binop = call_unop = call


def _unreachable() -> Refused:
    return Refused(said("This cannot be reached from a template."))


#: By whether they escape.
ENGINES: Final = {html: Engine(html=html) for html in (False, True)}


def read(source: str, engine: Engine) -> nodes.Template:
    """Return the tree of a template that is small enough.

    Raises:
        Refused: it is too large.
        TemplateSyntaxError: it is no template; Jinja's words say why.
    """
    # As Python writes it: control characters take up to ten times their room.
    size = max(len(source.encode("utf-8", "surrogatepass")), len(repr(source)))
    lines = source.count("\n") + source.count("\r")
    if size > fuel.SOURCE_BYTES or lines > fuel.SOURCE_LINES:
        raise Refused(
            said(
                "The template is too large: it may have %(limit)s bytes in %(lines)s lines.",
                limit=f"{fuel.SOURCE_BYTES:,}",
                lines=f"{fuel.SOURCE_LINES:,}",
            )
        )
    long = _LONG_NUMBER.search(source)
    if long is not None:
        raise Refused(
            said("This number is too large for a mail."),
            line=source.count("\n", 0, long.start()) + 1,
        )
    if source.count("\\") > fuel.BACKSLASHES:
        raise Refused(
            said(
                "The template has too many backslashes: at most %(limit)s.",
                limit=f"{fuel.BACKSLASHES:,}",
            )
        )
    _count(source, engine)
    return engine.parse(source)


def _count(source: str, engine: Engine) -> None:
    tokens: Iterator[tuple[int, str, str]] = engine.lex(source)
    for seen, (line, _kind, _text) in enumerate(tokens):
        if seen > fuel.TOKENS:
            raise Refused(
                said(
                    "The template is too large: it has more than %(limit)s words and signs in "
                    "its tags.",
                    limit=f"{fuel.TOKENS:,}",
                ),
                line=line,
            )
