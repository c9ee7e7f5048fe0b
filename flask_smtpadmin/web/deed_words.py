"""What pages say about deeds on many messages: the question, what will happen, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_smtpadmin.core.deeds import Action, Deed, Job, Tally
from flask_smtpadmin.core.rate import Limit, limits_of
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.web.formats import number as counted
from flask_smtpadmin.web.wording import MESSAGE

_VERB: Final[dict[Action, str]] = {
    "retry": "Retry",
    "cancel": "Cancel",
    "delete": "Delete",
    "send_via": "Send",
}
_DONE: Final[dict[Action, str]] = {
    "retry": "queued",
    "cancel": "cancelled",
    "delete": "deleted",
    "send_via": "queued",
}
_SKIPPED: Final = {"expired": "expired", "state": "their state does not allow it"}


def question(deed: Deed, found: Tally | None, ticked: int) -> str:
    """Return the question: ``Retry 312 dead letters?``."""
    return f"{_VERB[deed.action]} {_meant(deed, found, ticked)}{_through(deed)}?"


def button(deed: Deed, found: Tally | None, ticked: int) -> str:
    """Return what stands on the button: the verb again."""
    return f"{_VERB[deed.action]} {_meant(deed, found, ticked)}"


def effects(deed: Deed, found: Tally | None, servers: Mapping[str, Server]) -> list[str]:
    """Return sentences on what will happen."""
    sentences = []
    if deed.action == "retry":
        sentences.append(_pace(deed, servers))
    elif deed.action == "send_via":
        sentences.append("They go out at once, as fast as that server may be used.")
    elif deed.action == "cancel":
        sentences.append("They will not be sent. Each can be queued again later.")
    else:
        sentences.append("The messages and the records of their attempts are gone for good.")
    skipped = found.skipped(deed) if found else {}
    if skipped.get("expired"):
        count = skipped["expired"]
        are = "one is" if count == 1 else "ones are"
        sentences.append(f"{counted(count)} expired {are} skipped: their time is over.")
    if skipped.get("state"):
        count = skipped["state"]
        them = "is" if count == 1 else "are"
        sentences.append(f"{counted(count)} {them} skipped: {_SKIPPED['state']}.")
    if found is not None and not found.exact:
        sentences.append("There are more than were counted; all that match now are meant.")
    return sentences


def title(job: Job) -> str:
    """Return the heading of a job's page."""
    return f"{_VERB[job.deed.action]} {_noun(job.deed, 2)}{_through(job.deed)}"


def progress(job: Job) -> str:
    """Return how far a job is, or its result: ``298 queued, 14 skipped (expired).``."""
    return result(job.deed, job.changed, job.skipped)


def result(deed: Deed, changed: int, skipped: Mapping[str, int]) -> str:
    """Return the result line."""
    words = f"{counted(changed)} {_DONE[deed.action]}"
    left = {reason: count for reason, count in skipped.items() if count}
    if not left:
        return f"{words}."
    if len(left) == 1:
        ((reason, count),) = left.items()
        return f"{words}, {counted(count)} skipped ({_SKIPPED[reason]})."
    parts = "; ".join(f"{counted(count)} {_SKIPPED[reason]}" for reason, count in left.items())
    return f"{words}, {counted(sum(left.values()))} skipped ({parts})."


def _meant(deed: Deed, found: Tally | None, ticked: int) -> str:
    if found is None:
        return f"{counted(ticked)} {_noun(deed, ticked, ticked=True)}"
    count = found.doable(deed)
    if found.exact:
        return f"{counted(count)} {_noun(deed, count)}"
    return f"all {_noun(deed, 2)} that match (more than {counted(found.total - 1)})"


def _noun(deed: Deed, count: int, *, ticked: bool = False) -> str:
    state = deed.wanted.state
    if state == "dead" and not ticked:
        return "dead letter" if count == 1 else "dead letters"
    message = "message" if count == 1 else "messages"
    if ticked or state is None or state in {"failed", "waiting"}:
        return f"{state} {message}" if state and not ticked else message
    return f"{MESSAGE[state].word.lower()} {message}"  # type: ignore[index]  # groups are gone


def _through(deed: Deed) -> str:
    if deed.action != "send_via":
        return ""
    return f" via {deed.server}" if deed.server else " via another server"


def _pace(deed: Deed, servers: Mapping[str, Server]) -> str:
    server = servers.get(deed.wanted.server or "default")
    if server is None or not server.configured:
        return "They are queued again and go out as soon as a server can take them."
    name = server.name or server.key
    limits = [_said(limit) for limit in limits_of(server.limits)]
    if not limits:
        return f"They go out via {name}, as fast as it takes them."
    return f"They go out at up to {' and '.join(limits)} via {name}."


def _said(limit: Limit) -> str:
    recipients = " recipients" if limit.unit == "recipients" else ""
    return f"{limit.most:,}{recipients} per {limit.name.rpartition('_')[2]}"
