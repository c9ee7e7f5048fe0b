"""Templates of e-mails: what they may say, and that they end."""

from __future__ import annotations

import pytest

from flask_smtpadmin.content.sandbox import compile_template
from flask_smtpadmin.core.errors import TemplateError


def test_values_are_filled_in():
    """A value stands where its name stood, escaped in HTML."""
    program = compile_template("Hello {{ name }}!", variables=["name"], html=True)
    assert program.render({"name": "<Ada>"}) == "Hello &lt;Ada&gt;!"


def test_unknown_variable():
    """A name that was not declared is refused with its line."""
    with pytest.raises(TemplateError) as caught:
        compile_template("\n{{ nmae }}", variables=["name"], html=True, part="html")
    assert (caught.value.part, caught.value.line, caught.value.variable) == ("html", 2, "nmae")
