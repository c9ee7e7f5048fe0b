"""Contents that open accounts: sealed before they are stored, opened as they are handed over.

Whoever reads the database, a copy or a backup of it, finds no reset link there. The Message-ID
stands inside, so that what is sealed for one message cannot be sent as another, to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask_smtpadmin.core.errors import SecretUnreadable
from flask_smtpadmin.core.words import mark
from flask_smtpadmin.storage.vault import Vault

#: Tells it from all else that the vault encrypts; the Message-ID and a line end follow.
_MARK: Final = b"mail 1 "

_FORMER: Final = mark(
    "What the message says was encrypted with a key that is no longer configured: put the former "
    "key behind the new one in SMTPADMIN_ENCRYPTION_KEYS. The message waits until then."
)
_FORMER_DERIVED: Final = mark(
    "What the message says was encrypted with a key that is no longer configured: put the former "
    "SECRET_KEY into SECRET_KEY_FALLBACKS. The message waits until then."
)
_MOVED: Final = mark(
    "What is stored for this message was encrypted for another one, so it is not sent: somebody "
    "has changed the database. Let your app send a new message, and cancel this one."
)


class Seals:
    """Seals and opens contents.

    Args:
        vault: returns the keys at hand; they may change while a process runs.
    """

    def __init__(self, vault: Callable[[], Vault]) -> None:
        self._vault = vault

    def seal(self, message_id: str, content: bytes) -> bytes:
        """Return ``content`` encrypted, to be opened for this Message-ID only.

        Raises:
            ConfigurationError: there is no usable key.
        """
        return self._vault().encrypt(_begin(message_id) + content)

    def open(self, message_id: str, body: bytes) -> bytes:
        """Return the content that was sealed for this Message-ID.

        Raises:
            SecretUnreadable: no key at hand opens it, or it was sealed for another message.
        """
        vault, begin = self._vault(), _begin(message_id)
        try:
            content = vault.decrypt(body)
        except SecretUnreadable:
            text = _FORMER_DERIVED if vault.from_derived_key else _FORMER
            raise SecretUnreadable(text) from None
        if not content.startswith(begin):
            raise SecretUnreadable(_MOVED)
        return content[len(begin) :]


def _begin(message_id: str) -> bytes:
    return _MARK + message_id.encode() + b"\n"
