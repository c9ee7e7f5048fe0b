"""The one engine that renders e-mail templates, the code's and those that admins edit.

A template comes from somebody who may edit mails and nothing else, so it may do little: put in
values, choose, repeat, format.  What it says is checked against a list of what is allowed
(``grammar``), it never holds an object of the app (``values``), and all that it does is paid for
before it is done (``fuel``).  Jinja's own sandbox stays underneath.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import TracebackType
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flask_smtpadmin.content import fuel
from flask_smtpadmin.content.filters import FILTERS, TESTS
from flask_smtpadmin.content.fuel import Meter, Refused
from flask_smtpadmin.content.grammar import LOOP, METER, translate
from flask_smtpadmin.content.operations import OPERATIONS
from flask_smtpadmin.content.programs import Programs
from flask_smtpadmin.content.values import Missing, plain
from flask_smtpadmin.core.errors import TemplateError
from flask_smtpadmin.core.words import said

#: Line breaks, control characters and lone surrogates, with the spaces around them.
_BREAKS: Final = re.compile("[ \t]*[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+[ \t]*")
#: So many pieces of a text are kept before they become one.
_PIECES: Final = 1_000
_FILENAME: Final = "<template>"


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja without globals, loader and attributes."""

    def __init__(self, *, html: bool) -> None:
        super().__init__(
            autoescape=html,
            undefined=Missing,
            optimized=False,  # nothing is worked out while a template is read
            cache_size=0,
        )
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


_ENVIRONMENTS: Final = {html: _Environment(html=html) for html in (False, True)}


class Program:
    """A template that was read and checked, and can be rendered many times, by many threads.

    ``variables`` are those it uses, ``part`` what it was compiled as.
    """

    __slots__ = ("_html", "_template", "part", "variables")

    def __init__(
        self, template: Template, variables: frozenset[str], *, html: bool, part: str
    ) -> None:
        self._template = template
        self._html = html
        self.variables = variables
        self.part = part

    def render(self, values: Mapping[str, object]) -> str:
        """Return the text with ``values`` (plain value by variable) filled in.

        What the template does not use is not looked at.

        Raises:
            TemplateError: a value is missing or not plain, or the template costs too much.
        """
        meter = Meter(html=self._html)
        try:
            copied = plain(values, self.variables, html=self._html)
            copied[METER] = meter
            text = self._write(meter, self._template.new_context(copied, shared=True))
        except Refused as refused:
            raise self._error(refused) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the template's
            # Without the error itself: it may hold a value, and a value may be a secret.
            raise self._error(_broken(error), error) from None
        return _one_line(text) if self.part == "subject" else text

    def _write(self, meter: Meter, context: Any) -> str:
        chunks: list[str] = []
        pieces: list[str] = []
        for piece in self._template.root_render_func(context):
            meter.characters -= len(piece)
            if meter.characters < 0:
                raise fuel.too_long()
            pieces.append(piece)
            if len(pieces) > _PIECES:
                chunks.append("".join(pieces))
                pieces.clear()
        return "".join(chunks + pieces)

    def _error(self, refused: Refused, error: Exception | None = None) -> TemplateError:
        line = self._line((error or refused).__traceback__)
        return TemplateError(refused.message, part=self.part, line=line, variable=refused.variable)

    def _line(self, trace: TracebackType | None) -> int | None:
        line: int | None = None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _FILENAME:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


def compile_template(
    source: str, *, variables: Collection[str], html: bool, part: str = ""
) -> Program:
    """Read and check a template; one that was read before is taken as it is.

    Args:
        source: what the template says, in Jinja's language as far as it is allowed.
        variables: the names that it may use.
        html: values are escaped for HTML.
        part: ``"subject"``, ``"html"`` or ``"text"``, for errors; a subject becomes one line.

    Raises:
        TemplateError: it says something that a template may not say, or is too large.
    """
    key = (source, frozenset(variables), html, part)
    program = _PROGRAMS.get(key)
    if program is None:
        program = _compiled(*key)
        _PROGRAMS.put(key, program, len(source))
    return program


_PROGRAMS: Final[Programs[Program]] = Programs()


def _compiled(source: str, variables: frozenset[str], html: bool, part: str) -> Program:  # noqa: FBT001 - a cache's key
    environment = _ENVIRONMENTS[html]
    try:
        _check_size(source, environment)
        tree = environment.parse(source)
        used = translate(tree, variables)
        code: Any = environment.compile(tree)
        template = environment.template_class.from_code(environment, code, {})
    except Refused as refused:
        raise TemplateError(
            refused.message, part=part, line=refused.line, variable=refused.variable
        ) from None
    except TemplateSyntaxError as error:
        text = said("This cannot be read as a template: %(error)s.", error=_sentence(error))
        raise TemplateError(text, part=part, line=error.lineno) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the template's
        raise TemplateError(_broken(error).message, part=part) from None
    return Program(template, used, html=html, part=part)


def _check_size(source: str, environment: _Environment) -> None:
    size = len(source.encode("utf-8", "surrogatepass"))
    lines = source.count("\n") + source.count("\r")
    if size > fuel.SOURCE_BYTES or lines > fuel.SOURCE_LINES:
        raise Refused(
            said(
                "The template is too large: it may have %(limit)s bytes in %(lines)s lines.",
                limit=f"{fuel.SOURCE_BYTES:,}",
                lines=f"{fuel.SOURCE_LINES:,}",
            )
        )
    tokens: Iterator[tuple[int, str, str]] = environment.lex(source)
    for seen, (line, _kind, _text) in enumerate(tokens):
        if seen > fuel.TOKENS:
            raise Refused(
                said(
                    "The template is too large: there are more than %(limit)s words and signs "
                    "inside its tags.",
                    limit=f"{fuel.TOKENS:,}",
                ),
                line=line,
            )


def _sentence(error: TemplateSyntaxError) -> str:
    return (error.message or "").rstrip(".")[:300]


def _broken(error: Exception) -> Refused:
    if isinstance(error, (RecursionError, MemoryError, SyntaxError)):
        return Refused(
            said("Too much stands in each other here: name a part of it with `set`, and use that.")
        )
    return Refused(
        said(
            "This part of the template cannot be worked out (%(kind)s): a value is not of the "
            "kind that is needed here.",
            kind=type(error).__name__,
        )
    )


def _one_line(text: str) -> str:
    line = _BREAKS.sub(" ", text).strip(" ")
    return line if len(line) <= fuel.SUBJECT else line[: fuel.SUBJECT - 1].rstrip(" ") + "…"
