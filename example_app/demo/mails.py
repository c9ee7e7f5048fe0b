"""Pictures of the standard mails: ``python -m example_app.demo.mails FOLDER``.

Writes each of the eight with its sample values as people see it, on a desk (700 px), on a telephone
(390 px) and in the dark, beside its HTML and its plain text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from playwright.sync_api import Browser

from example_app.demo.camera import Look, chromium
from flask_smtpadmin.content.composing import Rendered, composer
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.content.standard import LANGUAGES, NAMES, standard_type

_LOOKS: Final = (
    Look("light", "light", 700, 400),
    Look("390", "light", 390, 400),
    Look("dark", "dark", 700, 400),
)
_COMMON: Final = {"app_name": "Tidepool", "base_url": "https://tidepool.example"}


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", metavar="WORD", default="", help="Only mails whose name contains WORD.")
@click.option("--language", type=click.Choice(LANGUAGES), default=LANGUAGES[0])
def main(folder: Path, only: str, language: str) -> None:
    """Write pictures of the standard mails to FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    mails = {name: _rendered(name, language) for name in NAMES if only in name}
    for name, mail in mails.items():
        (folder / f"{name}.html").write_text(mail.html or "", encoding="utf-8")
        (folder / f"{name}.txt").write_text(mail.text, encoding="utf-8")
        click.echo(f"{name}: {mail.subject}")
    with chromium() as browser:
        for look in _LOOKS:
            _take(
                browser, look, {folder / f"{name}-{look.name}.png": mails[name] for name in mails}
            )


def _rendered(name: str, language: str) -> Rendered:
    kind = standard_type(name)
    language = kind.language(language)
    made = composer(kind, kind.own_texts(language), Frame(), language)
    return made.render({**_COMMON, **kind.sample})


def _take(browser: Browser, look: Look, mails: dict[Path, Rendered]) -> None:
    size = {"width": look.width, "height": look.height}
    context = browser.new_context(viewport=size, color_scheme=look.scheme)  # type: ignore[arg-type]  # a dict
    page = context.new_page()
    for path, mail in mails.items():
        page.set_content(mail.html or "")
        page.screenshot(path=path, full_page=True)
        click.echo(path)
    context.close()


if __name__ == "__main__":
    main()
