"""One vocabulary: the word, colour and icon of each state, and what it means on a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from flask_smtpadmin.core.advice import Advice, advice, causes
from flask_smtpadmin.core.deeds import JobState
from flask_smtpadmin.core.findings import ProbeState
from flask_smtpadmin.core.search import Kind
from flask_smtpadmin.core.settings import Origin
from flask_smtpadmin.core.states import FINAL, Priority, RecipientState, ServerState, State
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.web.language import format_number
from flask_smtpadmin.web.language import gettext as _

Tone = Literal["ok", "warn", "bad", "info", "slate", "quiet", "doubt"]


@dataclass(frozen=True, slots=True)
class Look:
    """How something is shown: never by colour alone."""

    word: str
    tone: Tone
    icon: str
    meaning: str = ""
    outline: bool = False
    pulse: bool = False


MESSAGE: Final[dict[State, Look]] = {
    "queued": Look(mark("Queued"), "quiet", "clock", mark("Waits for a worker.")),
    "scheduled": Look(mark("Scheduled"), "slate", "calendar", mark("Goes out at a later time.")),
    "sending": Look(
        mark("Sending"), "info", "send", mark("A worker hands it over now."), pulse=True
    ),
    "retrying": Look(mark("Retrying"), "warn", "retry", mark("Failed; will be tried again.")),
    "sent": Look(
        mark("Sent"), "ok", "check-circle", mark("The server accepted it. This is not delivery.")
    ),
    "partial": Look(
        mark("Partly sent"), "warn", "half", mark("Some recipients were refused."), outline=True
    ),
    "dead": Look(mark("Dead letter"), "bad", "dead", mark("Could not be sent after all tries.")),
    "uncertain": Look(
        mark("Uncertain"), "doubt", "question", mark("The link was lost; it may have arrived.")
    ),
    "cancelled": Look(
        mark("Cancelled"),
        "quiet",
        "ban",
        mark("Stopped by hand, or its type is switched off."),
        outline=True,
    ),
    "expired": Look(
        mark("Expired"), "quiet", "hourglass", mark("Too old to be sent."), outline=True
    ),
    "caught": Look(
        mark("Caught"), "quiet", "catch", mark("Kept here instead of being sent."), outline=True
    ),
}

#: Within a sentence: "A message that is ... cannot be changed".
_WITHIN: Final = (
    mark("queued"),
    mark("scheduled"),
    mark("sending"),
    mark("retrying"),
    mark("sent"),
    mark("partial"),
    mark("dead"),
    mark("uncertain"),
    mark("cancelled"),
    mark("expired"),
    mark("caught"),
)

JOB: Final[dict[JobState, Look]] = {
    "running": Look(
        mark("Under way"), "info", "retry", mark("You may leave this page."), pulse=True
    ),
    "done": Look(mark("Done"), "ok", "check-circle"),
    "cancelled": Look(
        mark("Stopped"), "quiet", "ban", mark("What was done stays done."), outline=True
    ),
    "failed": Look(mark("Broke off"), "bad", "cross-circle", mark("The log of the app says why.")),
    "silent": Look(
        mark("Broke off"), "warn", "warning", mark("The process that worked on it has ended.")
    ),
}

#: What a chip says in front of the value.
TERM: Final[dict[Kind, str]] = {
    "id": mark("number"),
    "message_id": "Message-ID",
    "mailbox": mark("address or Message-ID"),
    "address": mark("to"),
    "domain": mark("to anybody at"),
    "recipient": mark("to, in part"),
    "from": mark("from"),
    "subject": mark("subject"),
    "error": mark("error"),
    "cause": mark("cause"),
    "type": mark("type"),
    "server": mark("server"),
    "after": mark("after"),
    "before": mark("before"),
    "key": mark("key"),
    "words": mark("words"),
}

SERVER: Final[dict[ServerState, Look]] = {
    "ok": Look(mark("OK"), "ok", "check-circle"),
    "unverified": Look(mark("Not verified"), "quiet", "question", outline=True),
    "degraded": Look(mark("Degraded"), "warn", "warning"),
    "open": Look(mark("Down"), "bad", "cross-circle"),
    "held": Look(mark("Held"), "bad", "lock"),
    "paused": Look(mark("Paused"), "warn", "pause"),
    "misconfigured": Look(mark("Misconfigured"), "bad", "warning"),
    "disabled": Look(mark("Disabled"), "quiet", "ban", outline=True),
}

RECIPIENT: Final[dict[RecipientState, Look]] = {
    "pending": Look(mark("Pending"), "quiet", "clock"),
    "accepted": Look(mark("Accepted"), "ok", "check-circle"),
    "refused": Look(mark("Refused"), "bad", "cross-circle"),
    "unknown": Look(mark("Unknown"), "doubt", "question"),
}
#: Still pending when its message was cancelled, given up or otherwise ended.
_NOT_SENT: Final = Look(mark("Not sent"), "quiet", "ban", outline=True)

ATTEMPT: Final[dict[str | None, Look]] = {
    "sent": Look(mark("Accepted by the server"), "ok", "check"),
    "partial": Look(mark("Accepted for some recipients"), "warn", "half"),
    "retry": Look(mark("Failed, to be tried again"), "warn", "retry"),
    "dead": Look(mark("Failed for good"), "bad", "cross"),
    "uncertain": Look(mark("Link lost, it may have arrived"), "doubt", "question"),
    "returned": Look(mark("Handed back untried"), "quiet", "left"),
    None: Look(mark("Under way"), "info", "send", pulse=True),
}

#: How far a try got.
PHASE: Final[dict[str, str]] = {
    "handed_over": mark("handed over to the worker's connections"),
    "resolve": mark("looking up the server's name"),
    "connect": mark("connecting"),
    "greeting": mark("waiting for the greeting"),
    "encrypt": mark("encrypting the link"),
    "hello": mark("saying hello (EHLO)"),
    "sign_in": mark("signing in"),
    "sender": mark("naming the sender (MAIL FROM)"),
    "recipient": mark("naming the recipients (RCPT TO)"),
    "data": mark("asking to send the content (DATA)"),
    "body": mark("sending the content"),
    "done": mark("all of it"),
}

#: How a check stands, or went.
CHECK: Final[dict[str, Look]] = {
    "waiting": Look(mark("Waiting"), "quiet", "clock"),
    "running": Look(mark("Running"), "info", "clock", pulse=True),
    "passed": Look(mark("Passed"), "ok", "check-circle"),
    "failed": Look(mark("Failed"), "bad", "cross-circle"),
    "cancelled": Look(mark("Cancelled"), "quiet", "ban", outline=True),
    "lost": Look(mark("Broken off"), "quiet", "question", outline=True),
}

STEP: Final[dict[str, Look]] = {
    "ok": Look(mark("OK"), "ok", "check-circle"),
    "failed": Look(mark("Failed"), "bad", "cross-circle"),
    "skipped": Look(mark("Skipped"), "quiet", "minus"),
    "running": Look(mark("Running"), "info", "clock"),
    "pending": Look(mark("Waiting"), "quiet", "clock"),
}

FINDING: Final[dict[str, Look]] = {
    "good": Look(mark("Good"), "ok", "check-circle"),
    "warning": Look(mark("Warning"), "warn", "warning", mark("Works, but should be better.")),
    "missing": Look(mark("Missing"), "bad", "cross-circle", mark("Publish it.")),
    "wrong": Look(
        mark("Wrong"), "bad", "warning", mark("Published, but it does not do what it should.")
    ),
    "unknown": Look(
        mark("Not known"), "quiet", "question", mark("It could not be found out."), outline=True
    ),
    "skipped": Look(
        mark("Not needed"), "quiet", "minus", mark("Nothing for you to publish."), outline=True
    ),
}

#: What each record of a domain is for.
RECORDS: Final[dict[str, tuple[str, str]]] = {
    "mx": ("MX", mark("where answers and bounces go")),
    "spf": ("SPF", mark("which hosts may send for the domain")),
    "dkim": ("DKIM", mark("the key that signatures are checked with")),
    "dmarc": ("DMARC", mark("what receivers do with mail that fails")),
    "ptr": ("PTR", mark("the name of the sending address")),
}

#: Who opened a session with a server.
SESSION_ORIGIN: Final[dict[str, str]] = {
    "worker": mark("Worker"),
    "test": mark("Test"),
    "send_now": "send_now",
    "health check": mark("Health check"),
}

#: How an address and port answered; ``doubtful``: it did, but its certificate is not in order.
PROBE: Final[dict[ProbeState | Literal["doubtful"], Look]] = {
    "ok": Look(mark("Reachable"), "ok", "check-circle"),
    "doubtful": Look(mark("Not trusted"), "warn", "warning"),
    "refused": Look(mark("Refused"), "bad", "cross-circle"),
    "timed_out": Look(mark("Timed out"), "bad", "clock"),
    "unreachable": Look(mark("Unreachable"), "quiet", "ban", outline=True),
    "broken": Look(mark("Not usable"), "bad", "warning"),
    "unknown": Look(mark("No such name"), "quiet", "question", outline=True),
    "forbidden": Look(mark("Not allowed"), "warn", "lock"),
}

#: The headline of a check, by the step that failed.
STOPPED: Final[dict[str, str]] = {
    "resolve": mark("The server's name could not be resolved"),
    "connect": mark("The server could not be reached"),
    "greeting": mark("The server did not greet"),
    "encrypt": mark("The link could not be encrypted"),
    "hello": mark("The server refused the hello"),
    "sign_in": mark("The sign-in failed"),
    "sender": mark("The server refused the sender"),
    "recipient": mark("The server refused the recipient"),
    "message": mark("The server refused the message"),
    "stored": mark("The message could not be stored"),
    "queued": mark("The message could not be queued"),
    "picked_up": mark("No worker took the message"),
    "sent": mark("The worker could not send the message"),
}

ORIGINS: Final[dict[Origin, str]] = {
    "environment": mark("environment"),
    "database": mark("saved here"),
    "app_config": "app.config",
    "preset": mark("provider"),
    "default": mark("default"),
}

WAITING: Final[dict[str | None, str]] = {
    None: mark("waits for a worker"),
    "server": mark("waits for the server"),
    "settings": mark("waits for settings"),
    "quota": mark("waits for a free slot"),
    "paused": mark("waits: sending is paused"),
}

ENCRYPTION: Final[dict[str, tuple[str, str]]] = {
    "implicit": (mark("Implicit TLS"), mark("Usually port 465. Encrypted from the first byte.")),
    "starttls": ("STARTTLS", mark("Usually port 587. Starts plain, then must switch to TLS.")),
    "none": (
        mark("None (not encrypted)"),
        mark("Usually port 25, for a relay inside your own network."),
    ),
}

AUTHENTICATION: Final[dict[str, tuple[str, str]]] = {
    "none": (mark("None"), mark("The server knows this host.")),
    "password": (mark("Password"), mark("User name and password.")),
    "oauth2": ("OAuth2", mark("A token from the provider.")),
}

#: Choices of settings; what is not here is a name, such as that of an engine.
CHOICES: Final[dict[str, str]] = {
    "retry": mark("retry"),
    "hold": mark("hold"),
    "all": mark("all"),
    "failures": mark("failures"),
    "off": mark("off"),
}

PRIORITY: Final[dict[Priority, str]] = {
    "urgent": mark("Urgent"),
    "normal": mark("Normal"),
    "bulk": mark("Bulk"),
}

#: The facts about where a check ran, by their names.
RUNTIME: Final[dict[str, str]] = {
    "host": mark("Host"),
    "system": mark("System"),
    "python": "Python",
    "openssl": "OpenSSL",
    "aiosmtplib": "aiosmtplib",
    "resolver": mark("Name servers"),
    "proxy": mark("Proxy"),
    "redis": "Redis",
}

#: What is done with mail instead of sending it, by the word of MODE.
MODE: Final[dict[str, str]] = {
    "catch": mark("Catch mode"),
    "record": mark("Record mode"),
    "redirect": mark("Redirect mode"),
}
#: What may be chosen on the settings page, and what it does.
MODES: Final[dict[str, tuple[str, str]]] = {
    "live": (mark("Live"), mark("Mail goes out as it was written.")),
    "catch": (mark("Catch"), mark("New mail is kept in the inbox until somebody releases it.")),
    "redirect": (mark("Redirect"), mark("New mail goes to one address instead.")),
    "record": (mark("Record"), mark("New mail is kept. Meant for tests of the app.")),
}


#: Causes that are ours and no server's.
_OWN_CAUSES: Final[dict[str, str]] = {
    "worker_lost": mark("A worker died, or was cut off, while it handed the message over."),
    "worker_crash": mark("Worker after worker died while it handed the message over."),
    "secret_unreadable": mark("No key opens what the message says, so it waits."),
}


#: A limit of a server, by its name.
_LIMIT: Final[dict[str, str]] = {
    "per_second": mark("%(most)s per second"),
    "per_minute": mark("%(most)s per minute"),
    "per_hour": mark("%(most)s per hour"),
    "per_day": mark("%(most)s per day"),
    "per_month": mark("%(most)s per month"),
    "recipients_per_second": mark("%(most)s recipients per second"),
    "recipients_per_minute": mark("%(most)s recipients per minute"),
    "recipients_per_hour": mark("%(most)s recipients per hour"),
    "recipients_per_day": mark("%(most)s recipients per day"),
    "recipients_per_month": mark("%(most)s recipients per month"),
}


def limit_words(name: str, most: int) -> str:
    """Return a limit as people say it: ``100 per minute``."""
    return _(_LIMIT[name], most=format_number(most))


def cause_words(cause: str | None) -> str:
    """Return one sentence on a cause of failure, whether or not it is explained further."""
    known = causes().get(cause or "")
    if known is not None:
        return _(known.what)
    if not cause:
        return _("No cause is known.")
    return _(_OWN_CAUSES.get(cause, mark("There is no explanation of this cause.")))


def advice_on(cause: str | None, provider: str | None) -> Advice | None:
    """Return what happened, why and what to do; None for a cause without an explanation.

    ``provider`` is the preset of the server: its customers are told first what only they must do.
    """
    if cause not in causes():
        return None
    known = advice(cause, provider or "")
    steps = tuple(map(_, known.steps))
    return replace(known, what=_(known.what), why=_(known.why), steps=steps)


def recipient(state: RecipientState, message: State) -> Look:
    """Return how a recipient in ``state`` is shown whose message is in the state ``message``."""
    return _NOT_SENT if state == "pending" and message in FINAL else RECIPIENT[state]


#: What starting over is called where "Retry" would not say it.
RETRY: Final[dict[State, str]] = {
    "partial": mark("Retry the rest"),
    "uncertain": mark("Retry anyway"),
    "cancelled": mark("Requeue"),
    "expired": mark("Requeue"),
    "caught": mark("Release"),
}
