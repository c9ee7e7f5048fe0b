"""The eight mails that most apps send, ready to use: ``mail.use_standard_types()``.

Their words stand in ``mails/LANGUAGE/NAME.html`` and ``NAME.txt``; the first line of the latter is
the subject. What an app hands over for each is what its function below takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.errors import NotFound
from flask_smtpadmin.core.words import mark

Values = dict[str, Any]
#: Languages in which the mails are written; the first is the one of whoever asks for none.
LANGUAGES: Final = ("en", "de", "fr", "es", "zh")
_SUBJECT: Final = "Subject: "
_LINK: Final = "https://tidepool.example"
_KB: Final = 1000


def welcome(*, link: str, name: str = "", email: str = "", steps: Iterable[str] = ()) -> Values:
    """Return the values of the welcome mail.

    Args:
        link: where the app is opened, or the address is confirmed.
        name: of the recipient.
        email: with which they signed up.
        steps: what is good to do first, a line each.
    """
    return {"link": link, "name": name, "email": email, "steps": list(steps)}


def workspace_invitation(  # noqa: PLR0913 - each by its name
    *,
    link: str,
    inviter: str,
    workspace: str,
    inviter_email: str = "",
    note: str = "",
    days: int = 7,
) -> Values:
    """Return the values of an invitation.

    Args:
        link: where it can be accepted.
        inviter: who invites, a name.
        workspace: to what, a name.
        inviter_email: of who invites.
        note: what they wrote to the invited.
        days: for which it is open.
    """
    return {
        "link": link,
        "inviter": inviter,
        "workspace": workspace,
        "inviter_email": inviter_email,
        "note": note,
        "days": days,
    }


def password_reset(*, link: str, name: str = "", minutes: int = 60, device: str = "") -> Values:
    """Return the values of the mail with which a new password is set.

    Args:
        link: where, with the token.
        name: of the recipient.
        minutes: for which the link works.
        device: from which it was asked for: "Firefox on macOS".
    """
    return {"link": link, "name": name, "minutes": minutes, "device": device}


def magic_link(*, link: str, name: str = "", minutes: int = 15, device: str = "") -> Values:
    """Return the values of the mail with a link that signs in; as for :func:`password_reset`."""
    return {"link": link, "name": name, "minutes": minutes, "device": device}


def notification_digest(  # noqa: PLR0913 - each by its name
    *,
    link: str,
    groups: Iterable[Mapping[str, Any]],
    name: str = "",
    period: str = "",
    settings_link: str = "",
    unsubscribe_link: str = "",
) -> Values:
    """Return the values of a digest.

    Args:
        link: where all of it can be seen.
        groups: ``{"title": ..., "entries": [{"title": ..., "link": ..., "detail": ...}]}``;
            ``link`` and ``detail`` of an entry may be missing, groups without entries are left out.
        name: of the recipient.
        period: "today", "this week".
        settings_link: where it can be switched off.
        unsubscribe_link: https address; what is posted there switches it off at once, without
            signing in. Mail programs show a button for it (RFC 8058).
    """
    shown = [one for group in groups if (one := _group(**group))["count"]]
    return {
        "link": link,
        "groups": shown,
        "count": sum(group["count"] for group in shown),
        "name": name,
        "period": period,
        "settings_link": settings_link,
        "unsubscribe_link": unsubscribe_link,
    }


def account_locked(  # noqa: PLR0913 - each by its name
    *,
    link: str,
    email: str,
    attempts: int,
    minutes: int = 30,
    name: str = "",
    at: str = "",
    place: str = "",
) -> Values:
    """Return the values of the mail about an account that was locked.

    Args:
        link: where a new password can be asked for.
        email: of the account.
        attempts: how many failed.
        minutes: for which it is locked.
        name: of the recipient.
        at: time of the last attempt, as people read it.
        place: from where: an IP address, a town.
    """
    return {
        "link": link,
        "email": email,
        "attempts": attempts,
        "minutes": minutes,
        "name": name,
        "at": at,
        "place": place,
    }


def data_export_ready(  # noqa: PLR0913 - each by its name
    *,
    link: str,
    size: float | str,
    days: int = 7,
    name: str = "",
    file: str = "",
    until: str = "",
) -> Values:
    """Return the values of the mail about a finished data export.

    Args:
        link: where it can be downloaded, by whoever signs in.
        size: bytes, or as people read it.
        days: for which it can be downloaded.
        name: of the recipient.
        file: its name.
        until: the last day, as people read it.
    """
    size = size if isinstance(size, str) else _size(size)
    return {"link": link, "size": size, "days": days, "name": name, "file": file, "until": until}


def trial(*, link: str, server: str = "", sent_by: str = "", at: str = "") -> Values:
    """Return the values of the test mail.

    Args:
        link: to the e-mail settings.
        server: through which it goes.
        sent_by: who sends it.
        at: when, as people read it.
    """
    return {"link": link, "server": server, "sent_by": sent_by, "at": at}


@dataclass(frozen=True, slots=True)
class _Standard:
    """What makes one of them, besides its words."""

    name: str
    title: str
    trigger: str
    prepare: Callable[..., Values]
    example: Values
    options: Values = field(default_factory=dict)


_ALL: Final = (
    _Standard(
        "welcome",
        mark("Welcome"),
        mark("user registration"),
        welcome,
        {
            "link": _LINK,
            "name": "Ada Moss",
            "email": "ada@shoreline.example",
            "steps": [
                "Open a workspace for your team",
                "Write the first note",
                "Invite the people you work with",
            ],
        },
    ),
    _Standard(
        "workspace-invitation",
        mark("Workspace invitation"),
        mark("member invited"),
        workspace_invitation,
        {
            "link": f"{_LINK}/invitations/WzQyLCJncmFjZSJd.aSpYhQ",
            "inviter": "Ada Moss",
            "workspace": "Harbour survey",
            "inviter_email": "ada@shoreline.example",
            "note": "Hi Grace, all the notes from the spring survey are in here.",
        },
    ),
    _Standard(
        "password-reset",
        mark("Password reset"),
        mark("reset request"),
        password_reset,
        {
            "link": f"{_LINK}/set-password/WzQyLCI5ZjI3YyJd.aSpYhQ.k3Vd0xEo",
            "name": "Ada Moss",
            "device": "Firefox on macOS",
        },
        {"critical": True, "secret": True, "priority": "urgent", "expires_in": 3600},
    ),
    _Standard(
        "magic-link",
        mark("Magic link"),
        mark("magic link request"),
        magic_link,
        {
            "link": f"{_LINK}/magic-link/WzQyLDE3XQ.aSpYhQ.tB2mQ9rS",
            "name": "Ada Moss",
            "device": "Firefox on macOS",
        },
        {"critical": True, "secret": True, "priority": "urgent", "expires_in": 900},
    ),
    _Standard(
        "notification-digest",
        mark("Notification digest"),
        mark("scheduled delivery"),
        notification_digest,
        {
            "link": f"{_LINK}/activity",
            "name": "Ada",
            "period": "today",
            "settings_link": f"{_LINK}/settings/notifications",
            "unsubscribe_link": f"{_LINK}/unsubscribe/WzQyXQ.aSpYhQ.r7Lq2",
            "groups": [
                {
                    "title": "Harbour survey",
                    "entries": [
                        {
                            "title": "Tide tables for December",
                            "link": f"{_LINK}/notes/311",
                            "detail": "Grace Lund wrote a note, 09:12",
                        },
                        {
                            "title": "Which boat do we take on Thursday?",
                            "link": f"{_LINK}/notes/312",
                            "detail": "Tom Reed mentioned you, 11:40",
                        },
                    ],
                },
                {
                    "title": "Field station",
                    "entries": [
                        {
                            "title": "Keys for the new hut",
                            "link": f"{_LINK}/notes/313",
                            "detail": "Maria Prado replied to your note, 14:05",
                        },
                    ],
                },
            ],
        },
        {"bulk": True, "unsubscribe": "{{ unsubscribe_link }}"},
    ),
    _Standard(
        "account-locked",
        mark("Account locked"),
        mark("brute-force lockout"),
        account_locked,
        {
            "link": f"{_LINK}/forgot-password",
            "email": "ada@shoreline.example",
            "attempts": 10,
            "name": "Ada Moss",
            "at": "29 November 2026, 14:05 UTC",
            "place": "203.0.113.7",
        },
        {"customizable": False, "critical": True, "priority": "urgent"},
    ),
    _Standard(
        "data-export-ready",
        mark("GDPR export ready"),
        mark("data export completed"),
        data_export_ready,
        {
            "link": f"{_LINK}/settings/export",
            "size": 18_432_000,
            "name": "Ada Moss",
            "file": "tidepool-ada-moss.zip",
            "until": "6 December 2026",
        },
        {"customizable": False},
    ),
    _Standard(
        "test",
        mark("Test e-mail"),
        mark("admin sends test"),
        trial,
        {
            "link": f"{_LINK}/admin/email",
            "server": "smtp.tidepool.example:587",
            "sent_by": "admin@tidepool.example",
            "at": "29 November 2026, 14:05 UTC",
        },
        {"customizable": False},
    ),
)
#: The names, in the order in which the pages list them.
NAMES: Final = tuple(one.name for one in _ALL)


@lru_cache(maxsize=len(_ALL))
def standard_type(name: str) -> EmailType:
    """Return one of the eight.

    Raises:
        NotFound: it is none of :data:`NAMES`.
    """
    for one in _ALL:
        if one.name == name:
            return EmailType(
                name=name,
                texts=_texts(name, LANGUAGES[0]),
                title=one.title,
                trigger=one.trigger,
                sample=one.prepare(**one.example),
                prepare=one.prepare,
                locales={language: _texts(name, language) for language in LANGUAGES[1:]},
                **one.options,
            )
    raise NotFound("standard e-mail type", name)


def _texts(name: str, language: str) -> Texts:
    folder = resources.files("flask_smtpadmin.content") / "mails" / language
    subject, _, text = (folder / f"{name}.txt").read_text("utf-8").partition("\n\n")
    html = (folder / f"{name}.html").read_text("utf-8")
    return Texts(subject.removeprefix(_SUBJECT), html, text)


def _group(*, title: str, entries: Iterable[Mapping[str, Any]]) -> Values:
    shown = [{"link": "", "detail": "", **entry} for entry in entries]
    return {"title": title, "count": len(shown), "entries": shown}


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < _KB:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= _KB
    return f"{count:.1f} GB"
