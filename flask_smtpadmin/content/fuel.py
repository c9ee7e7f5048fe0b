"""What a template may cost: counted while it is read and while it runs, never timed.

A clock cannot stop Python in the middle of an operation, and would let the same template pass on
one machine and fail on another.  So every loop, every operation and every character is paid for
before it is made.
"""

from __future__ import annotations

from typing import Final

from flask_smtpadmin.core.words import said

#: Bytes (UTF-8) of a template's source.
SOURCE_BYTES: Final = 200_000
#: Lines of a template's source.
SOURCE_LINES: Final = 10_000
#: Words, signs and spaces inside tags, as Jinja reads them.
TOKENS: Final = 20_000
#: Names, values, operations and statements of a template.
NODES: Final = 4_000
#: How deep expressions and blocks may stand in each other.
DEPTH: Final = 40
#: How deep loops may stand in each other.
LOOPS: Final = 4
#: Steps of one rendering: a loop costs its rounds times what stands in it.
STEPS: Final = 200_000
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


class Meter:
    """What is left to spend for one rendering.

    Attributes:
        characters: to read, make or write.
        steps: to take.
        html: whether text is escaped.
    """

    __slots__ = ("characters", "html", "steps")

    def __init__(self, *, html: bool) -> None:
        self.characters = CHARACTERS
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
