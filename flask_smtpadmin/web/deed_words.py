"""What pages say about deeds on many messages: the question, what will happen, what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from flask_smtpadmin.core.deeds import Action, Deed, Job, Tally
from flask_smtpadmin.core.rate import limits_of
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.words import mark, mark_n
from flask_smtpadmin.web.formats import number as counted
from flask_smtpadmin.web.language import gettext as _
from flask_smtpadmin.web.language import ngettext
from flask_smtpadmin.web.wording import limit_words

_VERB: Final[dict[Action, str]] = {
    "retry": mark("Retry %(what)s"),
    "cancel": mark("Cancel %(what)s"),
    "delete": mark("Delete %(what)s"),
    "send_via": mark("Send %(what)s"),
    "release": mark("Release %(what)s"),
}
_QUESTION: Final[dict[Action, str]] = {
    "retry": mark("Retry %(what)s?"),
    "cancel": mark("Cancel %(what)s?"),
    "delete": mark("Delete %(what)s?"),
    "release": mark("Release %(what)s?"),
}
_DONE: Final[dict[Action, tuple[str, str]]] = {
    "retry": mark_n("%(count)s queued", "%(count)s queued"),
    "cancel": mark_n("%(count)s cancelled", "%(count)s cancelled"),
    "delete": mark_n("%(count)s deleted", "%(count)s deleted"),
    "send_via": mark_n("%(count)s queued", "%(count)s queued"),
    "release": mark_n("%(count)s released", "%(count)s released"),
}
_SKIPPED: Final = {"expired": mark("expired"), "state": mark("their state does not allow it")}
_Noun: TypeAlias = tuple[tuple[str, str], str]
_MESSAGE: Final[_Noun] = (mark_n("%(count)s message", "%(count)s messages"), mark("messages"))
#: By state, or group of states: so many of them, and all of them.
_NOUNS: Final[dict[str, _Noun]] = {
    "queued": (
        mark_n("%(count)s queued message", "%(count)s queued messages"),
        mark("queued messages"),
    ),
    "scheduled": (
        mark_n("%(count)s scheduled message", "%(count)s scheduled messages"),
        mark("scheduled messages"),
    ),
    "sending": (
        mark_n("%(count)s sending message", "%(count)s sending messages"),
        mark("sending messages"),
    ),
    "retrying": (
        mark_n("%(count)s retrying message", "%(count)s retrying messages"),
        mark("retrying messages"),
    ),
    "sent": (mark_n("%(count)s sent message", "%(count)s sent messages"), mark("sent messages")),
    "partial": (
        mark_n("%(count)s partly sent message", "%(count)s partly sent messages"),
        mark("partly sent messages"),
    ),
    "dead": (mark_n("%(count)s dead letter", "%(count)s dead letters"), mark("dead letters")),
    "uncertain": (
        mark_n("%(count)s uncertain message", "%(count)s uncertain messages"),
        mark("uncertain messages"),
    ),
    "cancelled": (
        mark_n("%(count)s cancelled message", "%(count)s cancelled messages"),
        mark("cancelled messages"),
    ),
    "expired": (
        mark_n("%(count)s expired message", "%(count)s expired messages"),
        mark("expired messages"),
    ),
    "caught": (
        mark_n("%(count)s caught message", "%(count)s caught messages"),
        mark("caught messages"),
    ),
    "failed": (
        mark_n("%(count)s failed message", "%(count)s failed messages"),
        mark("failed messages"),
    ),
    "waiting": (
        mark_n("%(count)s waiting message", "%(count)s waiting messages"),
        mark("waiting messages"),
    ),
}


def question(deed: Deed, found: Tally | None, ticked: int) -> str:
    """Return the question: ``Retry 312 dead letters?``."""
    what = _meant(deed, found, ticked)
    if deed.action != "send_via":
        return _(_QUESTION[deed.action], what=what)
    if not deed.server:
        return _("Send %(what)s via another server?", what=what)
    return _("Send %(what)s via %(server)s?", what=what, server=deed.server)


def button(deed: Deed, found: Tally | None, ticked: int) -> str:
    """Return what stands on the button: the verb again."""
    return _(_VERB[deed.action], what=_meant(deed, found, ticked))


def effects(deed: Deed, found: Tally | None, servers: Mapping[str, Server]) -> list[str]:
    """Return sentences on what will happen."""
    sentences = [_effect(deed, servers)]
    skipped = found.skipped(deed) if found else {}
    if skipped.get("expired"):
        sentences.append(
            ngettext(
                "%(count)s expired one is skipped: their time is over.",
                "%(count)s expired ones are skipped: their time is over.",
                skipped["expired"],
            )
        )
    if skipped.get("state"):
        sentences.append(
            ngettext(
                "%(count)s is skipped: their state does not allow it.",
                "%(count)s are skipped: their state does not allow it.",
                skipped["state"],
            )
        )
    if found is not None and not found.exact:
        sentences.append(_("There are more than were counted; all that match now are meant."))
    return sentences


def recipients(names: Sequence[str], count: int, *, exact: bool) -> str:
    """Say to whom it goes for real: the first names, and how many there are."""
    named, others = ", ".join(names), count - len(names)
    if not exact:
        return _("They go for real to %(names)s and many others.", names=named)
    if others > 0:
        return ngettext(
            "They go for real to %(names)s and %(count)s other.",
            "They go for real to %(names)s and %(count)s others.",
            others,
            names=named,
        )
    return _("They go for real to %(names)s.", names=named)


def _effect(deed: Deed, servers: Mapping[str, Server]) -> str:
    if deed.action in {"retry", "release"}:
        return _pace(deed, servers)
    if deed.action == "send_via":
        return _("They go out at once, as fast as that server may be used.")
    if deed.action == "cancel":
        return _("They will not be sent. Each can be queued again later.")
    return _("The messages and the records of their attempts are gone for good.")


def title(job: Job) -> str:
    """Return the heading of a job's page."""
    deed, what = job.deed, _(_noun(job.deed)[1])
    if deed.action != "send_via":
        return _(_VERB[deed.action], what=what)
    if not deed.server:
        return _("Send %(what)s via another server", what=what)
    return _("Send %(what)s via %(server)s", what=what, server=deed.server)


