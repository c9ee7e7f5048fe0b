"""What MODE does with mail: it goes out, is kept here, or goes to one address instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, Protocol

from flask_smtpadmin.core.handling import redirected
from flask_smtpadmin.core.mail.mime import Built
from flask_smtpadmin.core.settings import Field

Word = Literal["live", "catch", "redirect", "record"]
#: How an entry for all subdomains of a domain begins.
WILDCARD: Final = "*."


class Values(Protocol):
    """What is asked of the settings in force."""

    @property
    def values(self) -> Mapping[str, Field]:
        """The global settings by upper-case name."""
        ...


@dataclass(frozen=True, slots=True)
class Mode:
    """What is done with new messages.

    Attributes:
        word: ``live``; ``catch`` and ``record`` keep them, ``redirect`` sends all to ``address``.
        address: that address, "" elsewhere.
        allowed: whose mail passes as if MODE were live, in the form that settings have it:
            ``example.com`` (this domain alone), ``*.example.com`` (all below it), ``qa@b.example``.
    """

    word: Word
    address: str = ""
    allowed: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether mail goes out as it was written."""
        return self.word == "live"

    def passes(self, addresses: Iterable[str]) -> bool:
        """Say whether a message to ``addresses`` goes out as it was written.

        One recipient that is not allowed holds the whole message: nobody gets half of what was
        sent, and no header tells of people whose copy was kept.
        """
        if self.live:
            return True
        if self.word == "record" or not self.allowed:
            return False
        return all(is_allowed(address, self.allowed) for address in addresses)

    def keeps(self, built: Built) -> bool:
        """Say whether ``built`` is stored as caught."""
        return self.word in {"catch", "record"} and not self._lets_through(built)

    def turned(self, built: Built) -> Built:
        """Return ``built`` with the recipients that it shall really go to."""
        if self.word != "redirect" or self._lets_through(built):
            return built
        return redirected(built, self.address)

    def _lets_through(self, built: Built) -> bool:
        return self.passes(recipient.address for recipient in built.recipients)


_LIVE: Final = Mode("live")


def mode_of(settings: Values) -> Mode:
    """Return the mode that is in force."""
    text: str = settings.values["MODE"].value
    if text == "live":
        return _LIVE
    word, _, address = text.partition(":")
    allowed = settings.values.get("CATCH_ALLOW")
    return Mode(_WORDS[word], address, allowed.value if allowed else ())


def in_words(settings: Values) -> str:
    """Return one sentence for log and command line on what becomes of mail; "" while it is live."""
    mode = mode_of(settings)
    if mode.live:
        return ""
    deed = f"goes to {mode.address} instead" if mode.address else "is kept as caught, not sent"
    who = " to anybody else" if mode.allowed and mode.word != "record" else ""
    origin = settings.values["MODE"].variable or _ORIGINS[settings.values["MODE"].origin]
    return f"MODE is {mode.word} ({origin}): new mail{who} {deed}."


def is_allowed(address: str, allowed: tuple[str, ...]) -> bool:
    """Say whether ``address`` matches one of ``allowed``; case does not count.

    Domains are compared label by label: ``evil-example.com`` is neither ``example.com`` nor below
    it, and ``example.com`` is not below itself.
    """
    whole = address.lower()
    domain = whole.rpartition("@")[2]
    names, below = _sorted(allowed)
    return whole in names or domain in names or domain.endswith(below)


@lru_cache(maxsize=8)
def _sorted(allowed: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the addresses and domains, and what the domains below others end with."""
    below = tuple(entry[1:] for entry in allowed if entry.startswith(WILDCARD))
    return frozenset(entry for entry in allowed if not entry.startswith(WILDCARD)), below


_ORIGINS: Final = {"database": "the settings page", "default": "TESTING"}
_WORDS: Final[dict[str, Word]] = {
    "live": "live",
    "catch": "catch",
    "redirect": "redirect",
    "record": "record",
}
