"""One look at an address and port: does a mail server answer, and what does it offer?

Never more than EHLO, STARTTLS and QUIT: nothing is signed in, no mail is begun.
"""

from __future__ import annotations

import errno
import ssl
import time
from dataclasses import replace
from typing import Final

from flask_smtpadmin.core.findings import FORBIDDEN, Candidate, Probe, ProbeState
from flask_smtpadmin.core.hosts import HostPolicy
from flask_smtpadmin.core.settings import Server, TLSMode
from flask_smtpadmin.core.transaction import HostRefused, StartTLSMissing, TransportFailure
from flask_smtpadmin.core.words import mark, said
from flask_smtpadmin.transport.offers import Offers
from flask_smtpadmin.transport.smtp import SMTPSession

_NO_WAY: Final = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EACCES}
)
#: OpenSSL's numbers for a certificate that does not verify (X509_V_ERR_*), in words.
_CERTIFICATE: Final = {
    9: mark("The certificate is not valid yet."),
    10: mark("The certificate has expired."),
    18: mark("The certificate is self-signed."),
    19: mark("The certificate's authority is not trusted here."),
    20: mark("The certificate's authority is not trusted here."),
    21: mark("The certificate's authority is not trusted here."),
    62: mark("The certificate is not for %(host)s."),
    64: mark("The certificate is not for %(host)s."),
}
_RELAY_PORT: Final = 25


async def probe(
    candidate: Candidate,
    ip: str,
    policy: HostPolicy,
    *,
    timeout: float = 7.0,  # noqa: ASYNC109 - of each reply, not of the whole
    ca_file: str = "",
) -> Probe:
    """Try ``candidate`` at the address ``ip``: its usual encryption first, then what is left.

    ``timeout`` are the seconds for the connection and for each reply. Never raises.
    """
    return await _Look(candidate, ip, policy, timeout, ca_file).result()


class _Look:
    """The tries at one address; the problem of a certificate is kept over them."""

    def __init__(
        self, candidate: Candidate, ip: str, policy: HostPolicy, timeout: float, ca_file: str
    ) -> None:
        self._policy = policy
        self._started = time.perf_counter()
        self._certificate = ""
        self._blank = Probe(candidate=candidate, state="broken", ip=ip)
        self._server = Server(
            key="find",
            host=candidate.host,
            port=candidate.port,
            timeout=timeout,
            ca_file=ca_file,
        )

    async def result(self) -> Probe:
        failure: Probe | None = None
        for mode in self._modes():
            try:
                return await self._try(mode)
            except TransportFailure as error:
                found = self._failed(error)
                failure = failure or found
                if not _worth_another(error):
                    return failure
        return failure or self._blank

    def _modes(self) -> tuple[TLSMode, ...]:
        candidate = self._blank.candidate
        if candidate.usual == "implicit":
            return "implicit", "starttls"
        return ("starttls",) if candidate.port == _RELAY_PORT else ("starttls", "implicit")

    async def _try(self, mode: TLSMode) -> Probe:
        """Open a session; again without TLS, or without a look at the certificate, if need be."""
        server = replace(self._server, tls_mode=mode)
        try:
            return await self._open(server)
        except TransportFailure as failure:
            if isinstance(failure.error, StartTLSMissing):
                return await self._open(replace(server, tls_mode="none"))
            if not isinstance(failure.error, ssl.SSLCertVerificationError):
                raise
            self._certificate = _in_words(failure.error, server.host)
        return await self._open(replace(server, verify_cert=False))

    async def _open(self, server: Server) -> Probe:
        session = SMTPSession(server, self._policy, address=self._blank.ip)
        try:
            await session.open()
            elapsed = self._elapsed()
        finally:
            await session.close()
        offers, encryption = session.extensions, session.encryption
        return replace(
            self._blank,
            state="ok",
            tls_mode=server.tls_mode,
            tls_version=encryption.version if encryption else "",
            certificate=self._dated(session),
            mechanisms=tuple(offers.get("auth", "").upper().split()),
            size=Offers.of(offers).limit,
            ms=elapsed,
        )

    def _dated(self, session: SMTPSession) -> str:
        """Return the certificate's problem, with the day on which it ended if that is it."""
        ends = session.encryption.expires if session.encryption else None
        if ends is not None and self._certificate == _CERTIFICATE[10]:
            return said("The certificate expired on %(date)s.", date=f"{ends:%Y-%m-%d}")
        return self._certificate

    def _failed(self, failure: TransportFailure) -> Probe:
        state, detail = _judged(failure)
        ip = "" if state == "forbidden" else self._blank.ip
        return replace(self._blank, state=state, detail=detail, ip=ip, ms=self._elapsed())

    def _elapsed(self) -> float:
        return (time.perf_counter() - self._started) * 1000


def _judged(failure: TransportFailure) -> tuple[ProbeState, str]:
    """Return the state and a sentence for a try that failed."""
    if isinstance(failure.error, HostRefused):
        return "forbidden", FORBIDDEN
    if failure.phase in {"resolve", "connect"}:
        return _not_connected(failure.error)
    if failure.reply is not None and failure.reply.code > 0:
        return "broken", said("The server said: %(reply)s", reply=failure.reply)
    if isinstance(failure.error, TimeoutError):
        return "timed_out", mark("It took the connection and then said nothing.")
    if failure.phase == "encrypt" and isinstance(failure.error, ssl.SSLError):
        return "broken", mark("TLS did not come about.")
    strange = failure.reply is not None
    return "broken", mark("It does not speak SMTP.") if strange else mark(
        "It closed the connection."
    )


def _not_connected(error: BaseException | None) -> tuple[ProbeState, str]:
    if isinstance(error, ConnectionRefusedError):
        return "refused", mark("Nobody listens there, or a firewall turns connections away.")
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return "unreachable", mark("There is no way to this address from here.")
    return "timed_out", mark("No answer. A firewall on the way may drop the packets.")


def _worth_another(failure: TransportFailure) -> bool:
    """Say whether another kind of encryption may help: it was connected, and no words came."""
    return failure.phase in {"greeting", "encrypt"} and (
        failure.reply is None or failure.reply.code < 0
    )


def _in_words(error: ssl.SSLCertVerificationError, host: str) -> str:
    known = _CERTIFICATE.get(error.verify_code)
    if known is None:
        return said("The certificate: %(why)s.", why=error.verify_message)
    return said(known, host=host) if "%(host)s" in known else known
