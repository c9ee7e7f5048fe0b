"""Every ``app.config`` key in one place: default, type, one line of help.

The docs table is generated from :class:`Keys`. In ``app.config`` a key is ``SMTPADMIN_`` + name;
in the environment too, unless its spec says otherwise (there the prefix is ``ENV_PREFIX``). The
fields of mail servers stand in :mod:`flask_smtpadmin.core.settings.fields`.
"""

from __future__ import annotations

from typing import Final

from flask_smtpadmin.core.settings import Spec

_DAY: Final = 86_400.0


class Keys:
    """The global settings; those that are ``editable`` can be changed on the settings page."""

    #: Where the pages live.
    URL_PREFIX: Final = Spec(
        "URL_PREFIX", "prefix", "/admin/email", "Where the pages live.", editable=False, holds=False
    )
    #: Prefix of the environment variables, with its underscore.
    ENV_PREFIX: Final = Spec(
        "ENV_PREFIX",
        "str",
        "SMTPADMIN_",
        "Prefix of the environment variables.",
        editable=False,
        environment=False,
    )
    #: What the app calls itself in mails; the default of every From name.
    APP_NAME: Final = Spec("APP_NAME", "str", "", "The app's name in mails; unset: app.name.")
    #: Colour of buttons and links in mails of a type, #rrggbb.
    ACCENT: Final = Spec(
        "ACCENT",
        "colour",
        "#4f46e5",
        "Colour of buttons and links in mails of a type, #rrggbb.",
        editable=False,
        holds=False,
    )
    #: Named servers: ``{key: {field: value}}``.
    SERVERS: Final = Spec(
        "SERVERS",
        "servers",
        {},
        "Named servers, {key: {field: value}}.",
        editable=False,
        environment=False,
    )
    #: Queue server that rings the worker; unset, the worker polls the database.
    REDIS_URL: Final = Spec(
        "REDIS_URL",
        "url",
        "",
        "Queue server that rings the worker; unset, the worker polls the database.",
        choices=("redis", "rediss", "unix"),
        max_length=2048,
        secret=True,
        editable=False,
        holds=False,
    )
    #: Name of the RQ queue.
    QUEUE_NAME: Final = Spec(
        "QUEUE_NAME",
        "str",
        "smtpadmin",
        "Name of the RQ queue.",
        max_length=64,
        editable=False,
        holds=False,
    )
    #: Fernet keys, newest first; unset: derived from SECRET_KEY and SECRET_KEY_FALLBACKS.
    ENCRYPTION_KEYS: Final = Spec(
        "ENCRYPTION_KEYS",
        "list",
        (),
        "Fernet keys, newest first; unset: derived from SECRET_KEY and SECRET_KEY_FALLBACKS.",
        max_length=8192,
        secret=True,
        editable=False,
    )
    #: live, catch, record, or redirect:ADDRESS; record while TESTING.
    MODE: Final = Spec(
        "MODE",
        "mode",
        "live",
        "live, catch, record (the default while TESTING) or redirect:ADDRESS.",
    )
    #: Whose mail goes out all the same in the modes catch and redirect.
    CATCH_ALLOW: Final = Spec(
        "CATCH_ALLOW",
        "allowed",
        (),
        "Domains and addresses whose mail goes out all the same under catch and redirect.",
        max_length=4000,
    )
    #: Messages that may wait (queued, scheduled, retrying, sending); 0: no limit.
    MAX_QUEUE: Final = Spec(
        "MAX_QUEUE",
        "int",
        10_000,
        "Messages that may wait; 0: no limit.",
        minimum=0,
        maximum=1_000_000_000,
    )
    #: Bytes of a message with its attachments as they travel, a third longer than they are; 0: no
    #: limit.
    MAX_MESSAGE_SIZE: Final = Spec(
        "MAX_MESSAGE_SIZE",
        "int",
        25 * 1024 * 1024,
        "Bytes that a message may have, its attachments encoded; 0: no limit.",
        minimum=0,
        maximum=1_000_000_000,
        editable=False,
    )
    #: Tries after the first one failed.
    RETRY_ATTEMPTS: Final = Spec(
        "RETRY_ATTEMPTS", "int", 3, "Tries after the first one failed.", minimum=0, maximum=100
    )
    #: Failures after which a message becomes a dead letter.
    DEAD_LETTER_THRESHOLD: Final = Spec(
        "DEAD_LETTER_THRESHOLD",
        "int",
        3,
        "Failures after which a message becomes a dead letter.",
        minimum=1,
        maximum=100,
    )
    #: Seconds before the first retry; doubles with each failure.
    RETRY_DELAY: Final = Spec(
        "RETRY_DELAY",
        "float",
        30.0,
        "Seconds before the first retry; doubles with each failure.",
        minimum=0,
        maximum=_DAY,
    )
    #: Seconds between two tries at most, before the random factor of 0.5 to 1.5.
    RETRY_MAX_DELAY: Final = Spec(
        "RETRY_MAX_DELAY",
        "float",
        3600.0,
        "Seconds between two tries at most.",
        minimum=0,
        maximum=7 * _DAY,
    )
    #: Seconds after which a message that still waits expires.
    MAX_AGE: Final = Spec(
        "MAX_AGE",
        "float",
        5 * _DAY,
        "Seconds after which a message that still waits expires.",
        minimum=60,
        maximum=365 * _DAY,
    )
    #: When the link is lost after the message was written: retry or hold.
    ON_UNCERTAIN: Final = Spec(
        "ON_UNCERTAIN",
        "choice",
        "retry",
        "When the link is lost after the message was written: retry or hold.",
        choices=("retry", "hold"),
    )
    #: Messages handed over whose result is not committed yet; 0: eight times the connections.
    WINDOW: Final = Spec(
        "WINDOW",
        "int",
        0,
        "Messages in flight per worker; 0: eight times its connections.",
        minimum=0,
        maximum=100_000,
        editable=False,
    )
    #: Which installation this is; a database that was recorded for another one sends nothing.
    INSTANCE: Final = Spec(
        "INSTANCE",
        "str",
        "",
        "Which installation this is (production, staging): a copied database sends nothing.",
        max_length=64,
        editable=False,
    )
    #: Template of the host app that the pages extend.
    BASE_TEMPLATE: Final = Spec(
        "BASE_TEMPLATE",
        "str",
        "",
        "Template of the host app that the pages extend.",
        editable=False,
        holds=False,
    )
    #: Content-Security-Policy of the pages; unset: strict, none with a BASE_TEMPLATE.
    CSP: Final = Spec(
        "CSP",
        "str",
        "",
        "Content-Security-Policy of the pages; unset: a strict one.",
        max_length=4096,
        editable=False,
        holds=False,
    )
    #: Address of the app, for links in mails.
    BASE_URL: Final = Spec(
        "BASE_URL",
        "url",
        "",
        "Address of the app, for links in mails.",
        choices=("http", "https"),
        editable=False,
    )
    #: Seconds between two looks at each server (sign-in, no mail); 0: none.
    CHECK_EVERY: Final = Spec(
        "CHECK_EVERY",
        "float",
        3600.0,
        "Seconds between two looks of the workers at each server (sign-in, no mail); 0: none.",
        minimum=0,
        maximum=7 * _DAY,
        holds=False,
    )
    #: What to record of the dialogue with mail servers: all, failures (with openings) or off.
    ACTIVITY_LOG: Final = Spec(
        "ACTIVITY_LOG",
        "choice",
        "all",
        "What to record of the dialogue with mail servers: all, failures (with openings) or off.",
        choices=("all", "failures", "off"),
        holds=False,
    )
    #: Folder for activity logs by date.
    LOG_DIR: Final = Spec(
        "LOG_DIR",
        "path",
        "",
        "Folder for activity logs by date.",
        max_length=1024,
        editable=False,
        holds=False,
    )
    #: Which addresses may be connected to: private, strict or a callable(ip, port).
    HOST_POLICY: Final = Spec(
        "HOST_POLICY",
        "policy",
        "private",
        "Which addresses may be connected to: private, strict or a callable(ip, port).",
        choices=("private", "strict"),
        editable=False,
    )
    #: Ports allowed beside those of the presets under HOST_POLICY strict.
    ALLOWED_PORTS: Final = Spec(
        "ALLOWED_PORTS",
        "ports",
        (),
        "Ports allowed beside the presets' under strict.",
        minimum=1,
        maximum=65535,
        editable=False,
    )
    #: Days that the content of sent mail is kept; 0: wiped at once, keep: for ever.
    RETENTION_SENT: Final = Spec(
        "RETENTION_SENT",
        "days",
        7,
        "Days that the content of sent mail is kept.",
        minimum=0,
        maximum=365,
    )
    #: Days that the content of dead and uncertain mail is kept.
    RETENTION_DEAD: Final = Spec(
        "RETENTION_DEAD",
        "days",
        30,
        "Days that the content of dead mail is kept.",
        minimum=1,
        maximum=365,
    )
    #: Days that clear addresses and subjects of final mail are kept.
    RETENTION_ADDRESSES: Final = Spec(
        "RETENTION_ADDRESSES",
        "days",
        30,
        "Days that clear addresses and subjects are kept.",
        minimum=0,
        maximum=365,
    )
    #: Days that attempts are kept.
    RETENTION_ATTEMPTS: Final = Spec(
        "RETENTION_ATTEMPTS",
        "days",
        180,
        "Days that attempts are kept.",
        minimum=30,
        maximum=2557,
    )
    #: Days that the audit trail is kept.
    RETENTION_AUDIT: Final = Spec(
        "RETENTION_AUDIT",
        "days",
        365,
        "Days that the audit trail is kept.",
        minimum=90,
        maximum=3653,
    )
    #: Days that activity and transcripts are kept.
    RETENTION_ACTIVITY: Final = Spec(
        "RETENTION_ACTIVITY",
        "days",
        7,
        "Days that activity and transcripts are kept.",
        minimum=0,
        maximum=30,
    )


#: Every key by name, in the order of the class.
KEYS: Final[dict[str, Spec]] = {
    name: spec for name, spec in vars(Keys).items() if isinstance(spec, Spec)
}
#: The keys that the settings page may change, by name.
EDITABLE: Final[dict[str, Spec]] = {name: spec for name, spec in KEYS.items() if spec.editable}
