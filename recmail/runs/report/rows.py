"""A report for programs: one document with stable keys, and one row for each figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recmail.feedback.report_compared import CONFIDENCE, Comparison, Group
from recmail.feedback.report_figures import DIMENSIONS, Figures
from recmail.runs.report.reports import Report, Row, RunReport
from recmail.runs.report.told import Told
from recmail.runs.report.words import notes

COLUMNS = ("campaign", "run", "dimension", "key", "figure", "currency", "value")
"""Of CSV. An empty value is a figure that cannot be known; money is in the smallest unit of its currency."""


def to_dict(report: Report) -> dict[str, Any]:
    """One report with stable keys; null is what cannot be known, money is in minor units by currency."""
    compared = report.variants_compared
    return {
        "campaign": report.campaign,
        "run": report.run_no,
        "within_s": int(report.within.total_seconds()),
        "account": report.account.to_dict(),
        "figures": figures_as_dict(report.figures, report.told),
        "runs": [_run(one) for one in report.runs],
        "runs_left_out": report.left_out,
        "variants": [
            {"variant": name, "figures": figures_as_dict(figures, report.told)}
            for name, figures in report.variants.items()
        ],
        **{
            f"by_{dimension}": [
                _place(dimension, row, clicks=report.places_of_clicks) for row in report.places[dimension]
            ]
            for dimension in DIMENSIONS
        },
        "control_group": report.control and _comparison(report.control),
        "variants_compared": [{"variant": name, **_comparison(one)} for name, one in compared.items()],
        "known": {
            "until": report.known.until if report.known.last_import else None,
            "newest_enrolment": report.known.newest_enrolment,
        },
        "notes": [vars(note) for note in notes(report)],
    }


def figures_as_dict(figures: Figures, told: Told) -> dict[str, Any]:
    """Figures with stable keys; null is what cannot be known."""
    return {
        "sent": figures.sent,
        "delivered": figures.delivered if told.delivered else None,
        "bounced_hard": figures.bounced_hard if told.bounced else None,
        "bounced_soft": figures.bounced_soft if told.bounced else None,
        "complained": figures.complained if told.bounced else None,
        "unsubscribed": figures.unsubscribed,
        "opened": figures.opened if told.opens else None,
        "clicked": figures.clicked if told.clicks else None,
        "clicked_by_machine": figures.clicked_by_machine if told.clicks else None,
        "windows_open": figures.waiting,
        "enrolled": figures.enrolled,
        "enrolled_shown": figures.enrolled_shown,
        "enrolments": figures.enrolments,
        "enrolments_shown": figures.enrolments_shown,
        "value_minor": dict(sorted(figures.value.items())),
        "value_shown_minor": dict(sorted(figures.value_shown.items())),
    }


def _run(one: RunReport) -> dict[str, Any]:
    return {
        "run": one.run_no,
        "state": one.state,
        "first_left": one.first_left,
        "account": one.account.to_dict(),
        "figures": figures_as_dict(one.figures, one.told),
    }


def _place(dimension: str, row: Row, *, clicks: bool) -> dict[str, Any]:
    place = row.place
    names: dict[str, Any] = {dimension: row.key}
    if dimension == "course":
        names = {"course_id": row.key, "title": row.title}
    elif dimension == "position":
        names = {"position": int(row.key)}
    elif dimension == "fallback":
        names = {"fallback": row.key or None}
    return {
        **names,
        "shown": place.shown,
        "clicked": place.clicked if clicks else None,
        "enrolments": place.enrolments,
        "value_minor": dict(sorted(place.value.items())),
    }


def _group(group: Group) -> dict[str, Any]:
    return {"people": group.people, "times": group.times, "enrolled": group.enrolled, "rate": group.rate}


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "base": _group(found.base),
        "addressed": _group(found.other),
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "confidence": CONFIDENCE,
        "verdict": found.verdict,
    }


# --- rows -----------------------------------------------------------------------------------------

CsvRow = tuple[str, int | None, str, str, str, str, int | float | None]


def rows(report: Report) -> Iterator[CsvRow]:
    """Every figure as a row of COLUMNS: of all together, then of each run, variant and place."""
    name, number = report.campaign, report.run_no
    document = to_dict(report)
    yield from _account_rows(name, number, document["account"])
    yield from _figure_rows((name, number, "all", ""), document["figures"])
    for run in document["runs"] if number is None else ():
        yield from _account_rows(name, run["run"], run["account"])
        yield from _figure_rows((name, run["run"], "all", ""), run["figures"])
    for one in document["variants"]:
        yield from _figure_rows((name, number, "variant", one["variant"]), one["figures"])
    for dimension in DIMENSIONS:
        for row, place in zip(report.places[dimension], document[f"by_{dimension}"], strict=True):
            counts = {key: place[key] for key in ("shown", "clicked", "enrolments", "value_minor")}
            yield from _figure_rows((name, number, dimension, row.key), counts)
    if report.control:
        yield from _comparison_rows((name, number, "control_group", ""), document["control_group"])
    for one in document["variants_compared"]:
        yield from _comparison_rows((name, number, "variants_compared", one["variant"]), one)


Where = tuple[str, int | None, str, str]


def _figure_rows(where: Where, figures: Mapping[str, Any]) -> Iterator[CsvRow]:
    for figure, value in figures.items():
        if isinstance(value, dict):
            for currency, amount in value.items():
                yield (*where, figure, currency, amount)
        else:
            yield (*where, figure, "", value)


def _account_rows(name: str, number: int | None, account: Mapping[str, Any]) -> Iterator[CsvRow]:
    yield name, number, "state", "", "people", "", account["audience"]
    for state, people in account["states"].items():
        yield name, number, "state", state, "people", "", people
    for state, reasons in account["reasons"].items():
        for reason, people in reasons.items():
            yield name, number, "reason", f"{state}: {reason}", "people", "", people


def _comparison_rows(where: Where, found: Mapping[str, Any]) -> Iterator[CsvRow]:
    for group in ("base", "addressed"):
        for figure, value in found[group].items():
            yield (*where, f"{group}_{figure}", "", value)
    for figure in ("difference", "low", "high"):
        yield (*where, figure, "", found[figure])
