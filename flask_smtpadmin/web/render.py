"""From a template's name and values to a page: the shell around it, and the result line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, session, url_for

from flask_smtpadmin.core.check import SCENARIOS, Check
from flask_smtpadmin.core.email_type import EmailType
from flask_smtpadmin.core.mail.links import MOST
from flask_smtpadmin.core.masks import mask
from flask_smtpadmin.core.report import DIRECT_STEPS, STEP_NAMES
from flask_smtpadmin.core.settings import Snapshot
from flask_smtpadmin.core.states import State
from flask_smtpadmin.state import current_state
from flask_smtpadmin.web import access, assets, live, mode, wording
from flask_smtpadmin.web.language import gettext, language, mark, ngettext
from flask_smtpadmin.web.options import app_name, base_template, option
from flask_smtpadmin.web.situation import Banner
from flask_smtpadmin.web.tokens import form_token
from flask_smtpadmin.web.wording import Tone

_NOTICE: Final = "_smtpadmin_notice"
#: seconds for which one page's frame may reuse the settings of another
_FRAME_AGE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation."""

    endpoint: str
    label: str
    icon: str
    arguments: Mapping[str, str]
    count: int = 0
    tone: Tone = "bad"
    sub: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the content of a page that may read the database."""

    navigation: tuple[Entry, ...]
    paused: bool
    mode: str
    banner: Banner | None = None


def page_globals() -> dict[str, Any]:
    """Return what every template of ours may use; nothing here reads the database.

    The names begin with ``sa_``, because the app's own base template sees them too.
    """
    base, part = base_template(), live.asked()
    return {
        "sa_": gettext,
        "sa_n": ngettext,
        "sa_language": language(),
        "sa_asset": assets.asset,
        "sa_base_template": "smtpadmin/part.html" if part else base or "smtpadmin/shell.html",
        "sa_live": part,
        "sa_live_settings": live.settings,
        "sa_embedded": bool(base),
        "sa_lost_template": "" if base else option("BASE_TEMPLATE"),
        "sa_app_name": app_name(),
        "sa_form_token": form_token,
        "sa_looks": wording,
        "sa_steps": STEP_NAMES,
        "sa_direct_steps": DIRECT_STEPS,
        "sa_scenarios": SCENARIOS,
        "sa_may": access.may,
        "sa_address": shown_address,
        "sa_server": server_name,
        "sa_kinds": _kinds,
        "sa_report_text": report_text,
        "sa_most_links": MOST,
        "sa_frame": None,
        "sa_notice": None,
    }


def page(
    template: str,
    *,
    status: int = 200,
    here: str = "",
    counts: Mapping[State, int] | None = None,
    **values: Any,
) -> Response:
    """Render ``smtpadmin/<template>.html`` within the frame, or its moving parts where asked to.

    Args:
        template: name without folder and ending.
        status: HTTP status.
        here: label of the navigation entry that this page belongs to.
        counts: how many messages are in each state, if that was counted already.
        **values: for the template.
    """
    snapshot = current_state().settings.snapshot(max_age=_FRAME_AGE)
    values.setdefault("sa_actor", access.current_actor())
    part = live.asked()
    html = render_template(
        f"smtpadmin/{template}.html",
        sa_frame=_frame(snapshot, here, counts),
        sa_notice=None if part else session.pop(_NOTICE, None),
        **values,
    )
    return live.answer(html) if part and status == HTTPStatus.OK else make_response(html, status)


def report_text(check: Check) -> str:
    """Return a check as text. It is no markup, whatever the server said: pages must escape it."""
    return render_template("smtpadmin/report.txt", check=check)


def bare(template: str, *, status: int, **values: Any) -> Response:
    """Render a page that touches neither database nor session (errors)."""
    return make_response(render_template(f"smtpadmin/{template}.html", **values), status)


def done(text: str, endpoint: str, *, tone: Tone = "ok", **arguments: Any) -> Response:
    """Redirect to one of our pages, which shows ``text`` once: the result of what was asked."""
    session[_NOTICE] = {"text": text, "tone": tone}
    target = url_for(f".{endpoint}", **arguments)
    return make_response(redirect(target, 303))


def shown_address(text: str | None) -> str:
    """Return ``text`` with its addresses, masked for whoever lacks the right ``privacy``."""
    return (text or "") if access.may("privacy") else mask(text or "")


def server_name(key: str) -> str:
    """Return what people call the server of that key; the key itself once it is gone."""
    server = current_state().settings.snapshot(max_age=_FRAME_AGE).servers.get(key)
    return (server.name if server else "") or key


def _kinds() -> tuple[EmailType, ...]:
    return tuple(current_state().hooks.types)


def _frame(snapshot: Snapshot, here: str, counts: Mapping[State, int] | None) -> Frame:
    counts = counts or current_state().queue.counts("dead", "caught")
    dead, caught = counts["dead"], counts["caught"]
    inbox = Entry("inbox", mark("Inbox"), "catch", {}, count=caught, tone="warn")
    entries = (
        Entry("overview", mark("Overview"), "gauge", {}),
        Entry("messages", mark("Messages"), "mail", {}),
        Entry("messages", mark("Dead letter"), "dead", {"state": "dead"}, count=dead),
        *([inbox] if caught or snapshot["MODE"] != "live" else []),
        Entry("settings", mark("Settings"), "sliders", {}),
        Entry("servers", mark("Servers"), "server", {}, sub=True),
        Entry("deliverability", mark("Deliverability"), "shield", {}, sub=True),
        Entry("test", mark("Test"), "pulse", {}),
        Entry("types", mark("Types"), "template", {}),
        Entry("activity", mark("Activity"), "lines", {}),
        Entry("audit", mark("Audit"), "eye", {}, sub=True),
    )
    marked = tuple(_mark(entry, here) for entry in entries)
    return Frame(
        marked,
        paused=snapshot.paused,
        mode=str(snapshot["MODE"]),
        banner=mode.banner(snapshot, here),
    )


def _mark(entry: Entry, here: str) -> Entry:
    if entry.label != here:
        return entry
    return replace(entry, current=True)
