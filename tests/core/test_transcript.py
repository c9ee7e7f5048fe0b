"""A transcript: what it holds, how much of it, and what it never holds."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable

import pytest

from flask_smtpadmin.core.redact import SECRET, Redactor
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.transcript import Transcript, unpacked

CANARY = "c4nary-p:ss word%"
NOON = 1_790_000_000 // 86_400 * 86_400 + 43_200


def ticking(start: float = NOON) -> Callable[[], float]:
    """Return a clock that is a second later each time."""
    return map(float, itertools.count(start)).__next__


def transaction(record: Transcript, number: int, *, accepted: bool = True) -> None:
    record.began()
    record.said(b"MAIL FROM:<a@example.org>\r\nDATA\r\n")
    record.content(number, 2345)
    record.heard(f"{250 if accepted else 550} end of {number}\r\n".encode())
    record.ended(accepted=accepted)


def test_each_line_has_its_time_and_its_speaker() -> None:
    """C: is what we said, S: the server, -- nobody; several commands in one flight are lines."""
    record = Transcript(clock=ticking(NOON + 0.123))
    record.note("connected to 192.0.2.1:465")
    record.heard_lines(220, "mx.example ESMTP\nwelcome")
    record.said(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    record.heard(b"250 2.1.0 ok\r\n")
    record.heard(b"250 2.1.5 ")
    record.heard(b"ok\r\nwhat?\r\n")
    record.content(17, 2345)
    assert record.text().splitlines() == [
        "12:00:00.123 -- connected to 192.0.2.1:465",
        "12:00:01.123 S: 220-mx.example ESMTP",
        "12:00:01.123 S: 220 welcome",
        "12:00:02.123 C: MAIL FROM:<a@example.org>",
        "12:00:02.123 C: RCPT TO:<b@example.org>",
        "12:00:02.123 C: DATA",
        "12:00:03.123 S: 250 2.1.0 ok",
        "12:00:04.123 S: 250 2.1.5 ok",
        "12:00:04.123 S: what?",
        "12:00:05.123 -- message 17, 2345 bytes of content",
    ]


def test_what_signs_in_is_never_recorded() -> None:
    """Of the AUTH dialogue only the mechanism is kept, though nobody named the secret before."""
    record = Transcript(clock=ticking())
    token = base64.b64encode(b"\0user\0" + CANARY.encode())
    record.said_signing_in(b"AUTH PLAIN " + token + b"\r\n")
    record.said_signing_in(b"AUTH CRAM-MD5\r\n")
    record.said_signing_in(token)
    record.heard(b"535 I heard " + token + b"\r\n")
    lines = [line.split(" ", 2)[2] for line in record.text().splitlines()]
    assert lines == ["AUTH PLAIN " + SECRET, "AUTH CRAM-MD5", SECRET, "535 I heard " + SECRET]


def forms() -> dict[str, str]:
    raw = CANARY.encode()
    token = base64.b64encode(b"\0user\0" + raw).decode()
    digits = base64.b64encode(raw).decode()
    return {
        "plain": CANARY,
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "hex with colons": raw.hex(":"),
        "hex with blanks": raw.hex(" ").upper(),
        "base64": digits,
        "base64 in AUTH PLAIN": token,
        "base64 split": f"{digits[:9]}\n{digits[9:]}",
        "base64 spread": " ".join(digits),
        "all percent": "".join(f"%{byte:02x}" for byte in raw),
    }


@pytest.mark.parametrize("form", forms())
def test_an_echoed_password_is_removed(form: str) -> None:
    """In whatever form a server repeats it, one line or several."""
    record = Transcript.of(Server(key="a", username="user", password=CANARY), clock=ticking())
    lines = f"no: {forms()[form]} !".split("\n")
    codes = ["535-5.7.8 "] * (len(lines) - 1) + ["535 5.7.8 "]
    record.heard("".join(f"{c}{line}\r\n" for c, line in zip(codes, lines, strict=True)).encode())
    record.heard_lines(535, f"no: {forms()[form]} !")
    record.note(f"failed: {forms()[form]}")
    part = record.take()
    assert part is not None
    text = part.text()
    assert text == unpacked(part.packed())
    assert text.count(SECRET) == 3
    raw = CANARY.encode()
    dense = "".join(filter(str.isalnum, text))
    for canary in ("c4nary", raw.hex()[:16], base64.b64encode(raw).decode()[:12]):
        assert canary not in text
        assert canary not in dense


def test_a_secret_cut_off_at_the_end_of_a_reply_is_removed() -> None:
    """A reply is cut at 2 KiB; a server may fill it so that half the password is still in it."""
    assert Redactor([CANARY])("250 " + CANARY[:9] + "…") == f"250 {SECRET}…"


def test_a_short_password_takes_no_words_away() -> None:
    """What every reply may hold by chance is not looked for; AUTH is still without it."""
    record = Transcript.of(Server(key="a", username="user", password="ok"), clock=ticking())
    record.said_signing_in(b"AUTH PLAIN " + base64.b64encode(b"\0user\0ok"))
    record.heard(b"250 ok\r\n")
    assert record.text().splitlines()[1].endswith("S: 250 ok")
    assert base64.b64encode(b"\0user\0ok").decode() not in record.text()


def test_what_is_packed_reads_the_same() -> None:
    """Without a secret in it a part is kept as it was recorded, and read as it would have been."""
    record = Transcript.of(Server(key="a", username="user", password=CANARY), clock=ticking())
    record.heard(b"220 gr\xc3\xbc\xc3\x9fe \x1b[31m \xff\r\n")
    record.said("EHLO app.example")
    transaction(record, 17)
    record.note("über")
    part = record.take()
    assert part is not None
    assert part.packed()[:1] == b"R"
    assert unpacked(part.packed()) == part.text()
    assert "\x1b" not in part.text()
    assert "message 17, 2345 bytes of content" in part.text()


def test_memory_is_bounded() -> None:
    """Beyond its limit a transcript counts what it leaves out, and says so."""
    record = Transcript(clock=ticking(), limit=10_000)
    for number in range(1000):
        record.said(f"NOOP {number}".encode())
    assert record.size <= 10_000
    lines = record.text().splitlines()
    assert len(lines) < 200
    assert lines[-1] == f"-- … {1000 - len(lines) + 1} more lines are left out"


def test_a_dialogue_is_told_in_parts() -> None:
    """Each part has its own times and counts; the next one begins empty."""
    record = Transcript(clock=ticking())
    transaction(record, 1)
    part = record.take()
    assert part is not None
    assert (part.began, part.ended, part.messages, part.failures) == (NOON, NOON + 2, 1, 0)
    assert record.take() is None
    transaction(record, 2, accepted=False)
    part = record.take()
    assert part is not None
    assert (part.messages, part.failures) == (1, 1)
    assert "end of 2" in part.text()
    assert "end of 1" not in part.text()


def test_only_failures_keeps_the_opening_and_what_failed() -> None:
    """What the server took is forgotten, with pipelining up to the next MAIL."""
    record = Transcript(clock=ticking(), only_failures=True)
    record.note("connected")
    for number in range(100):
        transaction(record, number, accepted=number != 50)
    text = record.text()
    assert "connected" in text
    assert [line[-9:] for line in text.splitlines() if "end of" in line] == ["end of 50"]
    assert record.size < 1000
    assert record.messages == 100


def test_only_failures_keeps_a_refusal_that_came_with_other_replies() -> None:
    """The final reply to one message and those to the next MAIL, RCPT, DATA are one packet."""
    record = Transcript(clock=ticking(), only_failures=True)
    record.began()
    record.said("MAIL 1")
    record.began()
    record.said("MAIL 2")
    record.heard(b"550 end of 1\r\n250 MAIL 2 is fine\r\n")
    record.ended(accepted=False)
    record.heard(b"250 end of 2\r\n")
    record.ended(accepted=True)
    text = record.text()
    assert "S: 550 end of 1" in text
    assert "end of 2" not in text


def test_only_failures_keeps_what_is_under_way_back() -> None:
    """A part told in the midst of a transaction holds nothing that may be forgotten yet."""
    record = Transcript(clock=ticking(), only_failures=True)
    record.note("connected")
    record.began()
    record.said("MAIL 1")
    record.began()
    record.said("content 1, MAIL 2")
    part = record.take()
    assert part is not None
    assert "MAIL" not in part.text()
    record.heard(b"250 end of 1\r\n")
    record.ended(accepted=True)
    record.heard(b"550 end of 2\r\n")
    record.ended(accepted=False)
    assert [line[13:] for line in record.text().splitlines()] == [
        "C: content 1, MAIL 2",
        "S: 250 end of 1",
        "S: 550 end of 2",
    ]
