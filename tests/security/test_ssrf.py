"""S-6: under HOST_POLICY strict nothing in the pages reaches what is not a public mail server.

Every address of loopback is listened on, so that a connection that slips through is counted, and
each address that this process connects to is noted by the interpreter itself (PEP 578).
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.apps import Site
from support.scripted import scripted_server
from support.ways import IN_FORCE, STREAM, TO, Ways

from flask_smtpadmin.core.advice import advice
from flask_smtpadmin.transport import dial

#: Addresses, and other ways to write them.
ADDRESSES = [
    # This machine
    *("127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433"),
    *("0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "017700000001", "00000177.1"),
    *("localhost", "LOCALHOST", "::1", "0:0:0:0:0:0:0:1", "0000::1"),
    *("0.0.0.0", "0", "0.1.2.3", "::"),
    # Networks of one's own
    *("10.0.0.1", "10.255.255.255", "167772161", "0xa000001", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "3232235521", "100.64.0.1", "100.127.255.254", "192.0.0.8", "198.18.0.1"),
    *("fc00::1", "fd00::1", "fd12:3456:789a::1", "fec0::1"),
    # Link-local, and what clouds keep their secrets behind
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.0.1"),
    *("fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    # IPv4 inside IPv6
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1"),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "2606:4700::5efe:7f00:1"),
    # Nobody's, everybody's, documentation's
    *("224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1", "255.255.255.255", "240.0.0.1"),
    *("192.0.2.1", "198.51.100.7", "203.0.113.9", "192.88.99.1", "2001:db8::1", "3fff::1"),
    *("100::1", "4000::1"),
]
#: Written so that some programs take them for loopback; whatever comes of it, no connection.
ODD = ["[::1]", "127.0.0.1.", "localhost.", "①②⑦.⓪.⓪.①", "127。0。0。1", "%6c%6f", "127.0.0.1#"]
PUBLIC, OTHER = "192.0.43.10", "2606:4700::1111"
#: Names and what each look-up in turn answers.
NAMES = {
    "inside.example": [["10.0.0.1"]],
    "loopback.example": [["127.0.0.1"]],
    "loopback6.example": [["::1"]],
    "metadata.example": [["169.254.169.254"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "many.example": [["127.0.0.1", "10.0.0.1", "::1"]],
}
REFUSED = "The host policy of this installation does not allow this address."
#: Ports that no provider of mail has.
FOREIGN = (22, 81, 6379, 3306, 11211)

#: What differs from test to test: how long it took, its number, its date, and who asked for it.
_CHANCE = re.compile(
    r"\d+(\.\d+)? m?s|/test/\w+|(report|dialogue)-\w+|ada\d+@|[-\d]+ [:\d]+|\d\d:\d\d:\d\d\.\d+"
)

_connects: list[tuple[str, int]] = []
_watching = False
#: ``connects(*ports)``: the addresses of these ports that this process connected to.
Connects = Callable[..., list[str]]


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "socket.connect" and isinstance(arguments[1], tuple):
        _connects.append(arguments[1][:2])


sys.addaudithook(_audit)


@pytest.fixture
def connects() -> Iterator[Connects]:
    """Note every address that this process connects to."""
    global _watching  # noqa: PLW0603 - an audit hook cannot be taken away again
    _connects.clear()
    _watching = True
    yield lambda *ports: [address for address, port in _connects if port in ports]
    _watching = False


@pytest.fixture
def trap() -> Iterator[int]:
    """Listen on a port of every address of this machine; fail when anybody came."""
    both = socket.has_dualstack_ipv6()
    where, family = ("::", socket.AF_INET6) if both else ("0.0.0.0", socket.AF_INET)
    with socket.create_server((where, 0), family=family, dualstack_ipv6=both) as listener:
        yield listener.getsockname()[1]
        listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
def build(make_app: Callable[..., Site]) -> Callable[..., Ways]:
    """Build a site whose policy is strict."""

    def build(*ports: int, **config: Any) -> Ways:
        given = {"SMTPADMIN_HOST_POLICY": "strict", "SMTPADMIN_FROM_EMAIL": "app@example.com"}
        return Ways(make_app(**{**given, "SMTPADMIN_ALLOWED_PORTS": list(ports), **config}))

    return build


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Answer look-ups of the names in the table; the list of answers shrinks to its last."""
    real, table = socket.getaddrinfo, {name: list(turns) for name, turns in NAMES.items()}

    def look_up(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        turns = table.get(host)
        if turns is None or options.get("flags"):
            return real(host, port, *args, **options)
        answers = turns.pop(0) if len(turns) > 1 else turns[0]
        return [info for ip in answers for info in real(ip, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


def form(host: str, port: int) -> dict[str, str]:
    """Return what is typed."""
    address = {"host": host, "port": str(port), "tls_mode": "none"}
    return {"key": "typed", **address, "from_email": "app@example.com", "to": TO}


def test_the_traps_work(build: Callable[..., Ways], connects: Connects) -> None:
    """What the policy lets through is reached and counted: the zeros below mean something."""
    with scripted_server() as server:
        ways = build(server.port, SMTPADMIN_HOST_POLICY="private")
        response = ways.post("/servers/new/test", form("2130706433", server.port))
    assert "accepted the message" in response.text
    assert server.connections == 1
    assert connects(server.port) == ["127.0.0.1"]


def outcome(ways: Ways, host: str, port: int) -> str:
    """Test a typed host; return all that is shown, without times and names."""
    response = ways.post("/servers/new/test", form(host, port), headers=STREAM)
    *_, last = response.text.splitlines()
    shown = json.loads(last)["html"].replace(f"{host.lower()}:{port}", "")
    return " ".join(_CHANCE.sub("", shown).split())


@pytest.mark.usefixtures("resolver")
def test_whatever_is_typed_is_refused_in_the_same_words(
    build: Callable[..., Ways], trap: int, connects: Connects
) -> None:
    """Sixty addresses and names at an allowed port, public ones at ports for other things."""
    ways = build(trap)
    tries = [(host, trap) for host in (*ADDRESSES, *NAMES)]
    tries += [(host, port) for port in FOREIGN for host in (PUBLIC, OTHER, "127.0.0.1")]
    found = {target: outcome(ways, *target) for target in tries}
    through = [target for target, result in found.items() if REFUSED not in result]
    assert through == []
    assert len(set(found.values())) == 1, "one could be told from another"
    assert connects(trap, *FOREIGN) == []


def test_odd_spellings_lead_nowhere(
    build: Callable[..., Ways], trap: int, connects: Connects
) -> None:
    """Refused, not resolved or not taken for a host: no connection in any case."""
    ways = build(trap)
    for host in ODD:
        assert 'data-step="connect" data-state="ok"' not in outcome(ways, host, trap)
    assert connects(trap) == []


@pytest.mark.parametrize("engine", ["aiosmtplib", "smtplib"])
def test_every_way_refuses_what_is_saved(
    build: Callable[..., Ways], trap: int, connects: Connects, engine: str
) -> None:
    """Page, stream, commands, Python, at once and by the worker: the policy is asked each time."""
    ways = build(trap)
    for host in ("127.0.0.1", "0x7f000001", "::ffff:127.0.0.1", "localhost"):
        ways.save(host=host, port=str(trap), tls_mode="none", engine=engine)
        for use in IN_FORCE:
            shown = use(ways)
            assert REFUSED in shown or "host_not_allowed" in shown, f"{use.__name__}: {shown}"
    assert connects(trap) == []


def test_a_worker_holds_the_server_and_keeps_the_mail(
    build: Callable[..., Ways], trap: int
) -> None:
    """The message waits for the server, counts no failure, and the page says why."""
    ways = build(trap)
    ways.save(host="127.0.0.1", port=str(trap), tls_mode="none")
    assert REFUSED in ways.worker()
    with ways.app.app_context():
        message = ways.state.queue.get(1).message
        server = ways.state.settings.snapshot().default
    assert (message.state, message.waiting_for) == ("queued", "server")
    assert message.failures == 0
    assert server.health == "open"
    assert server.reason is not None
    assert REFUSED in server.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "localhost", "inside.example"])
@pytest.mark.usefixtures("resolver")
def test_saving_says_it(
    build: Callable[..., Ways], trap: int, connects: Connects, host: str
) -> None:
    """What was typed is kept, with a plain word about what will come of it."""
    ways = build(trap)
    values = {"host": host, "port": str(trap), "tls_mode": "none"}
    response = ways.post("/servers/default", values, follow_redirects=True)
    assert REFUSED in response.text
    with ways.app.app_context():
        assert ways.state.settings.snapshot().default.host == host
    assert connects(trap) == []


def test_saving_a_metadata_address_says_it_under_any_policy(build: Callable[..., Ways]) -> None:
    """The default policy knows some addresses that never are mail servers."""
    ways = build(SMTPADMIN_HOST_POLICY="private")
    good = ways.post("/servers/default", {"host": "127.0.0.1"}, follow_redirects=True)
    assert REFUSED not in good.text
    bad = ways.post("/servers/default", {"host": "2852039166"}, follow_redirects=True)
    assert REFUSED in bad.text


@pytest.mark.parametrize("engine", ["aiosmtplib", "smtplib"])
def test_a_name_that_changes_its_mind_gets_the_address_that_was_looked_at(
    build: Callable[..., Ways],
    resolver: dict[str, list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
    trap: int,
    engine: str,
) -> None:
    """DNS rebinding: public first, loopback at the next look-up. There is no next look-up."""
    tried: list[str] = []

    async def nobody(target: dial.Target) -> socket.socket:
        tried.append(target.ip)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(dial, "_connected", nobody)
    ways = build(trap)
    values = {**form("rebind.example", trap), "engine": engine}
    resolver["rebind.example"] = [[PUBLIC], ["127.0.0.1"], [PUBLIC], ["127.0.0.1"]]
    first = ways.post("/servers/new/test", values).text
    assert advice("connection_refused").what in first
    second = ways.post("/servers/new/test", values).text
    assert REFUSED in second
    resolver["mixed.example"] = [["127.0.0.1", PUBLIC, "10.0.0.1", "::1"]]
    ways.post("/servers/new/test", {**values, "host": "mixed.example"})
    assert tried == [PUBLIC, PUBLIC]


@pytest.mark.parametrize("name", ["host", "host and port"])
def test_whoever_runs_the_app_may_connect_anywhere(
    build: Callable[..., Ways], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Host and port from the environment are exempt; a port from a form opens no other service."""
    with scripted_server() as server:
        monkeypatch.setenv("SMTPADMIN_HOST", "127.0.0.1")
        monkeypatch.setenv("SMTPADMIN_TLS_MODE", "none")
        wholly = name == "host and port"
        ways = build()
        if wholly:
            monkeypatch.setenv("SMTPADMIN_PORT", str(server.port))
        else:
            ways.save(port=str(server.port))
        report = json.loads(ways.command_json())
    assert (report["ok"], report["cause"]) == (wholly, None if wholly else "host_not_allowed")
    assert bool(server.connections) is wholly
