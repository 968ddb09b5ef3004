"""The report as one page with plots, everything in it: for people who decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from recmail.errors import StorageError
from recmail.feedback.report_compared import Group
from recmail.feedback.report_figures import Figures
from recmail.runs.report.charts import Bar, Dot, bars, dots
from recmail.runs.report.reports import Report, Row
from recmail.runs.report.words import (
    Table,
    lines,
    money,
    notes,
    per_thousand,
    place_in_words,
    points,
    share,
    table_of_places,
    table_of_runs,
    table_of_variants,
    variants_in_words,
    when_it_left,
    window,
    worth,
)

COURSES = 10  # that are shown
_TITLES = {
    "block": "By block",
    "position": "By place in the block",
    "fallback": "Own courses and fallbacks",
    "course": "Courses that were taken most",
}


def write_page(reports: Sequence[Report], path: Path, *, name: str, now: datetime) -> None:
    """Write the page of one or several campaigns.

    Args:
        name: of the project.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        path.write_text(page(reports, name=name, now=now), encoding="utf-8")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"{path}: cannot be written: {why}; choose another file for --html") from error


def page(reports: Sequence[Report], *, name: str, now: datetime) -> str:
    """Return the page as HTML."""
    source = files("recmail.runs.report").joinpath("page.html").read_text("utf-8")
    one = reports[0] if len(reports) == 1 else None
    heading = one.campaign if one else "All campaigns"
    if one and one.run_no is not None:
        heading += f", run {one.run_no}"
    body = _one(one) if one else _all(reports)
    return Template(source).substitute(
        title=escape(f"{heading}: report of {name}"),
        project=escape(name),
        made=f"{now:%d %B %Y, %H:%M} UTC",
        heading=escape(heading),
        body="\n".join(body),
        within=window(reports[0]) if reports else "the window",
    )


def _all(reports: Sequence[Report]) -> Iterator[str]:
    if not reports:
        yield "<section><p>No campaign has gone out yet.</p></section>"
        return
    rates = [_rate(one.campaign, one.figures) for one in reports]
    rows: list[tuple[object, ...]] = [
        (
            *(one.campaign, len(one.runs), one.figures.sent, one.figures.unsubscribed, one.figures.enrolled),
            money(one.figures.value, one.language),
            points(one.control) if one.control else "no control group",
        )
        for one in reports
    ]
    columns = ("campaign", "runs", "sent", "unsubscribed", "enrolled", "orders", "against control group")
    yield _figure("Side by side", dots(rates), (columns, rows), "Messages after which the person enrolled.")
    for report in reports:
        yield f'<h1 class="campaign">{escape(report.campaign)}</h1>'
        yield from _one(report)


def _one(report: Report) -> Iterator[str]:
    left = when_it_left(report)
    yield f'<p class="quiet">{escape(left[0].upper() + left[1:])}.</p>'
    if said := worth(report):
        yield f'<section class="worth"><p>{escape(said)}</p></section>'
    if report.figures.sent:
        yield _tiles(report)
    yield _account(report)
    if report.figures.sent:
        yield _funnel(report)
        yield from _compared(report)
        for dimension in ("block", "position", "fallback", "course"):
            yield _places(report, dimension)
    listed = "".join(f"<li>{escape(note.text)}</li>" for note in notes(report))
    yield f"<section><h2>What is known, and what is not</h2><ul>{listed}</ul></section>"


def _tiles(report: Report) -> str:
    figures = report.figures
    tiles = [
        (f"{figures.sent:,}", "messages sent"),
        (
            f"{figures.enrolled:,}",
            f"enrolled within {window(report)}, {share(figures.enrolled, figures.sent)}",
        ),
        (f"{figures.unsubscribed:,}", f"unsubscribed, {share(figures.unsubscribed, figures.sent)}"),
    ]
    tiles += [
        (money({unit: amount}, report.language), "orders") for unit, amount in sorted(figures.value.items())
    ]
    drawn = "".join(
        f"<div><b>{escape(number)}</b><span>{escape(what)}</span></div>" for number, what in tiles
    )
    return f'<div class="tiles">{drawn}</div>'


def _account(report: Report) -> str:
    rows = report.account.as_rows()
    audience = report.account.audience
    drawn = [Bar(what, people, f"{people:,}", quiet=what != "sent") for people, what in rows]
    table: list[tuple[object, ...]] = [(what, people, share(people, audience)) for people, what in rows]
    table.append(("everybody in the audience", audience, share(audience, audience)))
    times = "" if len(report.runs) < 2 else " Whoever was in two runs counts twice."
    said = f"Everybody who matched the campaign, each in exactly one state.{times}"
    return _figure("What happened to everybody", bars(drawn), (("", "people", ""), table), said)


