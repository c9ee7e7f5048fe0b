"""What an application writes: a message and its attachments, with Flask-Mail's names and order.

Nothing is rendered here; :func:`flask_smtpadmin.core.mail.mime.build` checks every value and
names the one that cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from flask_smtpadmin.core.errors import InvalidMessage
from flask_smtpadmin.core.mail.address import Mailbox, listed
from flask_smtpadmin.core.mail.calendar import calendar_text

Alternatives = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a message.

    ``data`` is bytes, or text that is stored as UTF-8.  ``content_type`` is guessed from
    ``filename`` when it is not given.  With ``disposition="inline"`` and a ``content_id`` an
    image shows up in the HTML where it says ``<img src="cid:...">`` (RFC 2392).

    Raises:
        InvalidMessage: there is no ``data``.
    """

    filename: str | None = None
    content_type: str | None = None
    data: str | bytes | None = field(default=None, repr=False)
    disposition: str | None = "attachment"
    headers: Mapping[str, str] | None = None
    content_id: str | None = None

    def __post_init__(self) -> None:
        if self.data is None:
            raise InvalidMessage("an attachment needs data (bytes or str)", field="attachments")


class _Empty:
    """A list or dict that nobody gave, made when somebody looks for it.

    Who writes thousands of messages makes, and has the collector go through, seven objects less
    for each.
    """

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, message: object | None, _owner: type) -> object:
        if message is None:
            return self
        made = self._make()
        setattr(message, self._name, made)  # which is found before this from now on
        return made


def _empty(make: Callable[[], object]) -> Any:
    return _Empty(make)


