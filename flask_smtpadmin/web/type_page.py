"""One e-mail type, or the header or footer of all: what it says, and what was said before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from flask import Response, jsonify, request, url_for

from flask_smtpadmin import catalogue
from flask_smtpadmin.content.composing import Rendered
from flask_smtpadmin.core.email_type import Texts
from flask_smtpadmin.core.errors import NotFound, Overtaken, TemplateError
from flask_smtpadmin.state import current_state
from flask_smtpadmin.storage.templates import Version
from flask_smtpadmin.web import access, test
from flask_smtpadmin.web.diff import Line, difference
from flask_smtpadmin.web.formats import duration
from flask_smtpadmin.web.headers import may_frame
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.pieces import Piece, in_words, part_of, piece, problems, typed
from flask_smtpadmin.web.render import done, page, shown_address

_REFUSED: Final = 422
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the form.

    Attributes:
        texts: the words in the fields.
        seen: the number of the version that they were begun with, 0: the code's words.
        problems: what is wrong, by part.
        overtaken: somebody else saved in between.
        typed: they come from a form, and are not saved.
    """

    texts: Texts
    seen: int
    problems: Mapping[str, str] = field(default_factory=dict)
    overtaken: Overtaken | None = None
    typed: bool = False


def type_page(name: str) -> Response:
    """Show what is in force, or with ``?version=`` an earlier version."""
    thing = piece(name, request.args.get("locale", ""))
    return show(thing, opened(thing))


def type_save(name: str) -> Response:
    """Save the words in the form, if they can be used and nobody else saved in between."""
    thing = piece(name, request.form.get("locale", ""))
    if thing.fixed:
        return _refused(thing)
    texts, seen = typed(), request.form.get("seen", 0, int)
    wrong = problems(thing, texts)
    if wrong:
        return answered(thing, Form(texts, seen, wrong, typed=True), _REFUSED)
    actor = access.actor_name()
    try:
        current_state().templates.save(name, thing.locale, texts, seen=seen, actor=actor)
    except Overtaken as error:
        newest = _newest(thing)
        form = Form(texts, newest.id if newest else 0, overtaken=error, typed=True)
        return answered(thing, form, _CONFLICT)
    words = _("Saved. %(title)s goes out with these words within five seconds.", title=thing.title)
    return _back(thing, words)


def type_reset(name: str) -> Response:
    """Go back to the words of the code."""
    thing = piece(name, request.form.get("locale", ""))
    if catalogue.own_version(current_state(), name, thing.locale) is None:
        return _back(thing, _("These are the app's own words already."))
    current_state().templates.reset(name, thing.locale, actor=access.actor_name())
    return _back(thing, _("%(title)s has the app's own words again.", title=thing.title))


def type_restore(name: str) -> Response:
    """Let an earlier version count again."""
    thing = piece(name, request.form.get("locale", ""))
    if thing.fixed:
        return _refused(thing)
    version = _version(thing, request.form.get("version", 0, int))
    wrong = problems(thing, version.texts) if version.texts is not None else {}
    if wrong and version.texts is not None:
        newest = _newest(thing)
        return show(thing, Form(version.texts, newest.id if newest else 0, wrong), _REFUSED)
    current_state().templates.restore(version.id, actor=access.actor_name())
    return _back(thing, _("The earlier words are in force again."))


def opened(thing: Piece) -> Form:
    """Return the form with what is in force, or what ``?version=`` asks for."""
    newest, wanted = _newest(thing), request.args.get("version", 0, int)
    version = _version(thing, wanted) if wanted else newest
    texts = version.texts if version is not None else None
    if thing.fixed or texts is None:
        texts = thing.own
    return Form(texts, newest.id if newest else 0)


def answered(thing: Piece, form: Form, status: int) -> Response:
    """Answer a form that was not saved: with the page, or to the script with what is wrong.

    That answer is a good one for a browser, which writes any other into its console as an error.
    """
    if not asks_by_script():
        return show(thing, form, status)
    told: dict[str, Any] = {"problems": form.problems, "seen": form.seen}
    if form.overtaken is not None:
        told["overtaken"] = overtaken_words(form.overtaken)
    return jsonify(told)


def asks_by_script() -> bool:
    """Say whether the script asks, which keeps what was typed on the page."""
    return request.accept_mimetypes.best == "application/json"


def overtaken_words(error: Overtaken) -> str:
    """Say who was faster."""
    return _(
        "%(who)s saved other words at %(when)s UTC while you were typing. Nothing was saved now; "
        "look at theirs in the history, and save again to replace them.",
        who=shown_address(error.by) or _("Somebody"),
        when=error.at.strftime("%H:%M"),
    )


def show(
    thing: Piece, form: Form, status: int = 200, *, told: Mapping[str, str] | None = None
) -> Response:
    """Render the page."""
    state = current_state()
    history = state.templates.history(thing.name, thing.locale)
    made, wrong = _written(thing, form.texts)
    known = None if thing.around else catalogue.one_type(state, thing.name)
    response = page(
        "type",
        status=status,
        here="Types",
        thing=thing,
        form=form,
        known=known,
        problems=dict(form.problems) or wrong,
        made=made,
        history=history,
        saved=catalogue.own_version(state, thing.name, thing.locale),
        looked_at=request.args.get("version", 0, int) if request.method == "GET" else 0,
        differences=_differences(thing, form.texts),
        overtaken=overtaken_words(form.overtaken) if form.overtaken else "",
        test_to=request.form.get("to", "") or test.first_recipient("default"),
        told=told,
        expires=duration(seconds) if (seconds := _seconds(thing)) else "",
    )
    return may_frame(response)


def _refused(thing: Piece) -> Response:
    told = {"tone": "warn", "text": _("The app does not let these words be changed.")}
    return show(thing, Form(thing.own, 0), _CONFLICT, told=told)


def _written(thing: Piece, texts: Texts) -> tuple[Rendered | None, dict[str, str]]:
    try:
        return thing.written(texts), {}
    except TemplateError as error:
        return None, {part_of(error, texts): in_words(error)}


def _seconds(thing: Piece) -> float | None:
    span = thing.kind.expires_in
    return span.total_seconds() if isinstance(span, timedelta) else span


def _differences(thing: Piece, texts: Texts) -> dict[str, tuple[Line, ...] | None]:
    """Return what differs from the code's words, by part; None: too long to be compared."""
    pairs = {part: (getattr(thing.own, part) or "", getattr(texts, part) or "")
             for part in thing.parts}  # fmt: skip
    return {part: difference(*pair) for part, pair in pairs.items() if pair[0] != pair[1]}


def _newest(thing: Piece) -> Version | None:
    return current_state().templates.in_force().version(thing.name, thing.locale)


def _version(thing: Piece, number: int) -> Version:
    version = current_state().templates.get(number)
    if (version.name, version.locale) != (thing.name, thing.locale):
        raise NotFound("version", number)
    return version


def _back(thing: Piece, words: str) -> Response:
    where: dict[str, Any] = {"name": thing.name} | (
        {"locale": thing.locale} if thing.locale else {}
    )
    response = done(words, "type_page", **where)
    if asks_by_script():
        return jsonify({"to": url_for(".type_page", **where)})
    return response
