"""The one engine that renders e-mail templates, the code's and those that admins edit.

A template comes from somebody who may edit mails and nothing else, so it may do little: put in
values, choose, repeat, format.  What it says is checked against a list of what is allowed
(``grammar``), it never holds an object of the app (``values``), and all that it does is paid for
before it is done (``fuel``).  Jinja's own sandbox stays underneath.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError

from flask_smtpadmin.content import fuel
from flask_smtpadmin.content.fuel import Meter, Refused
from flask_smtpadmin.content.grammar import translate
from flask_smtpadmin.content.programs import Programs
from flask_smtpadmin.content.reading import ENGINES, Engine, read
from flask_smtpadmin.content.values import Missing, Plain
from flask_smtpadmin.core.errors import TemplateError
from flask_smtpadmin.core.words import said

#: Line breaks, control characters and lone surrogates, with the spaces around them.
_BREAKS: Final = re.compile("[ \t]*[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+[ \t]*")
_FILENAME: Final = "<template>"


class Program:
    """A template that was read and checked, and can be rendered many times, by many threads.

    ``variables`` are those it uses, ``part`` what it was compiled as.
    """

    __slots__ = ("_engine", "_template", "_unset", "part", "variables")

    def __init__(
        self,
        template: Template,
        engine: Engine,
        names: tuple[frozenset[str], frozenset[str]],
        part: str,
    ) -> None:
        self._template = template
        self._engine = engine
        self.variables = names[0]
        self._unset = {name: Missing(name=name) for name in names[1] - names[0]}
        self.part = part

    def render(self, values: Mapping[str, object] | Plain) -> str:
        """Return the text with ``values`` (plain value by variable) filled in.

        What the template does not use is not looked at.  What it copies of a ``Plain``, the mail's
        other templates find there.

        Raises:
            TemplateError: a value is missing or not plain, or the template costs too much.
        """
        given = values if isinstance(values, Plain) else Plain(values)
        try:
            copied = self._unset | given.of(self.variables, html=self._engine.html)
            text = self._write(Meter(self._engine, copied, html=self._engine.html))
        except Refused as refused:
            raise self._error(refused) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the template's
            # Without the error itself: it may hold a value, and a value may be a secret.
            raise self._error(_broken(error), error) from None
        return _one_line(text) if self.part == "subject" else text

    def _write(self, meter: Meter) -> str:
        chunks: list[str] = []
        rendering = self._template.root_render_func(meter)
        while pieces := list(islice(rendering, fuel.PIECES)):
            meter.write(sum(map(len, pieces)))
            chunks.append("".join(pieces))
        return "".join(chunks)

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


def check_source(source: str, *, part: str = "") -> None:
    """Check that a template is small enough and closes what it opens, before it is worked on.

    Raises:
        TemplateError: it is not, or does not.
    """
    with _told(part):
        read(source, ENGINES[False])


def _compiled(source: str, variables: frozenset[str], html: bool, part: str) -> Program:  # noqa: FBT001 - a cache's key
    engine = ENGINES[html]
    with _told(part):
        tree = read(source, engine)
        used, named = translate(tree, variables)
        code: Any = engine.compile(tree)
        template = Template.from_code(engine, code, {})
    return Program(template, engine, (used, named), part)


@contextmanager
def _told(part: str) -> Iterator[None]:
    """Turn whatever goes wrong while a template is read into a ``TemplateError``."""
    try:
        yield
    except Refused as refused:
        raise TemplateError(
            refused.message, part=part, line=refused.line, variable=refused.variable
        ) from None
    except TemplateSyntaxError as error:
        text = said("This cannot be read as a template: %(error)s.", error=_sentence(error))
        raise TemplateError(text, part=part, line=error.lineno) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the template's
        raise TemplateError(_broken(error).message, part=part) from None


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
