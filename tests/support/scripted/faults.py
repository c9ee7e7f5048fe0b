"""The faults F01-F21 of the wire, by the names that a table of outcomes calls them by."""

from __future__ import annotations

import functools
import ssl
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.scripted.actions import Accept, Action, Drop, Pause, Raw, Script, Silence, Upgrade
from support.smtp import Authority, Mode, authority

ALL: tuple[Mode, ...] = ("implicit", "starttls", "none")
ENCRYPTED: tuple[Mode, ...] = ("implicit", "starttls")
OK = "250 2.0.0 ok"
#: Where a fault may strike; ``taken`` is the final dot once the server has accepted the message.
STEPS = ("connect", "banner", "ehlo", "starttls", "auth")
STEPS += ("mail", "rcpt", "rcpt 2", "data", "body", "dot", "taken")
_ASKED = ("banner", "ehlo", "mail", "rcpt", "data", "dot")
#: What stands in the place of a reply, or behind its code.
HOSTILE = {
    "invalid UTF-8": b"\xff\xfe\xc3(\xed\xa0\x80",
    "NUL": b"a\0b",
    "bidi": "\u202etxt.exe\u2066".encode(),
    "script": b"<script>alert(1)</script>",
    "controls": b"\x1b[2J\x07\x9b\xc2\x85",
}
NO_REPLIES = {
    "garbage": b"what is this?\r\n",
    "no code": b"ok\r\n",
    "code 999": b"999 ok\r\n",
    "code -1": b"-1 ok\r\n",
    "64 KiB line": b"2" * 65536 + b"\r\n",
    "endless 250-": b"250-more\r\n" * 20000,
    **{name: text + b"\r\n" for name, text in HOSTILE.items()},
}


