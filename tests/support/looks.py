"""What is looked at on a page in a browser: accessibility, layout, focus, transfer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OPTIONS: Final = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "tag", "values": _TAGS},
    "iframes": False,
}
_SCRIPT: Final = Axe().axe_script

#: Folded parts count as much as open ones; menus lie over the page and are looked at by themselves.
UNFOLD: Final = """() => {
  for (const fold of document.querySelectorAll("details:not(.sa-menu)")) fold.open = true;
}"""

#: Texts that lie over one another, are cut off or stand beyond the edge; [] is what is wanted.
FLAWS: Final = Path(__file__).with_name("flaws.js").read_text()


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong, a line for each element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_SCRIPT)
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", _OPTIONS)
    return [_told(rule, node) for rule in found for node in rule["nodes"]]


def _told(rule: dict[str, Any], node: dict[str, Any]) -> str:
    why = " ".join(check["message"] for check in (node["any"] + node["all"] + node["none"])[:1])
    return f"{rule['id']}: {' '.join(node['target'])}: {why} <{node['html'][:160]}>"
