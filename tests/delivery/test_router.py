"""Which server a message goes to, and what it waits for when none will do."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from flask_smtpadmin.core.settings import Field, Problem, Server, Snapshot
from flask_smtpadmin.delivery.router import Router


@dataclass
class Mail:
    """What the router asks of a message."""

    server_key: str | None = None
    sender: str | None = "me@example.com"
    cleared: bool = False


def server(key: str, **values: Any) -> Server:
    """Return a server that can be used."""
    return Server(key=key, **{"host": f"{key}.example", **values})


def routed(
    *servers: Server, paused: bool = False, down: tuple[str, ...] = (), mode: str = "live"
) -> Router:
    """Return a router over ``servers``; those in ``down`` have an open breaker."""
    values = {"MODE": Field("MODE", mode, "app_config")}
    snapshot = Snapshot({item.key: item for item in servers}, values, paused=paused)
    return Router(snapshot, lambda key: key not in down, random.Random(1).random)


def keys(router: Router, mail: Mail) -> list[str]:
    """Return the candidates' keys."""
    return [item.key for item in router.candidates(mail)]


def test_priority_decides_and_a_closed_breaker_fails_over():
    """The smallest priority first; when its breaker is open, the next."""
    servers = [server("b", priority=2), server("a", priority=1)]
    assert keys(routed(*servers), Mail()) == ["a", "b"]
    assert keys(routed(*servers, down=("a",)), Mail()) == ["b"]


def test_weight_shares_among_equals():
    """Weights 3 and 1: about three quarters go to the first; weight 0 is only a reserve."""
    router = routed(server("a", weight=3), server("b", weight=1), server("c", weight=0))
    first = Counter(keys(router, Mail())[0] for _ in range(2000))
    assert 1400 < first["a"] < 1600
    assert first["c"] == 0


def test_a_pinned_message_goes_nowhere_else():
    """The server that the caller asked for, or waiting; never another one."""
    servers = [server("a"), server("b")]
    assert keys(routed(*servers), Mail("b")) == ["b"]
    router = routed(*servers, down=("b",))
    assert keys(router, Mail("b")) == []
    assert router.obstacle(Mail("b")) == "server"
    assert router.obstacle(Mail("gone")) == "settings"


def test_mail_from_before_catch_mode_goes_to_nobody():
    """What was queued as live mail waits while MODE is anything else; what was cleared goes."""
    for mode in ("catch", "record", "redirect:me@example.com"):
        router = routed(server("a"), mode=mode)
        assert keys(router, Mail()) == []
        assert router.obstacle(Mail()) == "settings"
        assert keys(router, Mail(cleared=True)) == ["a"]


def test_what_it_waits_for():
    """settings: nothing usable is set up; paused: a person said so; server: it is down."""
    broken = server("a", problems=(Problem("port", "SMTPADMIN_PORT", "abc is no number"),))
    assert routed(server("a", host="")).obstacle(Mail()) == "settings"
    assert routed(broken).obstacle(Mail()) == "settings"
    assert routed(server("a", enabled=False)).obstacle(Mail()) == "settings"
    assert routed(server("a", paused=True)).obstacle(Mail()) == "paused"
    assert routed(server("a"), paused=True).obstacle(Mail()) == "paused"
    assert routed(server("a"), down=("a",)).obstacle(Mail()) == "server"
    assert routed(broken, server("b"), down=("b",)).obstacle(Mail()) == "server"


def test_without_any_sender_it_waits_for_settings():
    """From comes from the message or the server; FORCE_FROM needs the server's."""
    bare, known = server("a"), server("b", from_email="app@example.com")
    assert keys(routed(bare), Mail(sender=None)) == []
    assert routed(bare).obstacle(Mail(sender=None)) == "settings"
    assert keys(routed(bare, known), Mail(sender=None)) == ["b"]
    assert keys(routed(replace(bare, force_from=True)), Mail()) == []


def test_a_pause_stops_everything():
    """While all sending is paused no server is open."""
    assert routed(server("a"), paused=True).open_servers() == []
    assert routed(server("a"), server("b"), down=("a",)).open_servers() == ["b"]


def test_a_route_takes_its_senders_and_nobody_else():
    """By address or by domain, whatever the priority; other mail never goes to a routed server."""
    servers = [
        server("rest"),
        server("shop", priority=9, routes=("@shop.example",)),
        server("ada", priority=9, routes=("ada@example.com",)),
    ]
    router = routed(*servers)
    assert keys(router, Mail(sender="Shop <News@Shop.example>")) == ["shop"]
    assert keys(router, Mail(sender="Ada <ada@example.com>")) == ["ada"]
    assert keys(router, Mail(sender="bob@example.com")) == ["rest"]
    assert keys(router, Mail(sender="x@sub.shop.example")) == ["rest"]
    assert keys(router, Mail("rest", sender="x@shop.example")) == ["rest"]


def test_mail_of_a_routed_sender_waits_for_its_server():
    """Down, paused or misconfigured: it waits; only a server that is switched off has no route."""
    shop = server("shop", routes=("@shop.example",))
    mail = Mail(sender="x@shop.example")
    down = routed(server("rest"), shop, down=("shop",))
    assert (keys(down, mail), down.obstacle(mail)) == ([], "server")
    paused = routed(server("rest"), replace(shop, paused=True))
    assert (keys(paused, mail), paused.obstacle(mail)) == ([], "paused")
    wrong = routed(server("rest"), replace(shop, problems=(Problem("port", None, "?"),)))
    assert (keys(wrong, mail), wrong.obstacle(mail)) == ([], "settings")
    assert keys(routed(server("rest"), replace(shop, enabled=False)), mail) == ["rest"]


def test_mail_that_no_route_names_waits_when_all_servers_have_routes():
    """Its From address is in nobody's routes: settings are missing, nothing is guessed."""
    router = routed(server("shop", routes=("@shop.example",)))
    mail = Mail(sender="x@example.com")
    assert (keys(router, mail), router.obstacle(mail)) == ([], "settings")