@dataclass(frozen=True)
class Fault:
    """One fault: what the server does and at which step ("" when there is only one).

    ``connections`` are the scripts of the connections in order. ``timeout`` and ``data_timeout``
    are those of the client and ``lasts`` how long the fault keeps it busy, in seconds. ``big``
    needs a message that no buffer swallows.
    """

    what: str
    step: str
    connections: tuple[Script, ...]
    modes: tuple[Mode, ...] = ALL
    timeout: float = 20.0
    data_timeout: float = 20.0
    lasts: float = 0.0
    auth: str = "PLAIN"
    big: bool = False
    context: ssl.SSLContext | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Both in one."""
        return f"{self.what} at {self.step}" if self.step else self.what


def catalogue() -> list[Fault]:
    """Return every fault, once."""
    return [
        *_drops(),
        *_refusals(),
        *_mixed(),
        *_slow(),
        *_split(),
        *_nonsense(),
        *_bad_tls(),
        *_no_starttls(),
        *_sign_in(),
        *_lasting(),
    ]


def strike(what: str, action: Action, steps: Sequence[str], **options: Any) -> Iterator[Fault]:
    """Yield ``what`` at each of ``steps``."""
    for step in steps:
        script: Script = {step: action}
        if step == "rcpt 2":
            script = {"rcpt": [OK, action]}
        elif step == "taken":
            script = {"dot": Accept(action)}
        yield Fault(what, step, (script,), **{"modes": _modes(step), **options})


def _modes(step: str) -> tuple[Mode, ...]:
    return ("starttls",) if step == "starttls" else ALL


def _drops() -> Iterator[Fault]:
    yield from strike("F01-F10 FIN", Drop(), STEPS)
    yield from strike("F01-F10 RST", Drop(reset=True), STEPS)
    rude = Drop(rude=True)
    yield from strike("F16 no close_notify", rude, ("mail", "dot", "taken"), modes=ENCRYPTED)
    closing = ("421 4.3.2 shutting down", Drop())
    yield from strike("F11 421 and FIN", closing, [s for s in STEPS[1:-1] if s != "body"])
    yield from strike("F11 421 alone", "421 4.7.0 too many errors", ("mail", "dot"))
    yield Fault("F11 421 amid the content", "", ({"body": closing},), big=True)


def _refusals() -> Iterator[Fault]:
    yield from strike("F12 450", "450 4.3.0 not now", _ASKED)
    yield from strike("F12 554", "554 5.3.0 no", _ASKED)
    yield from strike("F12 554 blocked", "554 5.7.1 Client host blocked", ("banner", "mail"))
    yield from strike("F12 530", "530 5.7.0 Authentication required", ("mail",))
    yield from strike("F12 greylisted", "450 4.7.1 Greylisted, come back", ("rcpt",))
    yield from strike("F12 crowded", "452 4.3.2 Too many connections", ("mail",))


_RCPT = {
    "250": "250 2.1.5 ok",
    "450": "450 4.2.0 mailbox busy",
    "550": "550 5.1.1 no such user here",
}


def _mixed() -> Iterator[Fault]:
    for first, second in (("250", "450"), ("250", "550"), ("450", "550")):
        script: Script = {"rcpt": [_RCPT[first], _RCPT[second]]}
        yield Fault(f"F12 rcpt {first} and {second}", "", (script,))
    for code in ("450", "550"):
        script = {"rcpt": [_RCPT["250"], _RCPT[code]], "dot": "451 4.3.0 disk full"}
        yield Fault(f"F12 rcpt 250 and {code}, dot 451", "", (script,))
        script = {"rcpt": [_RCPT["250"], _RCPT[code]], "dot": Accept(Drop())}
        yield Fault(f"F12 rcpt 250 and {code}, dot FIN", "", (script,))


def _slow() -> Iterator[Fault]:
    def drip(reply: bytes) -> Raw:
        return Raw(reply + b" " * 200 + b"\r\n", size=1, pause=0.1)

    one = {"timeout": 4.0, "data_timeout": 4.0, "lasts": 4.0}
    yield from strike("F13 one byte at a time", drip(b"220 x"), ("banner",), **one)
    yield from strike("F13 one byte at a time", drip(b"250 x"), ("mail", "dot", "taken"), **one)
    yield from strike("F13 window 0", Pause(), ("body",), big=True, **one)
    quiet = [step for step in STEPS if step not in {"connect", "rcpt 2"}]
    yield from strike("F13 F20 silence", Silence(), quiet, **one)


def _split() -> Iterator[Fault]:
    pieces = {"banner": b"220 hello\r\n", "mail": b"250 2.1.0 ok\r\n", "rcpt": b"250 2.1.5 ok\r\n"}
    pieces["dot"] = b"250 2.0.0 ok\r\n"
    script = {step: Raw(data, size=1, pause=0.001) for step, data in pieces.items()}
    yield Fault("F14 byte by byte", "", (script,))
    parts = Raw(b"250-2.0.0 one\r\n250-2.0.0 two\r\n250 2.0.0 three\r\n", size=9, pause=0.005)
    yield Fault("F14 lines in parts", "", ({"mail": parts, "rcpt": parts, "dot": parts},))
    two = Raw(b"250 ok\r\n250 ok\r\n")
    yield from strike("F14 two replies", two, ("mail", "rcpt 2", "dot"))
    yield from strike("F14 a line unasked", (OK, Raw(b"250 by the way\r\n")), ("mail", "dot"))


def _nonsense() -> Iterator[Fault]:
    for what, data in NO_REPLIES.items():
        yield from strike(f"F15 {what}", (Raw(data), Drop()), (*_ASKED, "taken"))
    for what, text in HOSTILE.items():
        yield from strike(f"F15 250 {what}", Raw(b"250 2.0.0 " + text + b"\r\n"), ("dot",))
        yield from strike(f"F15 450 {what}", Raw(b"450 4.3.0 " + text + b"\r\n"), ("dot",))
        yield from strike(f"F15 550 {what}", Raw(b"550 5.1.1 " + text + b"\r\n"), ("rcpt",))


def _bad_tls() -> Iterator[Fault]:
    for name, context in contexts().items():
        yield Fault(f"F16 {name}", "", ({},), ENCRYPTED, context=context)
    stalled: Script = {"handshake": Silence()}
    yield Fault("F16 handshake stalled", "", (stalled,), ENCRYPTED, timeout=4, lasts=4)
    yield Fault("F16 handshake dropped", "", ({"handshake": Drop(reset=True)},), ENCRYPTED)
    garbled: Script = {"handshake": (Raw(b"220 no TLS here\r\n"), Drop())}
    yield Fault("F16 handshake in plain text", "", (garbled,), ("implicit",))
    after: Script = {"dot": (OK, Drop(rude=True))}
    yield Fault("F16 no close_notify after 250", "", (after,), ENCRYPTED)
    forged = Upgrade(b"220 go\r\n250-evil\r\n250 AUTH CRAM-MD5\r\n")
    yield Fault("F16 injected after the 220", "", ({"starttls": forged},), ("starttls",))


@functools.cache
def contexts() -> dict[str, ssl.SSLContext]:
    """Return what a server does TLS with when no client may trust it."""
    stranger = Authority(Path(tempfile.mkdtemp(prefix="smtpadmin-ca-")))
    old = authority().context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
    return {
        "expired certificate": authority().context(expired=True),
        "wrong host": authority().context("mail.example.net"),
        "self-signed": stranger.context(),
        "TLS 1.0": old,
    }


def _no_starttls() -> Iterator[Fault]:
    modes: tuple[Mode, ...] = ("starttls",)
    plain = Raw(b"250-scripted.test\r\n250-AUTH PLAIN\r\n250 SIZE 10000000\r\n")
    masked = Raw(b"250-scripted.test\r\n250-XXXXXXXA\r\n250 AUTH PLAIN\r\n")
    yield Fault("F17 STARTTLS missing", "", ({"ehlo": plain},), modes)
    yield Fault("F17 STARTTLS removed by a proxy", "", ({"ehlo": masked},), modes)
    later: Script = {"starttls": "454 4.7.0 TLS not available due to temporary reason"}
    yield Fault("F17 STARTTLS 454", "", (later,), modes)


def _sign_in() -> Iterator[Fault]:
    replies = {
        "F18 535": "535 5.7.8 Authentication credentials invalid",
        "F18 454": "454 4.7.0 Temporary authentication failure",
        "F18 334 and garbage": "334 \udcff%%%",
    }
    for what, reply in replies.items():
        yield Fault(what, "", ({"auth": reply},), auth="CRAM-MD5" if "334" in what else "PLAIN")
    yield Fault("F18 no mechanism", "", ({},), auth="")
    yield Fault("F18 unknown mechanism", "", ({},), auth="GSSAPI")


def _lasting() -> Iterator[Fault]:
    yield Fault("F19 closed after the message", "", ({"dot": (OK, Drop())},))
    idle = (OK, "421 4.4.2 idle for too long", Drop())
    yield Fault("F19 421 after the message", "", ({"dot": idle},))
    yield Fault("F21 no such name", "", ({},), settings={"host": "nothing.invalid"})
    yield Fault("F21 nobody listens", "", ({},), settings={"port": 1})
