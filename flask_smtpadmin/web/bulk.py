"""Deeds on many messages: those that are ticked, or all that match, which is confirmed first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import Response, make_response, redirect, request, url_for

from flask_smtpadmin import wide
from flask_smtpadmin.core.deeds import ACTIONS, WIDE, Deed, Job
from flask_smtpadmin.core.errors import InvalidSearch
from flask_smtpadmin.core.search import LARGEST_ID
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, deed_words, errors
from flask_smtpadmin.web.formats import number as counted
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import spoken
from flask_smtpadmin.web.messages import asked_for, kept_filter, understood
from flask_smtpadmin.web.render import done, page, shown_address
from flask_smtpadmin.web.wording import Tone

#: Ids that one form may bring; all that match are a job, however many they are.
_MOST: Final = 1000
_LONGEST_ID: Final = 19
#: Recipients that a question names.
_NAMED: Final = 5
#: These are confirmed however few messages they are about.
_CONFIRMED: Final = frozenset({"delete", "send_via", "release"})
#: Seconds that a count for the question may take.
_PATIENCE: Final = 0.5


def messages_bulk() -> Response:
    """Do something with the ticked messages, or with ``all=1`` with all that the filter means.

    Wide deeds and deletion show a page first that says what will happen.
    """
    action = request.form.get("action", "")
    if action not in ACTIONS:
        return _back(_("Nothing was changed: no action was chosen."), changed=0)
    if action == "delete" and not access.may("configure"):
        return errors.forbidden("configure")
    deed = Deed(action, asked_for(), request.form.get("server") or None)
    try:
        return _all(deed) if request.form.get("all") == "1" else _ticked(deed)
    except InvalidSearch as error:
        return _back(_("Nothing was changed: %(why)s", why=spoken(error)), changed=0)


def messages_job(job: str) -> Response:
    """Show how far a job is, and what came of it."""
    return page("job", here="Messages", **_shown(current_state().jobs.get(job)))


def messages_job_cancel(job: str) -> Response:
    """Stop a job; what it has done stays done."""
    if current_state().jobs.get(job).deed.action == "delete" and not access.may("configure"):
        return errors.forbidden("configure")
    current_state().jobs.cancel(job)
    return make_response(redirect(url_for(".messages_job", job=job), 303))


def messages_job_continue(job: str) -> Response:
    """Go on with a job that nobody works on any more."""
    if current_state().jobs.get(job).deed.action == "delete" and not access.may("configure"):
        return errors.forbidden("configure")
    wide.go_on(current_state(), job)
    return make_response(redirect(url_for(".messages_job", job=job), 303))


def _all(deed: Deed) -> Response:
    if not understood(deed.wanted):
        return _back(_("Nothing was changed: there is no such filter."), changed=0)
    if request.form.get("confirm") != "1" or _lacks_server(deed):
        return _question(deed)
    number = wide.begin(current_state(), deed, actor=access.actor_name())
    return make_response(redirect(url_for(".messages_job", job=number), 303))


def _ticked(deed: Deed) -> Response:
    ticked = dict.fromkeys(request.form.getlist("ids"))
    numbers = [int(text) for text in ticked if text.isdecimal() and len(text) <= _LONGEST_ID]
    if not numbers:
        return _back(_("Nothing was changed: no message was ticked."), changed=0)
    if len(numbers) > _MOST:
        words = _(
            "Nothing was changed: %(count)s messages were ticked, and %(most)s are the most at "
            "once. Take all that match a filter instead.",
            count=counted(len(numbers)),
            most=counted(_MOST),
        )
        return _back(words, changed=0)
    asks = deed.action in _CONFIRMED or len(numbers) > WIDE or bool(_released(deed, numbers))
    if (asks and request.form.get("confirm") != "1") or _lacks_server(deed):
        return _question(deed, numbers)
    changed = current_state().queue.together(deed, numbers)
    skipped = {"state": len(numbers) - changed}
    return _back(deed_words.result(deed, changed, skipped), changed=changed)


def _lacks_server(deed: Deed) -> bool:
    if deed.action != "send_via":
        return False
    return deed.server not in current_state().settings.snapshot(max_age=1.0).servers


def _question(deed: Deed, numbers: Sequence[int] = ()) -> Response:
    """Ask on a page of its own; it sends the same form again with ``confirm``."""
    state = current_state()
    servers = state.settings.snapshot(max_age=1.0).servers
    found = None if numbers else state.queue.tally(deed.wanted, patience=_PATIENCE)
    query: dict[str, Any] = dict(kept_filter())
    inbox = request.form.get("page") == "inbox"
    return page(
        "confirm",
        here="Inbox" if inbox else "Messages",
        deed=deed,
        numbers=numbers,
        question=deed_words.question(deed, found, len(numbers)),
        effects=[*deed_words.effects(deed, found, servers), *_recipients(deed, numbers)],
        nothing=found is not None and found.exact and not found.doable(deed),
        servers=tuple(servers.values()) if deed.action == "send_via" else (),
        action_url=url_for(".messages_bulk", **query),
        back_url=_list_url(query, inbox=inbox),
        back_word=_("Inbox") if inbox else _("Messages"),
        from_page="inbox" if inbox else "",
        button=deed_words.button(deed, found, len(numbers)),
    )


def _recipients(deed: Deed, numbers: Sequence[int]) -> list[str]:
    """Say to whom mail goes that was caught; of very many messages, the oldest are asked."""
    queue, rest = current_state().queue, None
    if numbers:
        numbers = _released(deed, numbers)
    elif deed.wanted.state == "caught" and deed.sends:
        numbers, rest = queue.next_chunk(deed.wanted, 0, queue.largest_id())
    if not numbers:
        return []
    names, count = queue.addressees(numbers, most=_NAMED)
    shown = [shown_address(name) for name in names]
    return [deed_words.recipients(shown, count, exact=rest is None)] if names else []


def _released(deed: Deed, numbers: Sequence[int]) -> list[int]:
    """Return those of ``numbers`` that were caught and that ``deed`` would send for real."""
    if not deed.sends:
        return []
    states = current_state().queue.states([n for n in numbers if 0 < n <= LARGEST_ID])
    return [number for number, state in states.items() if state == "caught"]


def _shown(job: Job) -> dict[str, Any]:
    query: dict[str, Any] = dict(job.deed.wanted.document())
    caught = query.get("state") == "caught"
    return {
        "job": job,
        "words": deed_words.progress(job),
        "title": deed_words.title(job),
        "back_url": _list_url(query, inbox=caught),
        "back_word": _("Inbox") if caught else _("Messages"),
    }


def _list_url(query: dict[str, Any], *, inbox: bool) -> str:
    if not inbox:
        return url_for(".messages", **query)
    return url_for(".inbox", **{name: query[name] for name in query if name != "state"})


def _back(text: str, *, changed: int) -> Response:
    """Return to the list as it was filtered (the form's own address names the filter)."""
    tone: Tone = "ok" if changed else "warn"
    if request.form.get("page") == "settings":
        return done(text, "settings", tone=tone)
    if request.form.get("page") == "inbox":
        kept = kept_filter()
        kept.pop("state", None)
        return done(text, "inbox", tone=tone, **kept)
    return done(text, "messages", tone=tone, **kept_filter())
