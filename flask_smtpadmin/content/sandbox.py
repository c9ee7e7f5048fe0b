"""The one engine that renders e-mail templates, the code's and those that admins edit.

A template comes from people who may edit mails and nothing else, so it may do little: put in
values, choose, repeat, format.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flask_smtpadmin.core.errors import TemplateError

_REFUSED: Final = (nodes.Call, nodes.Pow, nodes.Import, nodes.Include, nodes.Extends)
_CONTROL: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Program:
    """A template that was read, checked and can be rendered many times."""

    __slots__ = ("_part", "_template")

    def __init__(self, template: Template, part: str) -> None:
        self._template = template
        self._part = part

    def render(self, values: Mapping[str, object]) -> str:
        """Return the text with ``values`` (variable to plain value) filled in.

        Raises:
            TemplateError: a value is missing or not plain, or the text would become too large.
        """
        try:
            text = self._template.render(dict(values))
        except UndefinedError as error:
            raise TemplateError(f"{error}.", part=self._part) from error
        except Exception as error:
            raise TemplateError(
                f"The template cannot be rendered: {error}", part=self._part
            ) from error
        return _CONTROL.sub(" ", text).strip() if self._part == "subject" else text


def compile_template(
    source: str, *, variables: Collection[str], html: bool, part: str = ""
) -> Program:
    """Read and check a template.

    Args:
        source: what the template says, in Jinja's language.
        variables: the names that it may use.
        html: values are escaped for HTML.
        part: ``"subject"``, ``"html"`` or ``"text"``, for errors; a subject is one line.

    Raises:
        TemplateError: it says what a template may not say; the line is named.
    """
    environment = ImmutableSandboxedEnvironment(
        autoescape=html, undefined=StrictUndefined, optimized=False
    )
    environment.globals.clear()
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{error.message}.", part=part, line=error.lineno) from error
    _check(tree, set(variables), part)
    code: Any = environment.compile(tree)
    return Program(environment.template_class.from_code(environment, code, {}), part)


def _check(tree: nodes.Template, known: set[str], part: str) -> None:
    known |= {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"} | {"loop"}
    for node in tree.find_all(nodes.Node):
        if isinstance(node, _REFUSED):
            raise TemplateError("This is not allowed here.", part=part, line=node.lineno)
        if isinstance(node, nodes.Name) and node.name not in known:
            raise TemplateError(
                f"There is no variable `{node.name}`.",
                part=part,
                line=node.lineno,
                variable=node.name,
            )
