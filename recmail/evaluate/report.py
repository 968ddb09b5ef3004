"""The page that `recmail train --report` writes: what the scorers are worth, for people who decide."""

from __future__ import annotations

from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from recmail.errors import StorageError
from recmail.evaluate.choose import BASELINES
from recmail.evaluate.evaluation import GROUPS, NDCG, Evaluation
from recmail.evaluate.intervals import Interval
from recmail.evaluate.ratings import RatingError
from recmail.evaluate.svg import Bar, bars
from recmail.evaluate.train import Training

FILE = "index.html"
_MEASURES = {
    "ndcg_at_10": "nDCG@10",
    "precision_at_10": "precision",
    "recall_at_10": "recall",
    "map_at_10": "MAP",
    "hit_rate_at_10": "hit rate",
}


def write_report(trained: Training, folder: Path, *, name: str, now: datetime) -> Path:
    """Write the page into a folder, which is made if need be, and return its path.

    Args:
        name: of the project.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(report(trained, name=name, now=now), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror or error}; choose another folder for --report"
        ) from error
    return path


def report(trained: Training, *, name: str, now: datetime) -> str:
    """Return the page as HTML, everything in it."""
    source = files("recmail.evaluate").joinpath("report.html").read_text("utf-8")
    found = trained.evaluation
    return Template(source).substitute(
        project=escape(name),
        version=escape(trained.version),
        made=f"{now:%d %B %Y, %H:%M} UTC",
        verdict=escape(_verdict(trained)),
        learned=escape(_learned(trained)),
        measured=_measured(found, trained.auto) if found else "<p>There is too little data to measure.</p>",
        stars=_stars(trained.ratings) if trained.ratings else "",
        notes="".join(f"<li>{escape(note)}</li>" for note in trained.notes),
    )


def _verdict(trained: Training) -> str:
    return f"“auto” is {trained.auto_in_words}; {trained.verdict.words}."


def _learned(trained: Training) -> str:
    counts = trained.counts
    return (
        f"Learned from {counts['pairs']:,} pairs of {counts['users']:,} people and {counts['courses']:,} "
        f"courses. {trained.fallback_share:.0%} of all {counts['people']:,} people have no history: "
        "their blocks show the fallback."
    )


def _stars(found: RatingError) -> str:
    return (
        f"<p>Stars: {found.ratings:,} hidden ratings are predicted with a mean error of {found.mae:.2f} "
        f"stars (RMSE {found.rmse:.3f}); each course's mean rating alone is off by {found.mae_of_means:.2f} "
        f"(RMSE {found.rmse_of_means:.3f}). Predicting stars well is not the same as ranking well.</p>"
    )


def _measured(found: Evaluation, auto: str) -> str:
    bars_of_all = [Bar(name, [row.accuracy[NDCG]], name == auto) for name, row in found.rows.items()]
    bars_of_groups = [
        Bar(name, [row.groups[group] for group in found.groups], name == auto)
        for name, row in found.rows.items()
    ]
    sizes = ", ".join(_size(name, count) for name, count in found.groups.items())
    return "\n".join(
        (
            _in_words(found, auto),
            _figure("How well each scorer ranks what people took next (nDCG@10)", bars_of_all, ("",)),
            _figure(f"The same by how much is known: {sizes}", bars_of_groups, tuple(found.groups)),
            _accuracy(found, auto),
            _variety(found, auto),
        )
    )


def _in_words(found: Evaluation, auto: str) -> str:
    hit, recall = (found.rows[auto].accuracy[name].mean for name in ("hit_rate_at_10", "recall_at_10"))
    alike = [found.rows[name] for name in BASELINES if name in found.rows]
    rival = max((row.accuracy["hit_rate_at_10"].mean for row in alike), default=0.0)
    return (
        f"<p>For each of {found.people:,} people the latest fifth of their courses was hidden. Among the "
        f"first ten courses that <b>{escape(auto)}</b> would show, {hit:.1%} of them find at least one of "
        f"theirs; with what is popular or trending it would be {rival:.1%}. On average it finds {recall:.1%} "
        "of what a person took.</p>"
    )


def _size(name: str, count: int) -> str:
    low, high = GROUPS[name]
    return f"{name} ({low} {f'to {high}' if high else 'or more'} courses, {count:,} people)"


def _figure(title: str, rows: list[Bar], series: tuple[str, ...]) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{bars(title, rows, series)}</figure>"


def _accuracy(found: Evaluation, auto: str) -> str:
    head = "".join(f"<th>{title}</th>" for title in _MEASURES.values())
    rows = [
        (name, [_cell(row.accuracy[measure]) for measure in _MEASURES]) for name, row in found.rows.items()
    ]
    return _table(head, rows, auto)


def _cell(found: Interval) -> str:
    return f"{found.mean:.4f} <small>{found.low:.4f} to {found.high:.4f}</small>"


def _variety(found: Evaluation, auto: str) -> str:
    names = ("coverage", "diversity", "novelty", "gini")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = [(name, [f"{row.variety[one]:.2f}" for one in names]) for name, row in found.rows.items()]
    return _table(head, rows, auto)


def _table(head: str, rows: list[tuple[str, list[str]]], auto: str) -> str:
    lines = [
        f"<tr{' class=auto' if name == auto else ''}><th>{escape(name)}</th>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    ]
    return f"<div class=scroll><table><tr><th></th>{head}</tr>{''.join(lines)}</table></div>"
