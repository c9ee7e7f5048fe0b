"""R10: every fault of the wire, in every mode and with every client, ends as the tables say."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from support.apps import Site
from support.matrix import Client, Found, run
from support.promises import FULL, Report, promise
from support.scripted.faults import STEPS, Fault, catalogue
from support.smtp import Mode

#: What a message comes to. ``recipients`` names one state for all of them, or each one's.
OUTCOMES = """
outcome   | message  | waits for | recipients       | attempt   | failures | server
----------|----------|-----------|------------------|-----------|----------|-----------
returned  | queued   | server    | pending          | returned  | 0        | open
held      | queued   | server    | pending          | returned  | 0        | held
suspected | queued   | server    | pending          | returned  | 0        | unverified
later     | retrying | -         | pending          | retry     | 1        | unverified
closing   | retrying | -         | pending          | retry     | 1        | open
crowded   | queued   | server    | pending          | retry     | 0        | open
patient   | queued   | -         | pending          | retry     | 0        | unverified
dead      | dead     | -         | refused          | dead      | 0        | unverified
uncertain | retrying | -         | pending          | uncertain | 1        | unverified
sent      | sent     | -         | accepted         | sent      | 0        | ok
half      | partial  | -         | accepted refused | partial   | 0        | ok
half now  | retrying | -         | accepted pending | partial   | 1        | ok
half dead | retrying | -         | pending refused  | retry     | 1        | unverified
half lost | retrying | -         | pending refused  | uncertain | 1        | unverified
"""

#: A fault by the step at which it strikes before MAIL, and from MAIL on. ``taken``: at the final
#: dot, the message being accepted.
BEFORE_MAIL = """
fault                  | connect  | banner   | ehlo     | starttls | auth
-----------------------|----------|----------|----------|----------|---------
F01-F10 FIN            | returned | returned | returned | returned | returned
F01-F10 RST            | returned | returned | returned | returned | returned
F11 421 and FIN        |          | returned | returned | returned | returned
F12 450                |          | returned | returned |          |
F12 554                |          | returned | returned |          |
F12 554 blocked        |          | held     |          |          |
F13 one byte at a time |          | returned |          |          |
F13 F20 silence        |          | returned | returned | returned | returned
F15 garbage            |          | returned | returned |          |
F15 no code            |          | returned | returned |          |
F15 code 999           |          | returned | returned |          |
F15 code -1            |          | returned | returned |          |
F15 64 KiB line        |          | returned | returned |          |
F15 endless 250-       |          | returned | returned |          |
F15 invalid UTF-8      |          | returned | returned |          |
F15 NUL                |          | returned | returned |          |
F15 bidi               |          | returned | returned |          |
F15 script             |          | returned | returned |          |
F15 controls           |          | returned | returned |          |
"""
FROM_MAIL_ON = """
fault                  | mail      | rcpt    | rcpt 2  | data    | body      | dot       | taken
-----------------------|-----------|---------|---------|---------|-----------|-----------|----------
F01-F10 FIN            | later     | later   | later   | later   | uncertain | uncertain | uncertain
F01-F10 RST            | later     | later   | later   | later   | uncertain | uncertain | uncertain
F11 421 and FIN        | closing   | closing | closing | closing |           | closing   |
F11 421 alone          | closing   |         |         |         |           | closing   |
F12 450                | later     | later   |         | later   |           | later     |
F12 554                | dead      | dead    |         | dead    |           | dead      |
F12 554 blocked        | suspected |         |         |         |           |           |
F12 530                | suspected |         |         |         |           |           |
F12 greylisted         |           | patient |         |         |           |           |
F12 crowded            | crowded   |         |         |         |           |           |
F13 one byte at a time | later     |         |         |         |           | uncertain | uncertain
F13 window 0           |           |         |         |         | uncertain |           |
F13 F20 silence        | later     | later   |         | later   | uncertain | uncertain | uncertain
F14 two replies        | later     |         | later   |         |           | sent      |
F14 a line unasked     | later     |         |         |         |           | sent      |
F15 garbage            | later     | later   |         | later   |           | uncertain | uncertain
F15 no code            | later     | later   |         | later   |           | uncertain | uncertain
F15 code 999           | later     | later   |         | later   |           | uncertain | uncertain
F15 code -1            | later     | later   |         | later   |           | uncertain | uncertain
F15 64 KiB line        | later     | later   |         | later   |           | uncertain | uncertain
F15 endless 250-       | later     | later   |         | later   |           | uncertain | uncertain
F15 invalid UTF-8      | later     | later   |         | later   |           | uncertain | uncertain
F15 NUL                | later     | later   |         | later   |           | uncertain | uncertain
F15 bidi               | later     | later   |         | later   |           | uncertain | uncertain
F15 script             | later     | later   |         | later   |           | uncertain | uncertain
F15 controls           | later     | later   |         | later   |           | uncertain | uncertain
F15 250 invalid UTF-8  |           |         |         |         |           | sent      |
F15 250 NUL            |           |         |         |         |           | sent      |
F15 250 bidi           |           |         |         |         |           | sent      |
F15 250 script         |           |         |         |         |           | sent      |
F15 250 controls       |           |         |         |         |           | sent      |
F15 450 invalid UTF-8  |           |         |         |         |           | later     |
F15 450 NUL            |           |         |         |         |           | later     |
F15 450 bidi           |           |         |         |         |           | later     |
F15 450 script         |           |         |         |         |           | later     |
F15 450 controls       |           |         |         |         |           | later     |
F15 550 invalid UTF-8  |           | dead    |         |         |           |           |
F15 550 NUL            |           | dead    |         |         |           |           |
F15 550 bidi           |           | dead    |         |         |           |           |
F15 550 script         |           | dead    |         |         |           |           |
F15 550 controls       |           | dead    |         |         |           |           |
F16 no close_notify    | later     |         |         |         |           | uncertain | uncertain
"""

#: Faults that strike in one way only.
OTHERS = """
fault                           | outcome             | phase
--------------------------------|---------------------|------------
F11 421 amid the content        | closing / uncertain | done / body
F12 rcpt 250 and 450            | half now            | done
F12 rcpt 250 and 550            | half                | done
F12 rcpt 450 and 550            | half dead           | recipient
F12 rcpt 250 and 450, dot 451   | later               | done
F12 rcpt 250 and 550, dot 451   | half dead           | done
F12 rcpt 250 and 450, dot FIN   | uncertain           | body
F12 rcpt 250 and 550, dot FIN   | half lost           | body
F14 byte by byte                | sent                | done
F14 lines in parts              | sent                | done
F16 expired certificate         | held                | encrypt
F16 wrong host                  | held                | encrypt
F16 self-signed                 | held                | encrypt
F16 TLS 1.0                     | returned            | encrypt
F16 handshake stalled           | returned            | encrypt
F16 handshake dropped           | returned            | connect / encrypt
F16 handshake in plain text     | held                | encrypt
F16 no close_notify after 250   | sent                | done
F16 injected after the 220      | sent                | done
F17 STARTTLS missing            | held                | encrypt
F17 STARTTLS removed by a proxy | held                | encrypt
F17 STARTTLS 454                | returned            | encrypt
F18 535                         | held                | sign_in
F18 454                         | returned            | sign_in
F18 334 and garbage             | returned            | sign_in
F18 no mechanism                | held                | sign_in
F18 unknown mechanism           | held                | sign_in
F19 closed after the message    | sent                | done
F19 421 after the message       | sent                | done
F21 no such name                | returned            | resolve
F21 nobody listens              | returned            | connect
"""

#: The phase that a fault at a step is noticed in.
PHASES = """
step     | phase
---------|----------------------------
connect  | connect / greeting / encrypt
banner   | connect / greeting
ehlo     | hello
starttls | encrypt
auth     | sign_in
mail     | sender
rcpt     | recipient
rcpt 2   | recipient
data     | data
body     | body
dot      | body
taken    | body
"""
#: A reset takes replies along that came before it, and a surplus reply shows at a later step.
BLURRED = ("F01-F10 RST", "F14 two replies", "F14 a line unasked")
MAIL_PHASES = {"sender", "recipient", "data"}
SECONDS_OVER = 1.0
MOST_LATE = 15.0


def rows(table: str) -> list[dict[str, str]]:
    """Return the rows of a table as column -> cell."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]


