"""One vocabulary: the word, colour and icon of each state, and what it means on a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from flask_smtpadmin.core.advice import Advice, advice, causes
from flask_smtpadmin.core.deeds import JobState
from flask_smtpadmin.core.findings import ProbeState
from flask_smtpadmin.core.search import Kind
from flask_smtpadmin.core.settings import Origin
from flask_smtpadmin.core.states import FINAL, RecipientState, ServerState, State

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
    "queued": Look("Queued", "quiet", "clock", "Waits for a worker."),
    "scheduled": Look("Scheduled", "slate", "calendar", "Goes out at a later time."),
    "sending": Look("Sending", "info", "send", "A worker hands it over now.", pulse=True),
    "retrying": Look("Retrying", "warn", "retry", "Failed; will be tried again."),
    "sent": Look("Sent", "ok", "check-circle", "The server accepted it. This is not delivery."),
    "partial": Look("Partly sent", "warn", "half", "Some recipients were refused.", outline=True),
    "dead": Look("Dead letter", "bad", "dead", "Could not be sent after all tries."),
    "uncertain": Look("Uncertain", "doubt", "question", "The link was lost; it may have arrived."),
    "cancelled": Look("Cancelled", "quiet", "ban", "Stopped by hand.", outline=True),
    "expired": Look("Expired", "quiet", "hourglass", "Too old to be sent.", outline=True),
    "caught": Look("Caught", "quiet", "catch", "Kept here instead of being sent.", outline=True),
}

JOB: Final[dict[JobState, Look]] = {
    "running": Look("Under way", "info", "retry", "You may leave this page.", pulse=True),
    "done": Look("Done", "ok", "check-circle"),
    "cancelled": Look("Stopped", "quiet", "ban", "What was done stays done.", outline=True),
    "failed": Look("Broke off", "bad", "cross-circle", "The log of the app says why."),
    "silent": Look("Broke off", "warn", "warning", "The process that worked on it has ended."),
}

#: What a chip says in front of the value.
TERM: Final[dict[Kind, str]] = {
    "id": "number",
    "message_id": "Message-ID",
    "mailbox": "address or Message-ID",
    "address": "to",
    "domain": "to anybody at",
    "recipient": "to, in part",
    "from": "from",
    "subject": "subject",
    "error": "error",
    "cause": "cause",
    "type": "type",
    "server": "server",
    "after": "after",
    "before": "before",
    "key": "key",
    "words": "words",
}

SERVER: Final[dict[ServerState, Look]] = {
    "ok": Look("OK", "ok", "check-circle"),
    "unverified": Look("Not verified", "quiet", "question", outline=True),
    "degraded": Look("Degraded", "warn", "warning"),
    "open": Look("Down", "bad", "cross-circle"),
    "held": Look("Held", "bad", "lock"),
    "paused": Look("Paused", "warn", "pause"),
    "misconfigured": Look("Misconfigured", "bad", "warning"),
    "disabled": Look("Disabled", "quiet", "ban", outline=True),
}

RECIPIENT: Final[dict[RecipientState, Look]] = {
    "pending": Look("Pending", "quiet", "clock"),
    "accepted": Look("Accepted", "ok", "check-circle"),
    "refused": Look("Refused", "bad", "cross-circle"),
    "unknown": Look("Unknown", "doubt", "question"),
}
#: Still pending when its message was cancelled, given up or otherwise ended.
_NOT_SENT: Final = Look("Not sent", "quiet", "ban", outline=True)

ATTEMPT: Final[dict[str | None, Look]] = {
    "sent": Look("Accepted by the server", "ok", "check"),
    "partial": Look("Accepted for some recipients", "warn", "half"),
    "retry": Look("Failed, to be tried again", "warn", "retry"),
    "dead": Look("Failed for good", "bad", "cross"),
    "uncertain": Look("Link lost, it may have arrived", "doubt", "question"),
    "returned": Look("Handed back untried", "quiet", "left"),
    None: Look("Under way", "info", "send", pulse=True),
}

#: How far a try got.
PHASE: Final[dict[str, str]] = {
    "handed_over": "handed over to the worker's connections",
    "resolve": "looking up the server's name",
    "connect": "connecting",
    "greeting": "waiting for the greeting",
    "encrypt": "encrypting the link",
    "hello": "saying hello (EHLO)",
    "sign_in": "signing in",
    "sender": "naming the sender (MAIL FROM)",
    "recipient": "naming the recipients (RCPT TO)",
    "data": "asking to send the content (DATA)",
    "body": "sending the content",
    "done": "all of it",
}

#: How a check stands, or went.
CHECK: Final[dict[str, Look]] = {
    "waiting": Look("Waiting", "quiet", "clock"),
    "running": Look("Running", "info", "clock", pulse=True),
    "passed": Look("Passed", "ok", "check-circle"),
    "failed": Look("Failed", "bad", "cross-circle"),
    "cancelled": Look("Cancelled", "quiet", "ban", outline=True),
    "lost": Look("Broken off", "quiet", "question", outline=True),
}

STEP: Final[dict[str, Look]] = {
    "ok": Look("OK", "ok", "check-circle"),
    "failed": Look("Failed", "bad", "cross-circle"),
    "skipped": Look("Skipped", "quiet", "minus"),
    "running": Look("Running", "info", "clock"),
    "pending": Look("Waiting", "quiet", "clock"),
}

FINDING: Final[dict[str, Look]] = {
    "good": Look("Good", "ok", "check-circle"),
    "warning": Look("Warning", "warn", "warning", "Works, but should be better."),
    "missing": Look("Missing", "bad", "cross-circle", "Publish it."),
    "wrong": Look("Wrong", "bad", "warning", "Published, but it does not do what it should."),
    "unknown": Look("Not known", "quiet", "question", "It could not be found out.", outline=True),
    "skipped": Look("Not needed", "quiet", "minus", "Nothing for you to publish.", outline=True),
}

#: What each record of a domain is for.
RECORDS: Final[dict[str, tuple[str, str]]] = {
    "mx": ("MX", "where answers and bounces go"),
    "spf": ("SPF", "which hosts may send for the domain"),
    "dkim": ("DKIM", "the key that signatures are checked with"),
    "dmarc": ("DMARC", "what receivers do with mail that fails"),
    "ptr": ("PTR", "the name of the sending address"),
}

#: Who opened a session with a server.
SESSION_ORIGIN: Final[dict[str, str]] = {
    "worker": "Worker",
    "test": "Test",
    "send_now": "send_now",
    "health check": "Health check",
}

#: How an address and port answered; ``doubtful``: it did, but its certificate is not in order.
PROBE: Final[dict[ProbeState | Literal["doubtful"], Look]] = {
    "ok": Look("Reachable", "ok", "check-circle"),
    "doubtful": Look("Not trusted", "warn", "warning"),
    "refused": Look("Refused", "bad", "cross-circle"),
    "timed_out": Look("Timed out", "bad", "clock"),
    "unreachable": Look("Unreachable", "quiet", "ban", outline=True),
    "broken": Look("Not usable", "bad", "warning"),
    "unknown": Look("No such name", "quiet", "question", outline=True),
    "forbidden": Look("Not allowed", "warn", "lock"),
}

#: The headline of a check, by the step that failed.
STOPPED: Final[dict[str, str]] = {
    "resolve": "The server's name could not be resolved",
    "connect": "The server could not be reached",
    "greeting": "The server did not greet",
    "encrypt": "The link could not be encrypted",
    "hello": "The server refused the hello",
    "sign_in": "The sign-in failed",
    "sender": "The server refused the sender",
    "recipient": "The server refused the recipient",
    "message": "The server refused the message",
    "stored": "The message could not be stored",
    "queued": "The message could not be queued",
    "picked_up": "No worker took the message",
    "sent": "The worker could not send the message",
}

ORIGINS: Final[dict[Origin, str]] = {
    "environment": "environment",
    "database": "saved here",
    "app_config": "app.config",
    "preset": "provider",
    "default": "default",
}

WAITING: Final[dict[str | None, str]] = {
    None: "waits for a worker",
    "server": "waits for the server",
    "settings": "waits for settings",
    "quota": "waits for a free slot",
    "paused": "waits: sending is paused",
}

ENCRYPTION: Final[dict[str, tuple[str, str]]] = {
    "implicit": ("Implicit TLS", "Usually port 465. Encrypted from the first byte."),
    "starttls": ("STARTTLS", "Usually port 587. Starts plain, then must switch to TLS."),
    "none": ("None (not encrypted)", "Usually port 25, for a relay inside your own network."),
}

AUTHENTICATION: Final[dict[str, tuple[str, str]]] = {
    "none": ("None", "The server knows this host."),
    "password": ("Password", "User name and password."),
    "oauth2": ("OAuth2", "A token from the provider."),
}


#: Causes that are ours and no server's.
_OWN_CAUSES: Final[dict[str, str]] = {
    "worker_lost": "A worker died, or was cut off, while it handed the message over.",
    "worker_crash": "Worker after worker died while it handed the message over.",
}


def cause_words(cause: str | None) -> str:
    """Return one sentence on a cause of failure, whether or not it is explained further."""
    known = causes().get(cause or "")
    if known is not None:
        return known.what
    if not cause:
        return "No cause is known."
    return _OWN_CAUSES.get(cause, "There is no explanation of this cause.")


def advice_on(cause: str | None, provider: str | None) -> Advice | None:
    """Return what happened, why and what to do; None for a cause without an explanation.

    ``provider`` is the preset of the server: its customers are told first what only they must do.
    """
    return advice(cause, provider or "") if cause in causes() else None


def recipient(state: RecipientState, message: State) -> Look:
    """Return how a recipient in ``state`` is shown whose message is in the state ``message``."""
    return _NOT_SENT if state == "pending" and message in FINAL else RECIPIENT[state]


#: What starting over is called where "Retry" would not say it.
RETRY: Final[dict[State, str]] = {
    "partial": "Retry the rest",
    "uncertain": "Retry anyway",
    "cancelled": "Requeue",
    "expired": "Requeue",
    "caught": "Release",
}
