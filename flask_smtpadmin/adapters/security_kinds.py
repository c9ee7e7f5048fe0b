"""The mails of Flask-Security: what sets each off, and for how long its link or code is good."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final

from flask_smtpadmin.core.email_type import EmailType, Texts
from flask_smtpadmin.core.handling import MAX_TYPE

_PREFIX: Final = "security."
_FOLDER: Final = "security/email/"
_ODD: Final = re.compile(r"[^a-z0-9._-]+")
#: What Flask-Security calls that which opens an account, in the contexts of its templates.
_KEYS: Final = re.compile(r"(?:(?:reset|confirmation|login)_)?(?:link|token|code)")


class Given(EmailType):
    """A type that Flask-Security writes, as long as the app gives no words of its own for it."""

    __slots__ = ()
    gives_way: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityMail:
    """A mail of Flask-Security; its settings are named without ``SECURITY_``.

    Attributes:
        name: of the template that comes with Flask-Security.
        setting: says which template the app uses.
        subject: the setting of the subject.
        features: settings that are all on where the mail is sent.
        links: what opens the account: the feature that puts it into the mail, and the setting of
            how long it is good.
        warns: whether it tells that somebody changed the account.
        title, trigger: for the pages.
    """

    name: str
    setting: str
    subject: str = ""
    features: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    warns: bool = False
    title: str = ""
    trigger: str = ""

    @property
    def type(self) -> str:
        """The name of the e-mail type."""
        return (_PREFIX + _ODD.sub("-", self.name.lower()))[:MAX_TYPE]

    def used(self, config: Mapping[str, Any]) -> bool:
        """Say whether the app can send it."""
        return all(config.get(f"SECURITY_{feature}") for feature in self.features)

    def opens(self, config: Mapping[str, Any]) -> bool:
        """Say whether it gives access, as far as the app's settings tell."""
        return any(config.get(f"SECURITY_{feature}") for feature, _within in self.links)

    def span(self, config: Mapping[str, Any]) -> timedelta | None:
        """Return how long its link or code is good, the shortest; None: it has none."""
        spans = [
            _span(config.get(f"SECURITY_{within}"))
            for feature, within in self.links
            if config.get(f"SECURITY_{feature}")
        ]
        return min((span for span in spans if span), default=None)

    def kind(self, config: Mapping[str, Any]) -> EmailType:
        """Return the e-mail type."""
        secret = self.opens(config)
        template = config.get(f"SECURITY_{self.setting}") or _FOLDER + self.name
        return Given(
            name=self.type,
            texts=Texts(
                str(config.get(f"SECURITY_{self.subject}") or ""),
                text=f"Flask-Security writes this mail, with {template}.txt and {template}.html.",
            ),
            title=self.title,
            trigger=self.trigger,
            customizable=False,
            critical=secret or self.warns,
            secret=secret,
            priority="urgent" if secret else None,
            expires_in=self.span(config),
            framed=False,
        )


_CONFIRM: Final = ("CONFIRMABLE", "CONFIRM_EMAIL_WITHIN")
_RESET: Final = ("RECOVERABLE", "RESET_PASSWORD_WITHIN")

