"""What a template may cost: counted while it is read and while it runs, never timed.

A clock cannot stop Python in the middle of an operation, and would let the same template pass on
one machine and fail on another.  So every loop, every operation and every character is paid for
before it is made.
"""

from __future__ import annotations

from typing import Any, Final

from jinja2 import Environment
from jinja2.runtime import Context

from flask_smtpadmin.core.words import said

#: Bytes (UTF-8) of a template's source.
SOURCE_BYTES: Final = 200_000
#: Lines of a template's source.
SOURCE_LINES: Final = 10_000
#: Words, signs, spaces and pieces of text, as Jinja reads them.
TOKENS: Final = 6_000
#: Names, operations, statements and pieces of text between them.
NODES: Final = 600
#: Loops of a template.
LOOPS: Final = 50
#: How deep expressions and blocks may stand in each other.
DEPTH: Final = 40
#: How deep loops may stand in each other.
LOOP_DEPTH: Final = 4
#: Backslashes of a template.
BACKSLASHES: Final = 2_000
#: Steps of one rendering: a loop costs its rounds times what stands in it.
STEPS: Final = 100_000
#: Characters of one rendering: what it writes, and what its filters and operations read and make.
CHARACTERS: Final = 500_000
#: Items in the lists and dicts that are handed over, in all.
ITEMS: Final = 20_000
#: How deep lists and dicts that are handed over may stand in each other.
VALUE_DEPTH: Final = 8
#: Digits of a whole number, and digits before or after the point of a Decimal.
DIGITS: Final = 40
#: Characters of a subject; a longer one is cut.
SUBJECT: Final = 255
#: Pieces of a text that are made before they are paid for, and the characters that a value among
#: them may have; there is room for a longer one, or it is not made.
PIECES: Final = 64
SHORT: Final = 1_000
#: What a place in a list costs, in characters of four bytes.
PLACE: Final = 2
#: What a small list with two places costs, in characters of four bytes.
PAIR: Final = 24


class Refused(Exception):
    """A template does what it may not; it becomes a ``TemplateError`` with part and line."""

    def __init__(self, message: str, variable: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.variable = variable
        self.line = line


class Meter(Context):
    """What one rendering knows and may still spend.

    It is Jinja's context, which generated code can hand to every operation and which no template
    has a name for.

    Attributes:
        characters: left to read, make or write.
        owed: of these, what is made already and paid for where it is written.
        steps: left to take.
        html: whether text is escaped.
    """

    def __init__(self, environment: Environment, values: dict[str, Any], *, html: bool) -> None:
        super().__init__(environment, values, None, {})
        self.characters = CHARACTERS
        self.owed = 0
        self.steps = STEPS
        self.html = html

    def spend(self, characters: int) -> None:
        """Pay for ``characters`` before they are read or made.

        Raises:
            Refused: there are not as many left.
        """
        self.characters -= characters
        if self.characters < 0:
            raise too_long()

    def owe(self, characters: int) -> None:
        """See that ``characters`` can be paid for when they are written.

        Raises:
            Refused: there are not as many left.
        """
        self.owed += characters
        if self.owed > self.characters:
            raise too_long()

    def write(self, characters: int) -> None:
        """Pay for all that was made since the last time, ``characters`` in all.

        Raises:
            Refused: there are not as many left.
        """
        self.owed = 0
        self.spend(characters)

    def walk(self, steps: int) -> None:
        """Pay for ``steps`` before they are taken.

        Raises:
            Refused: there are not as many left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise Refused(
                said(
                    "The template repeats too much: it may take %(limit)s steps, its loops times "
                    "what stands in them. Show fewer rows.",
                    limit=f"{STEPS:,}",
                )
            )


def too_long() -> Refused:
    """Return what to say when the characters are used up."""
    return Refused(
        said(
            "The text becomes too long: a template may write and work on %(limit)s characters. "
            "Show fewer rows, or shorten long values.",
            limit=f"{CHARACTERS:,}",
        )
    )
