"""A host gives the pages its own colours."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from example_app.demo import style_guide

pytestmark = pytest.mark.browser

ACCENT = "() => getComputedStyle(document.querySelector('.sa-button-primary')).backgroundColor"
CONTRASTS = """() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => Number(part) / 255);
    const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll('#states > .sa-line .sa-badge')].map((badge) => {
    const style = getComputedStyle(badge);
    const [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the address of a style guide whose head begins with a host's style sheet."""
    host = "<style>.sa.sa { --accent: #0f766e; }</style>"
    path = tmp_path / "guide.html"
    path.write_text(style_guide.render().replace("<head>", f"<head>{host}"), encoding="utf-8")
    return path.as_uri()


def test_a_token_of_the_host_wins_though_it_comes_first(browser: Browser, file: str) -> None:
    """``.sa.sa`` in a sheet that is loaded before ours changes what refers to the token."""
    page = browser.new_page()
    page.goto(file)
    assert page.evaluate(ACCENT) == "rgb(15, 118, 110)"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_of_every_tone_can_be_read_on_its_tint(
    browser: Browser, file: str, scheme: str
) -> None:
    """At least 4.5 : 1 (WCAG 1.4.3), in both schemes."""
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]  # a str here
    page.goto(file)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) == 7
    assert min(contrasts) >= 4.5
    page.close()
