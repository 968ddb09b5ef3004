"""Charts of a report: bars, and dots with intervals; drawn here so that the page is one file without scripts.

Lengths are in percent of the width that there is, and words are HTML beside the drawing: a chart reads on a
phone as on a wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

_BAR, _DOT = 10, 14  # px high
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class Bar:
    """One bar: its name, its length in some unit, and what is written at its end."""

    name: str
    value: float
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Dot:
    """A rate from 0 to 1 with the interval that holds it in 95 of 100 cases."""

    name: str
    rate: float
    low: float
    high: float
    text: str
    quiet: bool = False


def bars(rows: Sequence[Bar], *, most: float | None = None) -> str:
    """Draw bars from 0, the longest over the whole width.

    Args:
        most: what the whole width is; else the largest value.
    """
    whole = most or max((row.value for row in rows), default=0) or 1
    drawn = (
        (
            row.name,
            row.text,
            f'<rect class="track" width="100%" height="{_BAR}" rx="2"/>'
            f'<rect class="{_kind("bar", row.quiet)}" width="{_percent(row.value / whole)}" height="{_BAR}"'
            ' rx="2"/>',
        )
        for row in rows
    )
    return f'<div class="chart">{"".join(_row(*one, height=_BAR) for one in drawn)}</div>'


def dots(rows: Sequence[Dot]) -> str:
    """Draw rates as dots with their intervals, all on one scale from 0."""
    most = _round_up(max((row.high for row in rows), default=0.0) or 1.0)
    drawn = "".join(_row(row.name, row.text, _dot(row, most), height=_DOT) for row in rows)
    axis = f'<div class="axis"><span>0%</span><span>{100 * most:g}%</span></div>'
    return f'<div class="chart">{drawn}{axis}</div>'


def _dot(row: Dot, most: float) -> str:
    low, middle, high = (_percent(one / most) for one in (row.low, row.rate, row.high))
    y = _DOT / 2
    return (
        f'<line class="hair" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        f'<line class="{_kind("span", row.quiet)}" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
        f'<circle class="{_kind("dot", row.quiet)}" cx="{middle}" cy="{y}" r="5"/>'
    )


def _row(name: str, text: str, drawing: str, *, height: int) -> str:
    # The words beside it say all that the drawing does.
    return (
        f'<div class="row"><span>{escape(name)}</span><span class="value">{escape(text)}</span>'
        f'<svg aria-hidden="true" width="100%" height="{height}">{drawing}</svg></div>'
    )


def _round_up(rate: float) -> float:
    """The next number above a rate that people would write at the end of an axis."""
    unit = 10.0 ** floor(log10(rate))
    return min(1.0, next(round(step * unit, 12) for step in _STEPS if step * unit >= rate))


def _percent(part: float) -> str:
    return f"{100 * min(max(part, 0.0), 1.0):.2f}%"


def _kind(name: str, quiet: bool) -> str:
    return f"{name} quiet" if quiet else name
