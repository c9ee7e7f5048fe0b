"""Puts the style guide beside the built pages, as ``style-guide.html``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def write(app: Sphinx, error: Exception | None) -> None:
    """Write it into the folder of a build that went well."""
    if error is not None or app.builder.format != "html":
        return
    sys.path.insert(0, str(Path(app.srcdir).parent))
    from example_app.demo import style_guide

    Path(app.outdir, "style-guide.html").write_text(style_guide.render(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
