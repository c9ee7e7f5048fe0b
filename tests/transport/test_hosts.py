"""Connections go where the host policy lets them, and to the address that was checked."""

from __future__ import annotations

import asyncio
import socket

import pytest
from support.scripted import scripted_server

from flask_smtpadmin.core.hosts import HostPolicy, is_loopback
from flask_smtpadmin.core.settings import Field, Server
from flask_smtpadmin.core.transaction import HostRefused, TransportFailure
from flask_smtpadmin.transport import open_session
from flask_smtpadmin.transport.dial import targets

NEVER = [
    "169.254.169.254",
    "169.254.1.1",
    "fe80::1",
    "fe80::1%eth0",
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "fd00:ec2::254",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::169.254.169.254",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "2606:4700::5efe:169.254.169.254",
    "2002:a9fe:a9fe::1",
    "not an address",
    "",
]
PRIVATE_NET = ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd12::1", "100.64.0.1"]
PUBLIC = ["192.0.43.10", "2606:4700::1111", "::ffff:192.0.43.10"]


@pytest.mark.parametrize("address", NEVER)
def test_no_built_in_policy_reaches_these(address: str) -> None:
    """S-6: metadata, link-local, unspecified, multicast, and IPv6 ways around."""
    assert not HostPolicy("private").permits(address, 587)
    assert not HostPolicy("strict", frozenset({587})).permits(address, 587)


@pytest.mark.parametrize("address", PRIVATE_NET)
def test_private_networks_are_fine_unless_strict(address: str) -> None:
    """Most mail servers of a company stand there."""
    assert HostPolicy().permits(address, 2525)
    assert not HostPolicy("strict", frozenset({2525})).permits(address, 2525)


@pytest.mark.parametrize("address", PUBLIC)
def test_strict_takes_public_addresses_and_known_ports(address: str) -> None:
    """The ports of the presets and ALLOWED_PORTS."""
    policy = HostPolicy("strict", frozenset({587}))
    assert policy.permits(address, 587)
    assert not policy.permits(address, 22)


def test_a_callable_decides_alone_and_a_broken_one_refuses() -> None:
    """callable(ip, port), asked about the resolved address."""
    policy = HostPolicy(lambda ip, port: (ip, port) == ("10.0.0.1", 25))
    assert policy.permits("10.0.0.1", 25)
    assert not policy.permits("10.0.0.2", 25)
    assert not HostPolicy(lambda _ip, _port: 1 / 0 > 0).permits("10.0.0.1", 25)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001"])
@pytest.mark.parametrize("engine", ["aiosmtplib", "smtplib"])
def test_a_refused_host_gets_no_packet(engine: str, host: str) -> None:
    """However the address is written: the resolved one is looked at."""

    async def run(server: Server) -> None:
        await open_session(server, policy=HostPolicy("strict", frozenset({server.port}))).open()

    with scripted_server() as server:
        with pytest.raises(TransportFailure) as caught:
            asyncio.run(run(server.settings(engine=engine, host=host)))
        assert isinstance(caught.value.error, HostRefused)
        assert host not in str(caught.value.error)
    assert server.connections == 0


@pytest.mark.parametrize("origin", ["environment", "app_config"])
def test_a_host_from_the_environment_is_exempt(origin: str) -> None:
    """Whoever runs the app may send where they like; a port from a form is looked at."""
    host = Field("host", "localhost", origin)

    async def run(server: Server) -> None:
        session = open_session(server, policy=HostPolicy("strict"))
        await session.open()
        await session.close()

    with scripted_server() as server:
        asyncio.run(run(server.settings(fields={"host": host})))
        port = Field("port", server.port, "database")
        with pytest.raises(TransportFailure):
            asyncio.run(run(server.settings(fields={"host": host, "port": port})))
    assert server.connections == 1


def test_of_many_addresses_only_the_permitted_are_tried_families_in_turn() -> None:
    """DNS rebinding with a mixed answer; and a dead IPv6 does not hold IPv4 up (RFC 8305)."""
    answers = ["fe80::1", "2606:4700::1", "2606:4700::2", "169.254.169.254", "192.0.43.10"]
    infos = [
        (
            socket.AF_INET6 if ":" in ip else socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            (ip, 25, 0, 0) if ":" in ip else (ip, 25),
        )
        for ip in answers
    ]
    found = [item.ip for item in targets(infos, Server(key="default", port=25), HostPolicy())]
    assert found == ["2606:4700::1", "192.0.43.10", "2606:4700::2"]


def test_a_dead_address_does_not_hide_a_live_one() -> None:
    """F21: localhost has two addresses here and the server listens on one."""

    async def run(server: Server) -> str:
        session = open_session(server)
        connected = await session.open()
        await session.close()
        return connected.address

    with scripted_server() as server:
        assert asyncio.run(run(server.settings())) == f"127.0.0.1:{server.port}"


def test_loopback_is_told_from_what_only_looks_like_it() -> None:
    """The connected address decides whether a password may cross in the clear."""
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::2", "localhost", "", "128.0.0.1")))
    elsewhere = ("64:ff9b::127.0.0.1", "2002:7f00:1::1", "::127.0.0.1", "2001:db8::5efe:127.0.0.1")
    assert not any(map(is_loopback, elsewhere))