def documented() -> dict[str, str]:
    """Return every fault's outcome by the fault's name."""
    cells = {
        f"{row['fault']} at {step}": row[step]
        for table in (BEFORE_MAIL, FROM_MAIL_ON)
        for row in rows(table)
        for step in STEPS
        if row.get(step)
    }
    return cells | {row["fault"]: row["outcome"] for row in rows(OTHERS)}


ENDS = {row["outcome"]: row for row in rows(OUTCOMES)}
ONLY_PHASES = {row["fault"]: set(row["phase"].split(" / ")) for row in rows(OTHERS)}
STEP_PHASES = {row["step"]: set(row["phase"].split(" / ")) for row in rows(PHASES)}
DOCUMENTED = documented()


def lateness(faults: Sequence[Fault], found: Mapping[str, Found]) -> float:
    """Return by how many seconds one may be late on a busy machine: more, the longer all took.

    All of them begin at once, so that the last one has waited twice as long as the median, and
    longer where others come in between. At full size nothing is forgiven.
    """
    took = [found[fault.name].seconds for fault in faults if not fault.lasts]
    return 0.0 if FULL else min(4 * SECONDS_OVER + 3 * statistics.median(took), MOST_LATE)


def mismatches(fault: Fault, found: Found, late: float) -> Iterator[str]:
    """Yield in which way ``found`` is not what the tables say of ``fault``."""
    names = DOCUMENTED[fault.name].split(" / ")
    fitting = [name for name in names if columns(found) == columns_of(name)]
    if not fitting:
        yield f"{fault.name}: {found} is not {DOCUMENTED[fault.name]}"
        return
    name = fitting[0]
    if found.phase not in phases(fault, name):
        yield f"{fault.name}: phase {found.phase} is not {phases(fault, name)}"
    accepted = name in {"sent", "half", "half now"}
    taken = accepted or fault.step == "taken" or "dot FIN" in fault.what
    if (found.taken, found.told) != (taken, accepted):
        yield f"{fault.name}: {found.taken} copies taken, {found.told} told of"
    if found.seconds > fault.lasts + SECONDS_OVER + late:
        yield f"{fault.name}: took {found.seconds:.1f} s"


