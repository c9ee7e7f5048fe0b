"""What is asked about a domain: who writes from it, and who hands the mail over."""

from __future__ import annotations

from dataclasses import dataclass

from flask_smtpadmin.core.deliverability.findings import Record
from flask_smtpadmin.core.deliverability.providers import PUBLIC_DOMAINS, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One From domain and the way its mail takes.

    Attributes:
        domain: of the From address, lower case.
        mail_from: domain of the Return-Path, as the app gives it.
        provider: who sends; None: a server of one's own, or one that is not known.
        addresses: the IP addresses that mail leaves from, where they can be known.
        own_host: whether those are this host's.
        selector: a DKIM selector that somebody typed.
        helo: the name that the sending host gives itself, where it is known.
    """

    domain: str
    mail_from: str
    provider: Provider | None = None
    addresses: tuple[str, ...] = ()
    own_host: bool = False
    selector: str = ""
    helo: str = ""

    @property
    def public(self) -> str:
        """Whose domain it is, when it belongs to a mailbox provider; "" when it does not."""
        return PUBLIC_DOMAINS.get(self.domain, "")

    @property
    def own_envelope(self) -> bool:
        """Whether SPF is looked up at the domain the app gives, and not at the provider's."""
        return self.provider is None or self.provider.own_envelope

    @property
    def return_path(self) -> Record | None:
        """The record that would make the provider's Return-Path a name below the domain."""
        if self.provider is None or self.own_envelope:
            return None
        return self.provider.return_path_for(self.domain)