def progress(job: Job) -> str:
    """Return how far a job is, or its result: ``298 queued, 14 skipped (expired).``."""
    return result(job.deed, job.changed, job.skipped)


def result(deed: Deed, changed: int, skipped: Mapping[str, int]) -> str:
    """Return the result line."""
    words = ngettext(*_DONE[deed.action], changed)
    left = {reason: count for reason, count in skipped.items() if count}
    if not left:
        return _("%(done)s.", done=words)
    if len(left) == 1:
        ((only, _count),) = left.items()
        why = _(_SKIPPED[only])
    else:
        why = "; ".join(f"{counted(count)} {_(_SKIPPED[name])}" for name, count in left.items())
    count = counted(sum(left.values()))
    return _("%(done)s, %(count)s skipped (%(why)s).", done=words, count=count, why=why)


def _meant(deed: Deed, found: Tally | None, ticked: int) -> str:
    if found is None:
        return ngettext(*_MESSAGE[0], ticked)
    counting, all_of_them = _noun(deed)
    if found.exact:
        return ngettext(*counting, found.doable(deed))
    most = counted(found.total - 1)
    return _("all %(what)s that match (more than %(count)s)", what=_(all_of_them), count=most)


def _noun(deed: Deed) -> _Noun:
    return _NOUNS.get(deed.wanted.state or "", _MESSAGE)


def _pace(deed: Deed, servers: Mapping[str, Server]) -> str:
    server = servers.get(deed.wanted.server or "default")
    if server is None or not server.configured:
        return _("They are queued again and go out as soon as a server can take them.")
    name = server.name or server.key
    limits = [limit_words(limit.name, limit.most) for limit in limits_of(server.limits)]
    if not limits:
        return _("They go out via %(server)s, as fast as it takes them.", server=name)
    both = limits[0]
    for limit in limits[1:]:
        both = _("%(one)s and %(other)s", one=both, other=limit)
    return _("They go out at up to %(limits)s via %(server)s.", limits=both, server=name)
