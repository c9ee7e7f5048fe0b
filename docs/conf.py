"""Sphinx: Markdown by MyST, reference pages generated from the code."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "flask-smtpadmin"
author = "The flask-smtpadmin developers"
copyright = author  # noqa: A001 - Sphinx's own name for it
version = release = installed_version("flask-smtpadmin")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "smtpadmin_tables",
    "style_guide_page",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"flask-smtpadmin {release}"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# Other projects' references would need the network, and a build must not.
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(flask|flask_sqlalchemy|sqlalchemy|sa|email|collections|datetime|typing|click)\..*",
    ),
    (
        "py:.*",
        r"(blinker|werkzeug|pathlib|contextlib|abc|logging|flask_mail|flask_mailman|flask_security)\..*",
    ),
    ("py:exc", r"BadHeaderError"),
    ("py:class", r"flask_smtpadmin\.state\.State"),
    ("py:class", r"(Flask|SQLAlchemy|Session|Blueprint|EmailMessage|datetime|timedelta|Mapping)"),
    ("py:class", r"flask_smtpadmin\.extension\._F|Problem|Outcome|InvalidSettings"),
    ("py:class", r"(flask_smtpadmin\.core\.email_type\.)?(Source|Options)|_F"),
    ("py:class", r"(Sequence|Iterable|Iterator|Callable|Any|Literal|Path|NamespaceProxy|optional)"),
]
