"""The style guide shows everything that the pages are made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from example_app.demo import style_guide
from flask_smtpadmin.web import blueprint


@pytest.fixture(scope="module")
def guide() -> str:
    """Return the style guide."""
    return style_guide.render()


def macros() -> list[str]:
    """Return the names of all macros: ``components.icon`` ..."""
    app = Flask(__name__, template_folder=str(Path(blueprint.__file__).parent / "templates"))
    return [
        f"{name}.{macro.name}"
        for name, template in style_guide.SHOWN.items()
        for macro in style_guide.macros(app, template)
    ]


@pytest.mark.parametrize("name", macros())
def test_every_macro_is_drawn(guide: str, name: str) -> None:
    """In a sample of its own, under its signature, and not as nothing."""
    found = re.search(rf'data-macro="{re.escape(name)}">(.*?)</section>', guide, re.DOTALL)
    assert found
    assert f"<code>{name.partition('.')[2]}(" in found[1]
    drawn = found[1].partition('<div class="sa-card-body">')[2]
    assert re.search(r"<\w+|\w+=", drawn)
    assert "Undefined" not in drawn


@pytest.mark.parametrize("name", style_guide.icons())
def test_every_icon_is_drawn(guide: str, name: str) -> None:
    """Under its name, from the symbol that the pages use."""
    assert f'<symbol id="{name}"' in guide
    assert re.search(rf'data-icon="{name}"><svg[^>]*><use href="#{name}">', guide)


def test_every_token_is_named_with_both_its_values(guide: str) -> None:
    """Colours with light and dark, sizes, spaces and the rest of ``tokens.css``."""
    tokens = [token for group in style_guide.tokens().values() for token in group]
    assert len(tokens) > 50
    assert [it.name for it in tokens if f"<code>--{it.name}</code>" not in guide] == []
    dark = [it for it in tokens if it.light.startswith("#")]
    assert [it.name for it in dark if not it.dark or f"dark {it.dark}" not in guide] == []


def test_every_state_has_its_badge(guide: str) -> None:
    """Word and icon, as on the pages."""
    looks = [look for group in style_guide._LOOKS.values() for look in group.values()]
    assert [look.word for look in looks if f'data-look="{look.word}"' not in guide] == []


def test_one_command_writes_it(tmp_path: Path) -> None:
    """Into one file that loads nothing else."""
    file = tmp_path / "sub" / "guide.html"
    assert CliRunner().invoke(style_guide.main, [str(file)]).exit_code == 0
    text = file.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!#)(?!/admin/email)[^"]+\.(css|js|svg)', text)
    assert "<script" not in text