#: Those that are known by name; the app's settings tell which of them its version sends.
MAILS: Final = (
    SecurityMail(
        name="welcome",
        setting="REGISTER_EMAIL_TEMPLATE",
        subject="EMAIL_SUBJECT_REGISTER",
        features=("REGISTERABLE",),
        links=(_CONFIRM,),
        trigger="user registration",
    ),
    SecurityMail(
        name="welcome_existing",
        setting="REGISTER_EMAIL_EXISTING_TEMPLATE",
        subject="EMAIL_SUBJECT_REGISTER",
        features=("REGISTERABLE", "RETURN_GENERIC_RESPONSES"),
        links=(_RESET, _CONFIRM),
        title="Welcome, known address",
        trigger="registration with an address that has an account",
    ),
    SecurityMail(
        name="welcome_existing_username",
        setting="REGISTER_EMAIL_EXISTING_USERNAME_TEMPLATE",
        subject="EMAIL_SUBJECT_REGISTER",
        features=("REGISTERABLE", "RETURN_GENERIC_RESPONSES"),
        title="Welcome, known user name",
        trigger="registration with a user name that is taken",
    ),
    SecurityMail(
        name="confirmation_instructions",
        setting="EMAIL_TEMPLATE_CONFIRM",
        subject="EMAIL_SUBJECT_CONFIRM",
        features=("CONFIRMABLE",),
        links=(_CONFIRM,),
        trigger="request to confirm an address",
    ),
    SecurityMail(
        name="login_instructions",
        setting="EMAIL_TEMPLATE_PASSWORDLESS",
        subject="EMAIL_SUBJECT_PASSWORDLESS",
        features=("PASSWORDLESS",),
        links=(("PASSWORDLESS", "LOGIN_WITHIN"),),
        trigger="sign-in without a password",
    ),
    SecurityMail(
        name="us_instructions",
        setting="US_EMAIL_TEMPLATE",
        subject="US_EMAIL_SUBJECT",
        features=("UNIFIED_SIGNIN",),
        links=(("UNIFIED_SIGNIN", "US_TOKEN_VALIDITY"),),
        title="Sign-in code",
        trigger="sign-in with a code or link",
    ),
    SecurityMail(
        name="two_factor_instructions",
        setting="TWO_FACTOR_EMAIL_TEMPLATE",
        subject="EMAIL_SUBJECT_TWO_FACTOR",
        features=("TWO_FACTOR",),
        links=(("TWO_FACTOR", "TWO_FACTOR_MAIL_VALIDITY"),),
        title="Two-factor code",
        trigger="sign-in with a second factor",
    ),
    SecurityMail(
        name="two_factor_rescue",
        setting="TWO_FACTOR_RESCUE_EMAIL_TEMPLATE",
        subject="EMAIL_SUBJECT_TWO_FACTOR_RESCUE",
        features=("TWO_FACTOR",),
        title="Two-factor rescue",
        trigger="somebody without the second factor asks for help",
    ),
    SecurityMail(
        name="reset_instructions",
        setting="EMAIL_TEMPLATE_PASSWORD_RESET",
        subject="EMAIL_SUBJECT_PASSWORD_RESET",
        features=("RECOVERABLE",),
        links=(_RESET,),
        title="Password reset",
        trigger="reset request",
    ),
    SecurityMail(
        name="reset_notice",
        setting="EMAIL_TEMPLATE_PASSWORD_RESET_NOTICE",
        subject="EMAIL_SUBJECT_PASSWORD_NOTICE",
        features=("RECOVERABLE",),
        warns=True,
        title="Password was reset",
        trigger="password was reset",
    ),
    SecurityMail(
        name="change_notice",
        setting="EMAIL_TEMPLATE_PASSWORD_CHANGE_NOTICE",
        subject="EMAIL_SUBJECT_PASSWORD_CHANGE_NOTICE",
        features=("CHANGEABLE",),
        warns=True,
        title="Password was changed",
        trigger="password was changed",
    ),
    SecurityMail(
        name="change_email_instructions",
        setting="CHANGE_EMAIL_EMAIL_TEMPLATE",
        subject="CHANGE_EMAIL_SUBJECT",
        features=("CHANGE_EMAIL",),
        links=(("CHANGE_EMAIL", "CHANGE_EMAIL_WITHIN"),),
        title="New address",
        trigger="request to change the address",
    ),
    SecurityMail(
        name="change_username_notice",
        setting="CHANGE_USERNAME_EMAIL_TEMPLATE",
        subject="EMAIL_SUBJECT_USERNAME_CHANGE_NOTICE",
        features=("CHANGE_USERNAME",),
        warns=True,
        title="User name was changed",
        trigger="user name was changed",
    ),
    SecurityMail(
        name="username_recovery",
        setting="USERNAME_RECOVERY_EMAIL_TEMPLATE",
        subject="EMAIL_SUBJECT_USERNAME_RECOVERY",
        features=("USERNAME_RECOVERY",),
        trigger="forgotten user name",
    ),
)


def mails(config: Mapping[str, Any]) -> Iterator[SecurityMail]:
    """Yield the mails that the app can send: those above, and what newer versions add to them."""
    known = {f"SECURITY_{one.setting}" for one in MAILS}
    for one in MAILS:
        if one.used(config):
            yield one
    for setting, template in config.items():
        if setting.startswith("SECURITY_") and setting not in known and _is_mail(template):
            yield _unknown(template, setting.removeprefix("SECURITY_"))


def mail_of(template: str, config: Mapping[str, Any]) -> SecurityMail:
    """Return the mail that is written with ``template``, wherever the app keeps that file.

    Versions before 5.9 leave out the folder, and know no setting for most of them.
    """
    for one in MAILS:
        if template in {config.get(f"SECURITY_{one.setting}"), _FOLDER + one.name, one.name}:
            return one
    return _unknown(template)


def opens(context: Mapping[str, Any]) -> bool:
    """Say whether a template was given something that opens an account."""
    return any(value and _KEYS.fullmatch(name) for name, value in context.items())


def _unknown(template: str, setting: str = "") -> SecurityMail:
    return SecurityMail(name=template.rpartition("/")[2] or "mail", setting=setting)


def _is_mail(value: object) -> bool:
    return isinstance(value, str) and value.startswith(_FOLDER)


def _span(value: object) -> timedelta | None:
    """Read a time as Flask-Security does: a timedelta, seconds, or text like ``5 days``."""
    if isinstance(value, str):
        count, unit = value.split()
        value = timedelta(**{unit: int(count)})
    elif isinstance(value, int | float):
        value = timedelta(seconds=value)
    return value if isinstance(value, timedelta) and value > timedelta(0) else None
