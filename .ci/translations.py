"""The catalogues of the pages: ``update`` reads the code and writes them; ``check`` compares.

``update`` takes every marked text into each ``smtpadmin.po``, drops what is gone, and compiles.
``check`` fails when a text is untranslated, a placeholder got lost, or a file is not what
``update`` would write.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE = Path("flask_smtpadmin")
FOLDER = PACKAGE / "web" / "translations"
LANGUAGES = ("de", "es", "fr", "zh")
_PYTHON = {
    "_": None,
    "gettext": None,
    "mark": None,
    "mark_n": (1, 2),
    "ngettext": (1, 2),
    "said": None,
    "said_n": (1, 2),
}
_JINJA = {"sa_": None, "sa_n": (1, 2)}
_MARKERS = re.compile(r"flask_smtpadmin\.(core\.words|web\.language) import")
_PLACEHOLDER = re.compile(r"%\(\w+\)s|%%|`[^`]*`")


def template() -> Catalog:
    """Return the catalogue of all marked texts, without translations."""
    catalogue = Catalog(domain="smtpadmin", project="flask-smtpadmin", fuzzy=False)
    for text in _texts():
        if not text:
            continue
        known = catalogue.get(text if isinstance(text, str) else text[0])
        if known is not None and isinstance(known.id, str) != isinstance(text, str):
            raise ValueError(
                f"{text!r} is a text by itself and a singular: no catalogue holds both"
            )
        catalogue.add(text)
    return catalogue


def _texts() -> Iterator[str | tuple[str, ...]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        if not _MARKERS.search(file.read_text()):
            continue  # what is called so there is something else
        for _line, text, _comments, _context in extract_from_file("python", file, _PYTHON):
            yield text
    for file in sorted(PACKAGE.rglob("templates/**/*.html")):
        options = {"extensions": "jinja2.ext.do", "trimmed": "true"}
        for _line, text, _comments, _context in extract_from_file(
            "jinja2.ext:babel_extract", file, _JINJA, (), options
        ):
            yield text
    data = {
        name: json.loads((PACKAGE / f"core/data/{name}.json").read_text())
        for name in ("causes", "codes", "first_steps")
    }
    for cause in data["causes"].values():
        yield from (cause["what"], cause["why"], *cause["do"])
    for file in sorted(PACKAGE.glob("core/data/presets/*.json")):
        for preset in json.loads(file.read_text()):
            yield from _of_preset(preset)
    hints = json.loads((PACKAGE / "core/data/deliverability.json").read_text())
    yield from (hint.get("where", "") for hint in hints.values())
    yield from _strings(data["codes"])
    yield from _strings(data["first_steps"])


def _of_preset(preset: dict[str, Any]) -> Iterator[str]:
    """Yield what a provider's panel says; hosts, names and fixed words are no texts."""
    yield preset["from_rule"]["text"]
    for name in ("username_text", "password_text"):
        yield preset.get(name, "")
    for name in ("steps", "notes", "limit_notes"):
        yield from preset.get(name, ())
    for name, part in (
        ("deprecations", "text"),
        ("links", "title"),
        ("regions", "name"),
        ("aliases", "note"),
        ("old_hosts", "note"),
    ):
        yield from (item[part] for item in preset.get(name, ()))


def _strings(value: object) -> Iterator[str]:
    """Yield every text of a data file."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, str):
        yield value


def _catalogue(code: str) -> Catalog:
    file = FOLDER / code / "LC_MESSAGES" / "smtpadmin.po"
    if not file.exists():
        return Catalog(locale=code, domain="smtpadmin", fuzzy=False)
    with file.open("rb") as opened:
        return read_po(opened, locale=code, domain="smtpadmin")


def _merged(code: str, texts: Catalog) -> Catalog:
    """Return the texts with the translations there are; nothing is guessed."""
    old = _catalogue(code)
    new = Catalog(
        locale=code,
        domain="smtpadmin",
        project="flask-smtpadmin",
        header_comment=f"# The pages of flask-smtpadmin: {code}",
        last_translator="The flask-smtpadmin developers",
        language_team="The flask-smtpadmin developers",
        creation_date=old.creation_date,
        revision_date=old.creation_date,
        fuzzy=False,
    )
    for message in texts:
        if message.id:
            known = old.get(message.id[0] if message.pluralizable else message.id)
            kept = known.string if known and known.pluralizable == message.pluralizable else ""
            new.add(message.id, kept)
    return new


def _written(catalogue: Catalog) -> tuple[bytes, bytes]:
    """Return the catalogue as text and compiled."""
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, catalogue, no_location=True, sort_output=True, width=100)
    for message in catalogue:
        if message.id and not _translated(message):
            message.string = ""  # a plural without words would be shown as nothing
    write_mo(compiled, catalogue)
    return text.getvalue(), compiled.getvalue()


def update() -> int:
    """Write all catalogues."""
    texts = template()
    for code in LANGUAGES:
        folder = FOLDER / code / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        catalogue = _merged(code, texts)
        for ending, content in zip(("po", "mo"), _written(catalogue), strict=True):
            (folder / f"smtpadmin.{ending}").write_bytes(content)
        missing = sum(not _translated(message) for message in catalogue if message.id)
        sys.stdout.write(f"{code}: {len(catalogue)} texts, {missing} untranslated\n")
    return 0


def check() -> int:
    """Print what is wrong with the catalogues; 1 if anything is."""
    complaints = []
    texts = template()
    for code in LANGUAGES:
        catalogue = _merged(code, texts)
        folder = FOLDER / code / "LC_MESSAGES"
        for ending, content in zip(("po", "mo"), _written(catalogue), strict=True):
            file = folder / f"smtpadmin.{ending}"
            if not file.exists() or file.read_bytes() != content:
                complaints.append(f"{file} is out of date: make translations")
        complaints += [
            f"{code}: {problem}"
            for message in catalogue
            if message.id
            for problem in _problems(message)
        ]
    sys.stdout.writelines(f"{complaint}\n" for complaint in complaints)
    return int(bool(complaints))


def _translated(message: Message) -> bool:
    strings = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    return all(strings)


def _problems(message: Message) -> Iterator[str]:
    """Yield what is wrong with a translation."""
    if not _translated(message):
        yield f"not translated: {message.id!r}"
        return
    if not message.pluralizable:
        wanted, found = _marks(message.id), _marks(message.string)
        if found != wanted:
            yield f"{message.string!r} has {found} where {message.id!r} has {wanted}"
        return
    known = {mark for text in message.id for mark in _marks(text)}
    for string in message.string:
        if foreign := set(_marks(string)) - known:
            yield f"{string!r} has {foreign}, which {message.id!r} have not"


def _marks(text: str) -> list[str]:
    """Return what of a text stays as it is in every language: placeholders and commands."""
    return sorted(_PLACEHOLDER.findall(text))


if __name__ == "__main__":
    sys.exit({"update": update, "check": check}[sys.argv[1]]())
