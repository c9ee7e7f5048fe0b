"""Our static files, each under an address that names its content, so that browsers may keep it.

They are compressed here, once, because Flask compresses nothing and not every app has a proxy that
does. Pages are not: they hold the form token beside what somebody typed (the attack BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from flask import Response, abort, request, url_for

FOLDER: Final = Path(__file__).with_name("static")
#: Files that are sent as one: name -> parts, in the order in which they count.
TOGETHER: Final = {
    "style.css": (
        "tokens.css",
        "base.css",
        "components.css",
        "forms.css",
        "types.css",
        "inbox.css",
        "print.css",
    ),
}


@dataclass(frozen=True, slots=True)
class Asset:
    """What a static file holds, as it is and compressed; ``version`` changes with the content."""

    content: bytes
    packed: bytes
    version: str
    mimetype: str


def asset(name: str) -> str:
    """Return the address of a file in ``static/``, or of files that are sent as one."""
    return url_for(".static", filename=name, v=_read(name).version)


def static(filename: str) -> Response:
    """Send a static file, compressed to whoever takes that."""
    if filename not in _names():
        abort(404)
    found = _read(filename)
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.content, mimetype=found.mimetype)
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{found.version}-gzip" if packed else found.version)
    if packed:
        response.content_encoding = "gzip"
    response.make_conditional(request)
    return response


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.iterdir()) | TOGETHER.keys()


@cache
def _read(name: str) -> Asset:
    content = b"".join((FOLDER / part).read_bytes() for part in TOGETHER.get(name, (name,)))
    version = hashlib.sha256(content).hexdigest()[:12]
    mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(content, gzip.compress(content, mtime=0), version, mimetype)
