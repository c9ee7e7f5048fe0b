"""The pages of the catcher's inbox, on a port of their own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, jsonify, render_template
from werkzeug.serving import WSGIRequestHandler, make_server

from example_app.demo.catcher import Mail, Mailbox

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: of the mail's own HTML: nothing runs, nothing is loaded, links open a new tab
HTML_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)

REFRESH = 3  # seconds


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: object) -> None:
        """Leave the terminal to the demo's own words."""


class InboxPages:
    """The inbox, served by a thread of this process."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._app = create_inbox(mailbox)
        self._server: BaseWSGIServer | None = None

    def start(self) -> int:
        """Serve on a free port and return it."""
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True, request_handler=_Quiet)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server.port

    def stop(self) -> None:
        """Stop serving."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def create_inbox(mailbox: Mailbox) -> Flask:
    """Return the app: a list, a mail, the mail's HTML by itself, and all of it as JSON."""
    app = Flask(__name__, static_folder="../static")

    def find(mail_id: int) -> Mail:
        return mailbox.get(mail_id) or abort(404)

    @app.get("/")
    def index() -> Response:
        page = render_template("inbox.html", mails=mailbox.newest_first())
        return Response(page, headers={"Refresh": str(REFRESH)})

    @app.get("/mails/<int:mail_id>")
    def show(mail_id: int) -> str:
        return render_template("mail.html", mail=find(mail_id))

    @app.get("/mails/<int:mail_id>/html")
    def body(mail_id: int) -> Response:
        page = f'<!doctype html><base target="_blank">{find(mail_id).html}'
        return Response(page, headers={"Content-Security-Policy": HTML_POLICY})

    @app.get("/mails.json")
    def mails() -> Response:
        return jsonify([_document(mail) for mail in mailbox.newest_first()])

    @app.after_request
    def set_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return app


def _document(mail: Mail) -> dict[str, object]:
    return {
        "id": mail.id,
        "received_at": mail.received_at.isoformat(),
        "from": mail.sender,
        "to": mail.to,
        "subject": mail.subject,
        "message_id": mail.message_id,
        "text": mail.text,
        "html": mail.html,
        "links": mail.links,
    }
