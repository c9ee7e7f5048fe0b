"""From a host name to a connected socket: resolve, check the address, connect to that address."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_smtpadmin.core.errors import ConfigurationError
from flask_smtpadmin.core.hosts import HostPolicy, permitted
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transaction import HostRefused, Phase, TransportFailure
from flask_smtpadmin.core.words import mark

#: Called as each step of opening is done: the step, what there is to tell, the server's words.
Observer = Callable[[Phase, str, str], None]
#: One row of ``socket.getaddrinfo``.
Info = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

#: Seconds that one address has for itself before the next is tried too (RFC 8305 8).
_HEAD_START: Final = 0.25


@dataclass(frozen=True, slots=True)
class Target:
    """One address a server may be reached at."""

    family: socket.AddressFamily
    sockaddr: Any

    @property
    def ip(self) -> str:
        """The address without its port."""
        return str(self.sockaddr[0])

    def __str__(self) -> str:
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{ip}:{self.sockaddr[1]}"


def targets(infos: Sequence[Info], server: Server, policy: HostPolicy) -> list[Target]:
    """Return what the policy leaves of the resolved addresses, families taking turns (RFC 8305).

    Raises TransportFailure when it leaves none: the text is the same for all that is refused.
    """
    found = {str(info[4][0]): Target(info[0], info[4]) for info in infos}
    left = [found[ip] for ip in permitted(found, server, policy)]
    if not left:
        error = HostRefused(
            mark("The host policy of this installation does not allow this address.")
        )
        raise TransportFailure("resolve", error=error)
    first = [item for item in left if item.family == left[0].family]
    other = [item for item in left if item.family != left[0].family]
    return [item for pair in zip(first, other, strict=False) for item in pair] + (
        first[len(other) :] + other[len(first) :]
    )


def check(server: Server) -> None:
    """Raise TransportFailure for settings that must not be passed over in silence."""
    if not server.host:
        raise _misconfigured("There is no mail server host yet.", "host")
    if server.proxy_url:
        raise _misconfigured("Proxies are not supported by this version.", "proxy_url")


def _misconfigured(text: str, field: str) -> TransportFailure:
    return TransportFailure("resolve", error=ConfigurationError(text, field=field))


async def resolve(server: Server, policy: HostPolicy) -> list[Target]:
    """Return the addresses of ``server.host`` in the order to try; raises TransportFailure."""
    check(server)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(server.timeout):
            infos = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransportFailure("resolve", error=error) from error
    return targets(infos, server, policy)


def pinned(address: str, server: Server, policy: HostPolicy) -> list[Target]:
    """Return the one target at an IP ``address`` that was resolved before, if the policy lets it.

    Nothing is looked up. Raises TransportFailure like :func:`resolve`.
    """
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        infos = socket.getaddrinfo(address, server.port, type=socket.SOCK_STREAM, flags=flags)
    except OSError as error:
        raise TransportFailure("resolve", error=error) from error
    return targets(infos, server, policy)


def resolve_blocking(server: Server, policy: HostPolicy) -> list[Target]:
    """Do the same in a thread."""
    check(server)
    try:
        infos = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransportFailure("resolve", error=error) from error
    return targets(infos, server, policy)


def resolve_literal(server: Server, policy: HostPolicy) -> list[Target]:
    """Do the same without asking anybody: empty for a name, or what is no address.

    Sees through every spelling that the system takes for an address, such as 0x7f000001.
    """
    try:
        infos = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except (OSError, UnicodeError):
        return []
    return targets(infos, server, policy)


async def connect(candidates: Sequence[Target], timeout: float) -> tuple[socket.socket, Target]:  # noqa: ASYNC109 - shared among several tries
    """Return a socket to the address that answers first; ``timeout`` seconds for all of them.

    Each has a head start over the next one, so that dead ones in front hold nothing up (RFC
    8305 5). Raises TransportFailure with the error of the preferred address.
    """
    waiting, failures = deque(candidates), dict[Target, OSError]()
    tries: dict[asyncio.Task[socket.socket], Target] = {}
    end = time.monotonic() + timeout
    try:
        while (waiting or tries) and (left := end - time.monotonic()) > 0:
            if waiting:
                target = waiting.popleft()
                tries[asyncio.create_task(_connected(target))] = target
                left = min(left, _HEAD_START) if waiting else left
            done, _ = await asyncio.wait(tries, timeout=left, return_when="FIRST_COMPLETED")
            for task in done:
                target = tries.pop(task)
                try:
                    return task.result(), target
                except OSError as fault:
                    failures[target] = fault
    finally:
        for task in tries:
            task.add_done_callback(_close)
            task.cancel()
    error = failures.get(candidates[0]) or TimeoutError("no answer in time")
    raise TransportFailure("connect", error=error, address=str(candidates[0]))


def _close(task: asyncio.Task[socket.socket]) -> None:
    """Close the socket of a try that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connected(target: Target) -> socket.socket:
    sock = socket.socket(target.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        await asyncio.get_running_loop().sock_connect(sock, target.sockaddr)
        tune(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def connect_blocking(candidates: Sequence[Target], timeout: float) -> tuple[socket.socket, Target]:
    """Do the same in a thread; the socket keeps ``timeout`` for each operation."""
    sock, target = asyncio.run(connect(candidates, timeout))
    sock.settimeout(timeout)
    return sock, target


def tune(sock: socket.socket) -> None:
    """Send each command at once, and notice a peer that has vanished."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def greeting_name(server: Server, sock: socket.socket) -> str:
    """Return the name for EHLO: the one set, the machine's full name, else its address.

    An address literal is what RFC 5321 4.1.4 asks of a client without a name. DNS is not asked:
    it may take longer than the whole session.
    """
    name = server.helo_name or socket.gethostname()
    if server.helo_name or ("." in name and name.isascii()):
        return name
    ip = ipaddress.ip_address(str(sock.getsockname()[0]).partition("%")[0])
    return f"[IPv6:{ip}]" if ip.version == 6 else f"[{ip}]"  # noqa: PLR2004 - the version of IP
