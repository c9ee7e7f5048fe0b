"""What a message says, for whoever may read it: text, HTML in a frame of its own, source, files.

Every look at content goes through :func:`opened`.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from flask import Response, request, url_for
from werkzeug.exceptions import NotFound

from flask_smtpadmin.core.mail import shown
from flask_smtpadmin.core.mail.shown import Shown
from flask_smtpadmin.core.masks import mask
from flask_smtpadmin.posting import readable, source
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access

#: Characters of text or source that a page shows; the rest is in the downloads.
LIMIT: Final = 20_000
#: What a person looked at.
What: TypeAlias = Literal["text", "html", "source", "links", "attachment"]

SANDBOX: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src {images}; "
    "frame-ancestors 'self'"
)
#: For what is no page: nothing in it may run, should a browser take it for one.
INERT: Final = "sandbox; default-src 'none'; frame-ancestors 'self'"


def opened(number: int, what: What) -> bytes | None:
    """Return the stored bytes of message ``number`` to a person who has read_content.

    The one place through which content reaches a page; None: it is no longer kept. Nobody sees
    any before it is in the audit trail. Raises ContentSecret.
    """
    content = readable(current_state(), number)
    if content is not None:
        current_state().audit.record("message.read", f"message:{number}", {"part": what})
    return content


def read(number: int, what: What) -> Shown | None:
    """Return what a message says; None when it is no longer kept."""
    content = opened(number, what)
    return None if content is None else shown.read(content)


def has_html(number: int) -> bool:
    """Say whether a message has an HTML part; nobody is shown anything of it."""
    content = readable(current_state(), number)
    return content is not None and shown.read(content).html is not None


def values(number: int, what: What, with_images: str = "") -> dict[str, Any]:
    """Read one kind of content for a template of ours, and what that needs beside it.

    ``with_images``: the address of the same page with pictures from elsewhere.
    """
    if what == "source":
        source = source_of(number)
        text = None if source is None else source.decode("utf-8", "replace")
        return {"content": text, "readable": True, "limit": LIMIT}
    images = request.args.get("images") == "1"
    return {
        "content": read(number, what),
        "readable": True,
        "limit": LIMIT,
        "images": images,
        "with_images": with_images,
        "frame": url_for(".message_html", number=number, images="1" if images else None),
    }


def message_html(number: int) -> Response:
    """Answer the HTML part for a sandboxed frame; ``?images=1`` lets it load pictures by https."""
    found = read(number, "html")
    if found is None or found.html is None:
        raise NotFound
    images = "data: https:" if request.args.get("images") == "1" else "data:"
    response = Response(found.html, content_type="text/html; charset=utf-8")
    return framed(response, SANDBOX.format(images=images))


def message_source(number: int) -> Response:
    """Answer the source as plain text, or with ``?download=1`` as a file for mail programs."""
    source = source_of(number)
    if source is None:
        raise NotFound
    if request.args.get("download") == "1":
        return _download(source, f"message-{number}.eml", "message/rfc822")
    text = source.decode("utf-8", "replace")
    return framed(Response(text, content_type="text/plain; charset=utf-8"), INERT)


def message_attachment(number: int, part: int) -> Response:
    """Answer one attachment, always as a file to be saved."""
    found = read(number, "attachment")
    for item in found.attachments if found else ():
        if item.n == part:
            return _download(item.data, item.name, "application/octet-stream")
    raise NotFound


def source_of(number: int) -> bytes | None:
    """Return the source; without the right ``privacy`` the addresses in its headers are masked."""
    if opened(number, "source") is None:
        return None
    head, body = shown.split(source(current_state(), number) or b"")
    if not access.may("privacy"):
        head = mask(head.decode("utf-8", "replace")).encode()
    return head + body


def _download(data: bytes, name: str, kind: str) -> Response:
    response = Response(data, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return framed(response, INERT)


def framed(response: Response, policy: str) -> Response:
    """Give an answer headers of its own, which the pages' leave alone."""
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