def columns(found: Found) -> tuple[str, ...]:
    """Return what is compared with a row of OUTCOMES."""
    recipients = " ".join(dict.fromkeys(found.recipients))
    line = (found.state, found.waiting_for, recipients, found.outcome, str(found.failures))
    return (*line, found.health)


def columns_of(name: str) -> tuple[str, ...]:
    """Return a row of OUTCOMES without its name."""
    return tuple(ENDS[name].values())[1:]


def phases(fault: Fault, name: str) -> set[str]:
    """Return the phases that may be noted."""
    if not fault.step:
        return ONLY_PHASES[fault.name]
    if name in {"sent", "later", "closing", "dead"} and fault.step == "dot":
        return {"done"}
    expected = STEP_PHASES[fault.step]
    return MAIL_PHASES if fault.what in BLURRED and expected <= MAIL_PHASES else expected


def test_every_fault_has_its_cell() -> None:
    """No fault without a documented outcome, and no outcome without its fault."""
    names = [fault.name for fault in catalogue()]
    assert sorted(names) == sorted(DOCUMENTED)
    assert {name for cell in DOCUMENTED.values() for name in cell.split(" / ")} == set(ENDS)


@promise("R10")
@pytest.mark.parametrize("client", ["pipelined", "stepwise", "smtplib"])
@pytest.mark.parametrize("mode", ["implicit", "starttls", "none"])
def test_the_outcome_of_every_fault_is_the_documented_one(
    make_app: Callable[..., Site],
    any_database_url: str,
    report: Report,
    mode: Mode,
    client: Client,
) -> None:
    """R10: message, recipients, attempt, server, copies and time, 100 % of the cells."""
    faults = [fault for fault in catalogue() if mode in fault.modes]
    found = run(make_app, any_database_url, faults, mode, client)
    late = lateness(faults, found)
    wrong = [line for fault in faults for line in mismatches(fault, found[fault.name], late)]
    over = max(found[fault.name].seconds - fault.lasts for fault in faults)
    report(cells=len(faults), wrong=len(wrong), seconds_over=round(over, 2))
    assert not wrong, "\n".join(wrong)