class Message:
    """An e-mail, with the arguments of ``flask_mail.Message``.

    An address is ``"a@b"``, ``"Name <a@b>"`` or ``("Name", "a@b")``.

    Args:
        subject: text in one line; the server's subject prefix is put in front.
        recipients: list of addresses for the To header.
        body: the plain text.
        html: the HTML; also found as ``alts["html"]``.
        alts: further alternatives of the text, by subtype (``{"calendar; method=REQUEST": ...}``),
            the best one last.
        sender: the From address; without one the type's or the server's is used.
        cc: list of addresses for the Cc header.
        bcc: list of addresses that no header shows.
        attachments: list of :class:`Attachment`.
        reply_to: the address that answers go to, or a list of them.
        date: for the Date header: seconds since 1970 or an aware datetime; else the time of
            ``send()``.
        charset: of the text parts, where they fit into it; else UTF-8.
        extra_headers: further headers; ``Message-ID`` may be among them.
        mail_options: accepted for Flask-Mail: ``SMTPUTF8`` and ``BODY=8BITMIME``, which are used
            where they are needed anyway.
        rcpt_options: accepted for Flask-Mail; must be empty.
        unsubscribe: the https address that takes this reader off the list when a mail program
            posts to it (RFC 8058), a ``mailto:`` address, or a list of both. Mail to many needs
            it.

    Raises:
        InvalidMessage: a list or mapping was expected and something else given.  All other
            checks are made by ``send()``.
    """

    recipients: list[Mailbox] = _empty(list)
    cc: list[Mailbox] = _empty(list)
    bcc: list[Mailbox] = _empty(list)
    attachments: list[Attachment] = _empty(list)
    alts: dict[str, str] = _empty(dict)
    extra_headers: dict[str, str] = _empty(dict)
    mail_options: list[str] = _empty(list)
    rcpt_options: list[str] = _empty(list)

    def __init__(  # noqa: PLR0913, PLR0917 - Flask-Mail's arguments in their order
        self,
        subject: str = "",
        recipients: Iterable[Mailbox] | None = None,
        body: str | None = None,
        html: str | None = None,
        alts: Alternatives | None = None,
        sender: Mailbox | None = None,
        cc: Iterable[Mailbox] | None = None,
        bcc: Iterable[Mailbox] | None = None,
        attachments: Iterable[Attachment] | None = None,
        reply_to: Mailbox | list[Mailbox] | None = None,
        date: float | datetime | None = None,
        charset: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        mail_options: Iterable[str] | None = None,
        rcpt_options: Iterable[str] | None = None,
        *,
        unsubscribe: str | Iterable[str] | None = None,
    ) -> None:
        self.subject, self.body, self.charset = subject, body, charset
        self.sender, self.reply_to = sender, reply_to
        self.date, self.unsubscribe = date, unsubscribe
        # what was not given is empty, and made when it is asked for
        if recipients is not None:
            self.recipients = listed(recipients, "recipients")
        if cc is not None or bcc is not None:
            self.cc, self.bcc = listed(cc, "cc"), listed(bcc, "bcc")
        if attachments is not None:
            self.attachments = listed(attachments, "attachments")
        if mail_options is not None or rcpt_options is not None:
            self.mail_options = listed(mail_options, "mail_options")
            self.rcpt_options = listed(rcpt_options, "rcpt_options")
        if alts is not None:
            self.alts = pairs(alts, "alts")
        if extra_headers is not None:
            self.extra_headers = pairs(extra_headers, "extra_headers")
        if html is not None:
            self.html = html

    @property
    def html(self) -> str | None:
        """The HTML alternative; None when there is none."""
        return self.alts.get("html")

    @html.setter
    def html(self, value: str | None) -> None:
        if value is None:
            self.alts.pop("html", None)
        else:
            self.alts["html"] = value

    @property
    def plain(self) -> bool:
        """Whether a text to addresses in To is all there is, as in most of what many get."""
        return _MORE.isdisjoint(vars(self)) and self.unsubscribe is None and bool(self.body)

    def add_recipient(self, recipient: Mailbox) -> None:
        """Add one more address to the To header."""
        self.recipients.append(recipient)

    def attach(  # noqa: PLR0913, PLR0917 - Flask-Mail's arguments in their order
        self,
        filename: str | None = None,
        content_type: str | None = None,
        data: str | bytes | None = None,
        disposition: str | None = "attachment",
        headers: Mapping[str, str] | None = None,
        content_id: str | None = None,
    ) -> None:
        """Attach a file; the arguments are those of :class:`Attachment`."""
        self.attachments.append(
            Attachment(filename, content_type, data, disposition, headers, content_id)
        )

    def invite(
        self, ics: str | bytes, method: str = "REQUEST", *, filename: str = "invite.ics"
    ) -> None:
        """Add an invitation, as a part that mail programs answer and as a file that others open.

        Args:
            ics: the calendar object (RFC 5545), from ``BEGIN:VCALENDAR`` on; bytes are UTF-8.
            method: what is asked of the reader, as its line ``METHOD:`` says it: ``REQUEST``,
                ``CANCEL``, ``PUBLISH``, ... (RFC 5546 1.4).
            filename: of the file.

        Raises:
            InvalidMessage: mail programs could not use it; ``field`` is ``ics`` or ``method``.
        """
        text, asked = calendar_text(ics, method)
        self.alts[f"calendar; method={asked}"] = text
        self.attach(filename, f"application/ics; method={asked}", text)

    def __repr__(self) -> str:
        return f"<Message {self.subject!r}, {len(self.recipients)} in To>"


#: What makes a message more than a text: nobody has looked for it where it is not there.
_MORE: Final = frozenset(name for name, kind in vars(Message).items() if type(kind) is _Empty) - {
    "recipients"
}


def pairs(value: object, field: str) -> dict[str, Any]:
    """Return ``value``, a mapping or an iterable of pairs, as a new dict; None counts as empty.

    Raises:
        InvalidMessage: anything else.
    """
    if value is None:
        return {}
    if type(value) is dict or isinstance(value, Mapping):  # the first is asked faster
        return dict(value)
    items = listed(value, field)
    if not all(isinstance(item, tuple | list) and len(item) == 2 for item in items):  # noqa: PLR2004 - a pair
        raise InvalidMessage("expected a mapping or pairs (name, value)", field=field)
    return dict(items)
