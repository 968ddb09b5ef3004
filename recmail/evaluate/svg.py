"""Plots as SVG, drawn here so that a report is one file without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from recmail.evaluate.intervals import Interval

WIDTH, LABEL, ROW, TOP = 720, 150, 30, 8
_COLOURS = ("#1d5fa8", "#c46210", "#2f7d4f")


@dataclass(frozen=True)
class Bar:
    """One line of a plot: a name and its intervals, one for each series."""

    name: str
    intervals: Sequence[Interval]
    strong: bool = False


def bars(title: str, rows: Sequence[Bar], series: Sequence[str] = ("",)) -> str:
    """Draw horizontal bars from 0 with their 95 % intervals as whiskers.

    Args:
        title: read out instead of the picture.
        series: what each interval of a row stands for, with a legend when there is more than one.
    """
    most = max((found.high for row in rows for found in row.intervals), default=0.0) or 1.0
    scale = (WIDTH - LABEL - 80) / most
    height_of_row = max(ROW, 14 * len(series) + 8)
    legend = 24 if len(series) > 1 else 0
    height = TOP + legend + height_of_row * len(rows) + 4
    parts = [_legend(series)] if legend else []
    for number, row in enumerate(rows):
        parts.append(_row(row, TOP + legend + number * height_of_row, height_of_row, scale))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _legend(series: Sequence[str]) -> str:
    return "".join(
        f'<rect x="{LABEL + 130 * place}" y="{TOP}" width="12" height="12" fill="{_COLOURS[place]}"/>'
        f'<text x="{LABEL + 130 * place + 18}" y="{TOP + 10}" font-size="13">{escape(name)}</text>'
        for place, name in enumerate(series)
    )


def _row(row: Bar, top: float, height: float, scale: float) -> str:
    weight = ' font-weight="700"' if row.strong else ""
    thick = (height - 8) / len(row.intervals)
    parts = [
        f'<text x="{LABEL - 10}" y="{top + height / 2 + 4:.1f}" text-anchor="end" font-size="14"{weight}>'
        f"{escape(row.name)}</text>"
    ]
    for place, found in enumerate(row.intervals):
        y, length = top + 4 + place * thick, max(found.mean, 0) * scale
        middle = y + thick / 2
        low, high = LABEL + max(found.low, 0) * scale, LABEL + max(found.high, 0) * scale
        parts.append(
            f'<rect x="{LABEL}" y="{y:.1f}" width="{length:.1f}" height="{thick - 2:.1f}" '
            f'fill="{_COLOURS[place]}" opacity="{1 if row.strong else 0.6}"/>'
            f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 4:.1f}v8M{high:.1f} '
            f'{middle - 4:.1f}v8" stroke="currentColor" fill="none"/>'
            f'<text x="{high + 8:.1f}" y="{middle + 4:.1f}" font-size="12">{found.mean:.3f}</text>'
        )
    return "".join(parts)
