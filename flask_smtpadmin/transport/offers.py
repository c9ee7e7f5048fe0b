"""What a server offered after EHLO, and what follows from it for one message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.transaction import Envelope, Reply

#: What can stand between ``<`` and ``>`` without ending the command (RFC 5321 4.1.2).
_ADDRESS: Final = re.compile(r"[^\x00-\x20\x7f<>]*")


@dataclass(frozen=True, slots=True)
class Offers:
    """The extensions that matter to a mail transaction.

    ``size``: SIZE was offered (RFC 1870), ``limit`` is the greatest message in bytes, 0 when the
    server does not say; ``eight_bit``: 8BITMIME (RFC 6152).
    """

    pipelining: bool = False
    size: bool = False
    limit: int = 0
    eight_bit: bool = False
    smtputf8: bool = False

    @classmethod
    def of(cls, extensions: Mapping[str, str]) -> Offers:
        """Return what the extensions, by lower-case keyword, mean."""
        size = extensions.get("size", "").strip()
        return cls(
            pipelining="pipelining" in extensions,
            size="size" in extensions,
            limit=int(size) if size.isdecimal() and size.isascii() else 0,
            eight_bit="8bitmime" in extensions,
            smtputf8="smtputf8" in extensions,
        )

    def refusal(self, envelope: Envelope, size: int) -> Reply | None:
        """Return the refusal that the server has announced for ``envelope``, else None.

        ``size`` is that of the content in bytes. Nothing is sent then: the reply is ours, with
        the codes that the server would use (RFC 1870 6.1, RFC 6531 3.5, RFC 5321 4.1.2).
        """
        if 0 < self.limit < size:
            text = f"not sent: {size} bytes, and the server takes {self.limit} at most"
            return Reply(552, "5.3.4", text)
        addresses = (envelope.sender, *envelope.recipients)
        if not self.smtputf8 and (envelope.smtputf8 or not "".join(addresses).isascii()):
            text = "not sent: it needs SMTPUTF8, which the server does not offer"
            return Reply(553, "5.6.7", text)
        if not all(map(_ADDRESS.fullmatch, addresses)):
            text = "not sent: an address holds characters that end a command"
            return Reply(501, "5.1.3", text)
        if not envelope.recipients:
            return Reply(554, "5.5.1", "not sent: there is no recipient")
        return None

    def parameters(self, envelope: Envelope, size: int) -> tuple[str, ...]:
        """Return the parameters of MAIL; ``size`` in bytes (RFC 1870, 6152, 6531)."""
        found: tuple[str, ...] = (f"SIZE={size}",) if self.size else ()
        if self.eight_bit and (envelope.eight_bit or envelope.smtputf8):
            found += ("BODY=8BITMIME",)
        return (*found, "SMTPUTF8") if envelope.smtputf8 else found

    def mail_command(self, envelope: Envelope, size: int) -> bytes:
        """Return ``MAIL FROM`` with the parameters that the server offered."""
        words = (f"MAIL FROM:<{envelope.sender}>", *self.parameters(envelope, size))
        return f"{' '.join(words)}\r\n".encode()
