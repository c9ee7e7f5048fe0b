"""A mail of a type with its sample: in a frame of its own while it is edited, or sent to somebody.

What is typed is hostile until it is saved, and then still: it is only ever shown in a sandbox.
"""

from __future__ import annotations

import time
from html import escape
from http import HTTPStatus
from typing import Final

from flask import Response, jsonify, request

from flask_smtpadmin.core.email_type import Texts
from flask_smtpadmin.core.errors import TemplateError
from flask_smtpadmin.web import access, errors, limits, type_page, type_trial
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.pieces import Piece, in_words, part_of, piece, problems, typed
from flask_smtpadmin.web.preview import INERT, SANDBOX, framed

#: Previews a minute for one person: the script asks when somebody stops typing for a moment.
_PREVIEWS: Final = 240
_NOTE: Final = (
    "<!doctype html><meta charset=utf-8><style>:root{{color-scheme:light dark}}"
    "body{{margin:0;padding:20px;font:15px/1.5 system-ui,sans-serif}}</style><p>{text}</p>"
)


def type_preview(name: str) -> Response:
    """Answer the mail with what is in force, or with ``?version=``, for a sandboxed frame."""
    thing = piece(name, request.args.get("locale", ""))
    return _frame(thing, type_page.opened(thing).texts)


def type_preview_typed(name: str) -> Response:
    """Answer the mail with what is typed: for a frame, or to the script all but the HTML."""
    thing = piece(name, request.form.get("locale", ""))
    person = access.actor_name() or request.remote_addr or ""
    wait = limits.take(f"preview {person}", time.monotonic(), most=_PREVIEWS)
    if wait:
        return _note(_("That was fast. Try again in a moment."), HTTPStatus.TOO_MANY_REQUESTS)
    texts = thing.own if thing.fixed else typed()
    if not type_page.asks_by_script():
        return _frame(thing, texts)
    wrong = problems(thing, texts)
    if wrong:
        return jsonify({"problems": wrong})
    made = thing.written(texts)
    shown = {"subject": made.subject, "text": made.text, "html": made.html is not None}
    return jsonify({"problems": {}, **shown})


def type_test(name: str) -> Response:
    """Send the mail with its sample to somebody; words that are not saved need ``configure``."""
    thing = piece(name, request.form.get("locale", ""))
    form = type_page.opened(thing)
    if not thing.fixed and ({"html", "text"} & request.form.keys()):
        if not access.may("configure"):
            return errors.forbidden("configure")
        form = type_page.Form(typed(), request.form.get("seen", 0, int), typed=True)
    wrong = problems(thing, form.texts)
    if wrong:
        form = type_page.Form(form.texts, form.seen, wrong, typed=form.typed)
        return type_page.answered(thing, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    told = type_trial.sent(thing, form.texts, request.form.get("to", ""))
    if type_page.asks_by_script():
        return jsonify({"told": told})
    return type_page.show(thing, form, told=told)


def _frame(thing: Piece, texts: Texts) -> Response:
    try:
        made = thing.written(texts)
    except TemplateError as error:
        return _note(f"{part_of(error, texts)}: {in_words(error)}")
    if made.html is None or request.values.get("as") == "text":
        response = Response(made.text, content_type="text/plain; charset=utf-8")
        return framed(response, INERT)
    images = "data: https:" if request.values.get("images") == "1" else "data:"
    response = Response(made.html, content_type="text/html; charset=utf-8")
    return framed(response, SANDBOX.format(images=images))


def _note(text: str, status: int = 200) -> Response:
    html = _NOTE.format(text=escape(text))
    response = Response(html, status, content_type="text/html; charset=utf-8")
    return framed(response, SANDBOX.format(images="data:"))
