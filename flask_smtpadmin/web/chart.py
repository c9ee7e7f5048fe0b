"""Bars of what was sent and what failed, laid out here and drawn by a template as SVG.

Sent stands above the line, failed hangs below it, on one scale: two series that need no key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from flask_smtpadmin.core.history import Span
from flask_smtpadmin.web.formats import number
from flask_smtpadmin.web.language import gettext as _

#: The drawing's own units.
WIDTH: Final = 720
_ABOVE, _BELOW, _TOP = 110, 44, 16
_GAP: Final = 0.28
#: What is there at all is seen.
_LEAST: Final = 2.0
_LABELS: Final = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour or day: where its two bars stand, and what is said about it.

    ``spare``: its label is left out where there is little room.
    """

    x: float
    width: float
    sent_y: float
    sent_height: float
    failed_height: float
    label: str
    title: str
    span: Span
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing and its words; ``peak``: the most sent in one bar, ``line``: where zero is."""

    name: str
    title: str
    bars: tuple[Bar, ...]
    peak: Bar | None
    worst: Bar | None
    sent: int
    failed: int
    line: float
    height: float

    @property
    def empty(self) -> bool:
        """Whether nothing happened at all."""
        return not (self.sent or self.failed)


def chart(name: str, title: str, spans: Sequence[Span], called: Callable[[datetime], str]) -> Chart:
    """Lay out bars for ``spans``; ``called`` names their beginnings."""
    sent = max((span.sent for span in spans), default=0)
    failed = max((span.failed for span in spans), default=0)
    scale = min(_ABOVE / max(sent, 1), _BELOW / max(failed, 1))
    line = _TOP + _ABOVE
    width = WIDTH / max(len(spans), 1)
    bars = tuple(
        _bar(span, at * width, width, scale, called(span.begin)) for at, span in enumerate(spans)
    )
    return Chart(
        name=name,
        title=title,
        bars=tuple(_labelled(bars)),
        peak=max(bars, key=lambda bar: bar.span.sent) if sent else None,
        worst=max(bars, key=lambda bar: bar.span.failed) if failed else None,
        sent=sum(span.sent for span in spans),
        failed=sum(span.failed for span in spans),
        line=line,
        height=line + _BELOW + 46,
    )


def _bar(span: Span, left: float, width: float, scale: float, label: str) -> Bar:
    """Lay out one bar in the slot that begins at ``left``."""
    up, down = _length(span.sent, scale), _length(span.failed, scale)
    return Bar(
        x=round(left + width * _GAP / 2, 1),
        width=round(width * (1 - _GAP), 1),
        sent_y=round(_TOP + _ABOVE - up, 1),
        sent_height=up,
        failed_height=down,
        label=label,
        title=_(
            "%(time)s UTC: %(sent)s sent, %(failed)s failed",
            time=label,
            sent=number(span.sent),
            failed=number(span.failed),
        ),
        span=span,
    )


def _length(count: int, scale: float) -> float:
    return round(max(count * scale, _LEAST), 1) if count else 0.0


def _labelled(bars: Sequence[Bar]) -> list[Bar]:
    """Keep the label of every so many bars, counted from the last one; each second is spare."""
    step, last = max(1, -(-len(bars) // _LABELS)), len(bars) - 1
    return [
        replace(bar, label="" if away % step else bar.label, spare=away % (2 * step) != 0)
        for away, bar in zip(range(last, -1, -1), bars, strict=True)
    ]