def _funnel(report: Report) -> str:
    sent = report.figures.sent
    found = lines(report.figures, report.told, within=window(report))
    drawn = [
        Bar(line.what or line.detail, line.count, f"{line.count:,} ({share(line.count, sent)})")
        for line in found
        if line.count is not None
    ]
    table: list[tuple[object, ...]] = [
        (
            f"{line.what}, {line.detail}" if line.what and line.detail else line.what or line.detail,
            "not known" if line.count is None else line.count,
            share(line.count, sent),
        )
        for line in found
    ]
    table += [
        ("enrolments", report.figures.enrolments, ""),
        ("of them in courses that the message showed", report.figures.enrolments_shown, ""),
        ("orders", money(report.figures.value, report.language) or "none", ""),
        (
            "of them for courses that the message showed",
            money(report.figures.value_shown, report.language) or "none",
            "",
        ),
    ]
    return _figure("What came of the messages", bars(drawn, most=sent), (("", "messages", ""), table))


def _compared(report: Report) -> Iterator[str]:
    control = report.control
    if control is not None:
        groups = {"were to get an email": control.other, "control group": control.base}
        table: list[tuple[object, ...]] = [_group_row(name, group) for name, group in groups.items()]
        if control.difference is not None and control.low is not None and control.high is not None:
            between = f"{100 * control.low:+.1f} to {100 * control.high:+.1f}"
            difference = f"{100 * control.difference:+.1f} points"
            table.append(("difference", "", "", "", difference, between))
        drawn = [_dot(name, group, quiet=group is control.base) for name, group in groups.items()]
        said = "People who enrolled in any course, whether or not an email reached them."
        yield _figure("Against the control group", dots(drawn), (_GROUP, table), said)
    if report.variants:
        said = " ".join([*variants_in_words(report), "The table counts messages that were sent."])
        yield _figure("Variants", dots(_variants(report)), table_of_variants(report), said)
    if len(report.runs) > 1:
        rates = [_rate(f"run {one.run_no}, {one.first_left:%d %b %Y}", one.figures) for one in report.runs]
        said = "Messages after which the person enrolled; the newest run first."
        yield _figure("Run by run", dots(rates), table_of_runs(report), said)


def _variants(report: Report) -> list[Dot]:
    """The rates of everybody who was to get each variant; of messages where they cannot be compared."""
    compared = report.variants_compared
    if not compared:
        return [_rate(name, figures) for name, figures in report.variants.items()]
    base = next(iter(compared.values())).base
    return [_dot(name, compared[name].other if name in compared else base) for name in report.variants]


_GROUP = ("", "people", "times", "enrolled", "rate", "between")


def _group_row(name: str, group: Group) -> tuple[object, ...]:
    low, high = group.interval
    times = group.times if group.times != group.people else ""
    return name, group.people, times, group.enrolled, f"{group.rate:.1%}", f"{low:.1%} to {high:.1%}"


def _dot(name: str, group: Group, *, quiet: bool = False) -> Dot:
    low, high = group.interval
    return Dot(name, group.rate, low, high, f"{group.rate:.1%} ({low:.1%} to {high:.1%})", quiet)


def _rate(name: str, figures: Figures) -> Dot:
    sent = figures.sent
    return _dot(name, Group(sent, sent, figures.enrolled, float(sent)))


def _places(report: Report, dimension: str) -> str:
    rows = report.places[dimension][:COURSES]
    if not rows:
        return ""
    drawn = [_bar(dimension, row) for row in rows]
    columns, table = table_of_places(report, dimension)
    more = len(table) - len(rows)
    rest = f" {more:,} other courses are in recmail report --csv." if more else ""
    said = "Enrolments in courses that it showed, for each 1,000 times that one was shown."
    if dimension == "fallback":
        said = "Enrolments in courses that it chose, for each 1,000 times that one was shown."
    elif dimension == "course":
        said = f"Enrolments in the course after a message that showed it.{rest}"
    return _figure(_TITLES[dimension], bars(drawn), (columns, table[: len(rows)]), said)


def _bar(dimension: str, row: Row) -> Bar:
    place = row.place
    if dimension == "course":
        return Bar(row.title, place.enrolments, f"{place.enrolments:,} of {place.shown:,} shown")
    name = f"{row.key}." if dimension == "position" else place_in_words(dimension, row)
    rate = place.enrolments / max(place.shown, 1)
    return Bar(name, rate, per_thousand(place.enrolments, place.shown))


def _figure(title: str, drawing: str, table: Table, said: str = "") -> str:
    words = f'<p class="quiet">{escape(said)}</p>' if said else ""
    return (
        f"<section><h2>{escape(title)}</h2>{words}"
        f'<div class="pair">{drawing}<div class="scroll" tabindex="0">{_table(*table)}</div></div></section>'
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    kept = [at for at, _ in enumerate(columns) if any(row[at] not in (None, "") for row in rows)]
    named = (columns[at] for at in kept)
    head = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in named)
    lines_of_table = "".join(
        "<tr>" + "".join(_cell(row[at], is_first=at == 0) for at in kept) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines_of_table}</tbody></table>"


def _cell(value: object, *, is_first: bool) -> str:
    text = "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return f'<th scope="row">{escape(text)}</th>' if is_first else f"<td>{escape(text)}</td>"
