"""A real DNS server on loopback whose records are what its caller says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from flask_smtpadmin.transport.dns import Resolver

#: name -> type -> records as a zone file writes them
Zone = Mapping[str, Mapping[str, list[str]]]


@dataclass
class NameServer:
    """A running server; ``asked`` lists each question as ``"MX example.org"``.

    Names in ``silent`` get no answer at all, names in ``broken`` SERVFAIL; what is in no zone does
    not exist, and a name with records of other types only gives an empty answer.
    """

    port: int
    zone: dict[str, dict[str, list[str]]]
    silent: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        """Where it is asked."""
        return "127.0.0.1", self.port

    def resolver(self, timeout: float = 5.0) -> Resolver:
        """Return a resolver that asks this server only."""
        return Resolver(timeout, [self.address])

    def reply(self, data: bytes) -> bytes | None:
        """Return the answer to one packet; None to say nothing."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{kind} {name}")
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._fill(answer, question.name, name, kind)
        return bytes(answer.to_wire())

    def _fill(self, answer: Any, asked: dns.name.Name, name: str, kind: str) -> None:
        records = self.zone[name].get(kind)
        if records:
            answer.answer.append(dns.rrset.from_text(asked, 60, "IN", kind, *records))


@contextmanager
def name_server(zone: Zone) -> Iterator[NameServer]:
    """Run a server on a free UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        records = {name: dict(types) for name, types in zone.items()}
        server = NameServer(sock.getsockname()[1], records)
        end = threading.Event()
        thread = threading.Thread(target=_serve, args=(sock, server, end), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            end.set()
            thread.join(10)


def _serve(sock: socket.socket, server: NameServer, end: threading.Event) -> None:
    while not end.is_set():
        try:
            data, peer = sock.recvfrom(4096)
        except OSError:
            continue
        answer = server.reply(data)
        if answer is not None:
            sock.sendto(answer, peer)
