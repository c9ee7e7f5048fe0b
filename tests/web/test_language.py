"""The language of a page: whose choice it is, and how words and numbers are put."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from markupsafe import Markup

from flask_smtpadmin.web import language as spoken


@pytest.mark.parametrize(
    ("wish", "tag"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr-CA", "fr"),
        ("es-MX;q=0.8,pt", "es"),
        ("zh-CN,zh;q=0.9", "zh-Hans"),
        ("nl,en;q=0.5,de;q=0.4", "en"),
        ("tlh", "en"),
        ("*", "en"),
        ("de;q=bogus,,;", "en"),
    ],
)
def test_the_browsers_wish_decides(wish: str, tag: str) -> None:
    """The first language that the browser wants and we have is used, else English."""
    with Flask("x").test_request_context(headers={"Accept-Language": wish}):
        assert spoken.language().tag == tag


def test_flask_babels_choice_goes_before_the_browsers() -> None:
    """Where the app has set up Flask-Babel, the pages speak as the rest of the app does."""
    from flask_babel import Babel

    app = Flask("x")
    Babel(app, locale_selector=lambda: "zh_Hans_CN")
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert spoken.language().code == "zh"
    app = Flask("y")
    Babel(app, locale_selector=lambda: "pt")
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert spoken.language().code == "en"


def test_outside_a_request_it_is_english() -> None:
    """Commands and workers speak English."""
    assert spoken.language() is spoken.ENGLISH


@pytest.mark.parametrize(
    ("wish", "shown"),
    [
        ("en", "1,234,567.5"),
        ("de", "1.234.567,5"),
        ("fr", "1\u202f234\u202f567,5"),
    ],
)
def test_numbers_have_the_marks_of_the_language(wish: str, shown: str) -> None:
    """Thousands and fractions are set apart as the language does."""
    with Flask("x").test_request_context(headers={"Accept-Language": wish}):
        assert spoken.format_number(1234567.5, 1) == shown


def test_values_are_escaped_beside_markup() -> None:
    """With markup among the values the result is markup; all else in it was escaped."""
    values: dict[str, Any] = {"when": Markup("<time>now</time>"), "name": "<script>"}
    said = spoken.gettext("At %(when)s & by %(name)s", **values)
    assert said == "At <time>now</time> &amp; by &lt;script&gt;"
    assert isinstance(said, Markup)


def test_a_text_without_values_is_not_filled() -> None:
    """A percent sign needs no doubling where there is nothing to fill in."""
    assert spoken.gettext("100 %") == "100 %"
    assert not isinstance(spoken.gettext("<b>"), Markup)
