"""What a search for a mail server's settings found: one row an address and port, the best first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from flask_smtpadmin.core.settings import TLSMode
from flask_smtpadmin.core.words import mark

#: ``ok``: SMTP was spoken, ``refused``: nobody listens, ``timed_out``: no answer, ``unreachable``:
#: there is no way there, ``broken``: something answers, but not mail one could use, ``unknown``:
#: the name could not be resolved, ``forbidden``: HOST_POLICY, nothing was sent there.
ProbeState = Literal["ok", "refused", "timed_out", "unreachable", "broken", "unknown", "forbidden"]
#: The ports that are tried at every host, and how TLS usually starts there (RFC 8314).
PORTS: Final[Mapping[int, TLSMode]] = {
    465: "implicit",
    587: "starttls",
    2525: "starttls",
    25: "starttls",
}
_PREFERRED: Final = tuple(PORTS.items())
#: The text for all that the policy refuses: it must not tell what stands behind.
FORBIDDEN: Final = mark("The host policy of this installation does not allow this address.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host and port worth trying; ``usual`` is how TLS should start, ``why`` where it is from."""

    host: str
    port: int
    usual: TLSMode
    why: str
    preset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How one address and port answered.

    ``tls_mode`` is what worked (None: nothing did), ``certificate`` the problem with it in words
    or "", ``mechanisms`` those of AUTH, ``size`` the greatest message in bytes (0: not said),
    ``ms`` until the server had said what it can do, or until it failed.
    """

    candidate: Candidate
    state: ProbeState
    ip: str = ""
    tls_mode: TLSMode | None = None
    tls_version: str = ""
    certificate: str = ""
    mechanisms: tuple[str, ...] = ()
    size: int = 0
    ms: float = 0.0
    detail: str = ""

    @property
    def family(self) -> str:
        """``IPv4`` or ``IPv6``; "" without an address."""
        return ("IPv6" if ":" in self.ip else "IPv4") if self.ip else ""

    @property
    def usable(self) -> bool:
        """Whether a server could be set up with it as it is."""
        return self.state == "ok" and not self.certificate

    @property
    def settings(self) -> tuple[str, int, TLSMode] | None:
        """Host, port and encryption to set up; None where nothing worked."""
        if self.state != "ok" or self.tls_mode is None:
            return None
        return self.candidate.host, self.candidate.port, self.tls_mode

    @property
    def rank(self) -> tuple[bool | int, ...]:
        """What it is sorted by: usable, encrypted, signs in; then 465, 587, 2525, 25."""
        pair = (self.candidate.port, self.tls_mode)
        preferred = _PREFERRED.index(pair) if pair in _PREFERRED else len(_PREFERRED)
        return (
            self.state != "ok",
            bool(self.certificate),
            self.tls_mode not in {"implicit", "starttls"},
            not self.mechanisms,
            preferred,
        )

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {
            "host": self.candidate.host,
            "port": self.candidate.port,
            "ip": self.ip or None,
            "family": self.family or None,
            "state": self.state,
            "tls_mode": self.tls_mode,
            "tls_version": self.tls_version or None,
            "certificate": self.certificate or None,
            "auth": list(self.mechanisms),
            "size": self.size or None,
            "ms": round(self.ms, 1),
            "detail": self.detail or None,
            "source": self.candidate.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """All that was found for ``address``; ``probes`` the best first.

    ``preset`` is the provider's key with region, or ""; ``why`` says how it was known; ``notes``
    are sentences about what DNS said. ``complete`` is False when the time ran out.
    """

    address: str
    preset: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    complete: bool = True
    ms: float = 0.0

    @property
    def best(self) -> Probe | None:
        """The row to take; None when no server could be set up with any."""
        return next((probe for probe in self.probes if probe.usable), None)

    def document(self) -> dict[str, Any]:
        """Return it as ``flask smtp find --json`` prints it."""
        return {
            "address": self.address,
            "preset": self.preset or None,
            "why": self.why or None,
            "notes": list(self.notes),
            "best": self.best.document() if self.best else None,
            "found": [probe.document() for probe in self.probes],
            "complete": self.complete,
            "ms": round(self.ms, 1),
        }


def in_order(probes: Iterable[Probe], candidates: Iterable[Candidate]) -> tuple[Probe, ...]:
    """Return the probes, the best first; among equals the candidates' order, IPv4 before IPv6."""
    places = {(item.host, item.port): place for place, item in reversed([*enumerate(candidates)])}

    def key(probe: Probe) -> tuple[Any, ...]:
        place = places.get((probe.candidate.host, probe.candidate.port), len(places))
        return (*probe.rank, place, ":" in probe.ip, probe.ip)

    return tuple(sorted(probes, key=key))
