"""What an admin must know first: at most two banners, the worst one on top.

That mail is caught or redirected stands on every page, above these: see ``mode``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from flask_smtpadmin.core.retry import UNREADABLE
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.web.formats import at_most, duration, number
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import ngettext
from flask_smtpadmin.web.situation import Banner, Situation
from flask_smtpadmin.web.wording import limit_words

MOST: Final = 2
#: The share of a limit from which on its being used up is in sight.
_NEARLY: Final = 0.9


def banners(now: Situation) -> tuple[Banner, ...]:
    """Return the banners to show, in the order of priority."""
    found = (rule(now) for rule in _RULES)
    return tuple(banner for banner in found if banner is not None)[:MOST]


def _paused(now: Situation) -> Banner | None:
    if not now.snapshot.paused:
        return None
    return Banner(
        name="paused",
        tone="warn",
        icon="pause",
        text=_("All sending is paused. Messages are kept in the queue."),
        since=now.moments.paused,
        label=_("Resume sending"),
        endpoint="resume_all",
        right="operate",
        post=True,
    )


def _foreign(now: Situation) -> Banner | None:
    if not now.snapshot.foreign:
        return None
    ours, theirs = now.snapshot["INSTANCE"], now.snapshot.instance
    text = _sentences(
        _(
            "Nothing is sent: SMTPADMIN_INSTANCE is %(ours)s, and the mail in this database "
            "belongs to %(theirs)s.",
            ours=ours,
            theirs=theirs,
        ),
        _waits(now.figures.queued),
        _("If the database was copied on purpose, cancel what must not go out first."),
    )
    return Banner(
        name="foreign",
        tone="bad",
        icon="warning",
        text=text,
        label=_("Send it from %(ours)s", ours=ours),
        endpoint="adopt",
        right="configure",
        post=True,
    )


def _no_worker(now: Situation) -> Banner | None:
    if now.live:
        return None
    last = max((worker.beat_at for worker in now.workers), default=None)
    queued = now.figures.queued
    nothing = _("No worker is running, so nothing is sent.")
    return Banner(
        name="no-worker",
        tone="bad" if queued else "warn",
        icon="worker",
        text=_sentences(nothing, _waits(queued), _("Start one:")),
        since=last,
        since_is=mark("Last heard of %(when)s"),
        command="flask smtp-worker",
    )


def _stuck(now: Situation) -> Banner | None:
    if not now.live or not all(worker.stuck for worker in now.live):
        return None
    span = duration(min(worker.stalled for worker in now.live))
    return Banner(
        name="stuck",
        tone="bad",
        icon="worker",
        text=_(
            "No mail server has answered for %(span)s. What was handed over waits for a reply, and "
            "the rest behind it.",
            span=span,
        ),
        label=_("Test the server"),
        endpoint="test",
    )


def _redis_down(now: Situation) -> Banner | None:
    if not any(worker.redis == "down" for worker in now.live):
        return None
    return Banner(
        name="redis-down",
        tone="warn",
        icon="database",
        text=_(
            "The queue server (Redis) cannot be reached. Workers look into the database instead: "
            "mail still flows, up to a second later."
        ),
        since=min(worker.beat_at for worker in now.live if worker.redis == "down"),
        since_is=mark("Seen by a worker %(when)s"),
    )


def _all_failing(now: Situation) -> Banner | None:
    if not now.servers or any(item.state not in {"open", "held"} for item in now.servers):
        return None
    names = ", ".join(item.name or item.key for item in now.servers)
    return Banner(
        name="all-failing",
        tone="bad",
        icon="cross-circle",
        text=_(
            "No server takes mail at the moment (%(names)s). Messages wait and are tried again.",
            names=names,
        ),
        since=max(_health(now, now.servers), default=None),
        label=_("Test the server"),
        endpoint="test",
        arguments={"server": now.servers[0].key},
    )


def _misconfigured(now: Situation) -> Banner | None:
    wrong = [item for item in now.snapshot.servers.values() if item.problems]
    if not wrong or now.snapshot.foreign:
        return None
    server = wrong[0]
    problem = server.problems[0]
    return Banner(
        name="misconfigured",
        tone="bad",
        icon="warning",
        text=_sentences(
            _("%(server)s is misconfigured and its mail waits.", server=_name(server)),
            _(problem.message),
        ),
        label=_("Open the server"),
        endpoint="server",
        arguments={"key": server.key},
    )


def _unreadable(now: Situation) -> Banner | None:
    if not now.unreadable:
        return None
    return Banner(
        name="unreadable",
        tone="bad",
        icon="lock",
        text=ngettext(
            "%(count)s secret message waits for the key that it was encrypted with. Configure "
            "that key behind the new one.",
            "%(count)s secret messages wait for the key that they were encrypted with. Configure "
            "that key behind the new one.",
            now.unreadable,
        ),
        label=_("Show them"),
        endpoint="messages",
        arguments={"cause": UNREADABLE, "state": "queued"},
    )


def _setting(now: Situation) -> Banner | None:
    if not now.snapshot.harmless:
        return None
    return Banner(
        name="setting",
        tone="warn",
        icon="warning",
        text=_sentences(_(now.snapshot.harmless[0].message), _("The default is used instead.")),
        label=_("Open settings"),
        endpoint="settings",
    )


def _not_configured(now: Situation) -> Banner | None:
    if now.servers:
        return None
    queued = now.figures.queued
    waits = _(
        "New messages wait in the queue; nothing is lost, and they go out by themselves once there "
        "is a server."
    )
    if queued:
        waits = ngettext(
            "%(count)s message waits in the queue; nothing is lost, and it goes out by itself once "
            "there is a server.",
            "%(count)s messages wait in the queue; nothing is lost, and they go out by themselves "
            "once there is a server.",
            queued,
            count=at_most(queued),
        )
    return Banner(
        name="not-configured",
        tone="warn" if queued else "info",
        icon="server",
        text=_sentences(_("No mail server is set up, so the app cannot send e-mail yet."), waits),
    )


def _differs(now: Situation) -> Banner | None:
    for worker in now.live:
        for key, seen in worker.fingerprints.items():
            server = now.snapshot.servers.get(key)
            if server is not None and seen != server.fingerprint:
                return Banner(
                    name="differs",
                    tone="info",
                    icon="info",
                    text=_(
                        "Worker %(worker)s uses other settings for %(server)s than this page. "
                        "Changes reach it within seconds; if this stays, its environment variables "
                        "differ.",
                        worker=worker.name,
                        server=_name(server),
                    ),
                )
    return None


def _unverified(now: Situation) -> Banner | None:
    new = [item for item in now.servers if item.state == "unverified"]
    if not new or now.figures.sent_24h:
        return None
    return Banner(
        name="unverified",
        tone="info",
        icon="pulse",
        text=_("%(server)s has not been tested with its present settings.", server=_name(new[0])),
        since=now.moments.saved.get(new[0].key),
        since_is=mark("Saved %(when)s"),
        label=_("Test it"),
        endpoint="test",
        arguments={"server": new[0].key},
    )


def _fallback(now: Situation) -> Banner | None:
    """Tell when the servers that come first take no mail and others do their work."""
    shared = [item for item in now.servers if item.enabled and not item.routes]
    first = min((item.priority for item in shared), default=0)
    best = [item for item in shared if item.priority == first]
    others = [item for item in shared if item.priority > first and _takes_mail(item)]
    if not others or any(map(_takes_mail, best)):
        return None
    instead = min(others, key=lambda item: item.priority)
    return Banner(
        name="fallback",
        tone="warn",
        icon="server",
        text=_(
            "%(server)s takes no mail at the moment, so it goes through %(other)s.",
            server=_name(best[0]),
            other=_name(instead),
        ),
        since=max(_health(now, best), default=None),
        label=_("Test %(server)s", server=_name(best[0])),
        endpoint="test",
        arguments={"server": best[0].key},
    )


def _quota(now: Situation) -> Banner | None:
    near = {key: item for key, item in now.allowances.items() if item.share >= _NEARLY}
    if not near:
        return None
    key = max(near, key=lambda key: near[key].share)
    limits = near[key].limits
    name = max(limits, key=lambda name: limits[name][1] / limits[name][0])
    most, used = limits[name]
    return Banner(
        name="quota",
        tone="warn",
        icon="gauge",
        text=_(
            "%(server)s has used %(used)s of its %(limit)s. What is beyond them waits for the next "
            "slot.",
            server=_name(now.snapshot.servers[key]),
            used=number(used),
            limit=limit_words(name, most),
        ),
        since=near[key].next_free if near[key].used_up else None,
        since_is=mark("Next slot %(when)s"),
        label=_("Open the server"),
        endpoint="server",
        arguments={"key": key},
    )


def _takes_mail(server: Server) -> bool:
    return server.usable and server.health not in {"open", "held"}


def _name(server: Server) -> str:
    return server.name or server.key


def _health(now: Situation, servers: Iterable[Server]) -> list[datetime]:
    return [now.moments.health[item.key] for item in servers if item.key in now.moments.health]


def _waits(count: int) -> str:
    """Say how many messages wait, if any do."""
    if not count:
        return ""
    return ngettext(
        "%(count)s message waits.", "%(count)s messages wait.", count, count=at_most(count)
    )


def _sentences(*said: str) -> str:
    return " ".join(filter(None, said))


_RULES: Final[tuple[Callable[[Situation], Banner | None], ...]] = (
    _foreign,
    _paused,
    _no_worker,
    _stuck,
    _redis_down,
    _all_failing,
    _misconfigured,
    _unreadable,
    _not_configured,
    _setting,
    _differs,
    _unverified,
    _fallback,
    _quota,
)
