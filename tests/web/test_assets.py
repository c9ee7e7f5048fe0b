"""Static files: compressed, kept by browsers, and nothing beside them."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from flask_smtpadmin.web.assets import FOLDER, TOGETHER

STATIC = "/static"
NAMES = sorted({path.name for path in FOLDER.iterdir()} | TOGETHER.keys())


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_compressed_for_whoever_takes_that(office: Any, name: str) -> None:
    """Gzip and plain hold the same, each with an ETag of its own, and caches keep them apart."""
    plain = office.get(f"{STATIC}/{name}")
    packed = office.get(f"{STATIC}/{name}", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert plain.mimetype == packed.mimetype
    assert plain.mimetype in {"text/css", "text/javascript", "image/svg+xml"}


@pytest.mark.parametrize("encoding", ["gzip", "identity", "gzip;q=0"])
def test_what_a_browser_has_is_not_sent_again(office: Any, encoding: str) -> None:
    """304 to the ETag of the same encoding."""
    headers = {"Accept-Encoding": encoding}
    first = office.get(f"{STATIC}/style.css", headers=headers)
    again = office.get(
        f"{STATIC}/style.css", headers={**headers, "If-None-Match": first.headers["ETag"]}
    )
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert ("Content-Encoding" in first.headers) is (encoding == "gzip")
    assert again.headers["Vary"] == "Accept-Encoding"


def test_only_an_address_with_its_version_is_kept_for_good(office: Any) -> None:
    """Without the version a browser asks each time; what is missing is never kept."""
    assert office.get(f"{STATIC}/style.css").headers["Cache-Control"] == "no-cache"
    missing = office.get(f"{STATIC}/nothing.css?v=1")
    assert (missing.status_code, missing.headers["Cache-Control"]) == (404, "no-cache")


@pytest.mark.parametrize("name", ["../assets.py", "..%2fassets.py", "%2e%2e/assets.py", ".", ""])
def test_nothing_beside_the_folder_is_sent(office: Any, name: str) -> None:
    """A name is one of the files, or it is nothing."""
    assert office.get(f"{STATIC}/{name}").status_code == 404


def test_the_style_sheet_is_its_parts_in_order(office: Any) -> None:
    """One file instead of four: the tokens first, what uses them after."""
    source = office.get(f"{STATIC}/style.css").data
    parts = [office.get(f"{STATIC}/{name}").data for name in TOGETHER["style.css"]]
    assert source == b"".join(parts)
    assert re.findall(r'rel="stylesheet"[^>]*/static/([\w.]+)', office.page("/")) == ["style.css"]


def test_pages_are_not_compressed(office: Any) -> None:
    """Compressed, the size of a page would tell what its form token has in common with a word."""
    page = office.get("/messages?q=x", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in page.headers
