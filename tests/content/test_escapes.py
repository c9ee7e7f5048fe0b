"""No template reaches an object, a function or a file: published escapes are refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from support.escapes import ESCAPES, VALUES

from flask_smtpadmin.content.sandbox import compile_template
from flask_smtpadmin.core.errors import TemplateError


def rendered(source: str, *, html: bool = True, **values: object) -> str:
    """Return what becomes of a template with the usual values and some more."""
    given = {**VALUES, **values}
    return compile_template(source, variables=given, html=html, part="html").render(given)


@pytest.mark.parametrize(("what", "source"), ESCAPES, ids=[what for what, _ in ESCAPES])
@pytest.mark.parametrize("html", [True, False], ids=["html", "text"])
def test_an_escape_is_refused(what: str, source: str, *, html: bool) -> None:
    """It ends in a sentence with the line; nothing of Python shows in it."""
    with pytest.raises(TemplateError) as caught:
        rendered(source, html=html)
    error = caught.value
    assert (error.part, error.line) == ("html", 1)
    assert error.reason.endswith((".", "?"))
    assert not {"<class", "object at", "Traceback", "jinja2"} & set(error.reason.split())
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_there_are_many() -> None:
    """The list has at least a hundred escapes, each once."""
    assert len({source for _what, source in ESCAPES}) == len(ESCAPES) > 100


@pytest.mark.parametrize(
    "name", ["self", "loop", "super", "caller", "_x", "__class__", "\uff4eame"]
)
def test_no_name_of_jinja_can_be_declared(name: str) -> None:
    """A variable that is called like something of Jinja stays out of reach."""
    with pytest.raises(TemplateError):
        compile_template(f"{{{{ {name} }}}}", variables=[name], html=True)


class Model:
    """What an app might hand over by mistake."""

    password = "hunter2"

    def __str__(self) -> str:
        return self.password


@pytest.mark.parametrize(
    "value",
    [
        Model(),
        Model,
        [Model()],
        {"a": {"b": [1, Model()]}},
        {Model(): 1},
        b"x",
        object,
        len,
        {1, 2},
    ],
    ids=["object", "class", "in a list", "deep", "as a key", "bytes", "type", "function", "set"],
)
def test_only_plain_values_come_in(value: object) -> None:
    """An object is refused before anything of it is asked; the text says what to do."""
    with pytest.raises(TemplateError, match=r"prepare|use text") as caught:
        rendered("{{ given }}", given=value)
    assert caught.value.variable == "given"
    assert "hunter2" not in str(caught.value)


def test_what_a_template_does_not_use_is_not_looked_at() -> None:
    """A value that no template names may be anything."""
    assert rendered("{{ name }}", given=Model()) == "Ada"


def test_no_code_of_a_value_runs() -> None:
    """Subclasses of plain types come in as what they are, not as what they override."""

    class Loud(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise AssertionError

        __format__ = __html__ = upper = __getitem__ = __len__ = __eq__ = __str__  # type: ignore[assignment]  # to be hostile
        __hash__ = str.__hash__

    class Counting(dict):  # type: ignore[type-arg]  # of anything
        def __getitem__(self, key: object) -> object:
            raise AssertionError

        get = items = __iter__ = __contains__ = __getitem__  # type: ignore[assignment]  # to be hostile

    given = Counting(a=Loud("<x>"))
    assert rendered("{{ given.a }}{{ given.a|upper }}", given=given) == "&lt;x&gt;&lt;X&gt;"


def test_an_error_holds_no_value() -> None:
    """What a value is stays out of the words: it may be a password."""
    for source in ("{{ given + 1 }}", "{{ given.x }}", "{{ given|round }}", "{{ given|date }}"):
        with pytest.raises(TemplateError) as caught:
            rendered(source, given="hunter2")
        assert "hunter2" not in str(caught.value)


CODE = [
    "'''",
    '"""',
    "\\",
    "\\'",
    "{{",
    "}}",
    "{% raw %}",
    "\n'''\nimport os\n'''",
    "{0.__class__}",
]


@pytest.mark.parametrize("text", CODE)
def test_text_is_never_code(text: str) -> None:
    """Quotes, line breaks and braces of a value stay what they are, in text and in constants."""
    assert rendered("{{ given }}", html=False, given=text) == text
    assert rendered("x{{ given ~ '' }}", html=False, given=text) == f"x{text}"
    source = f"{{{{ {text!r} }}}}"
    if "{" not in text:
        assert rendered(source, html=False) == text
        assert rendered(text, html=False) == text


@given(text=st.text(max_size=50))
def test_a_value_comes_back(text: str) -> None:
    """Whatever text it is, it stands there as it was given; in HTML escaped, once."""
    assert rendered("{{ given }}", html=False, given=text) == text
    assert rendered("<p>{{ given }}</p>", given=text) == f"<p>{escape(text)}</p>"
