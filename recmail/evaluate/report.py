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
SCORERS = {
    "blend": "Several scorers as one.",
    "ease": "What goes with what, worked out from everybody's courses at once.",
    "item_knn": "Courses that were taken by the same people.",
    "als": "People and courses as points on a map of interests; by the library implicit.",
    "svd": "Another such map; by the library Surprise.",
    "popular": "What most people took; the same for everybody.",
    "trending": "What most people took lately; the same for everybody.",
}
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
        clusters=_clusters(trained),
        scorers=_scorers(trained),
    )


def _verdict(trained: Training) -> str:
    return f"“auto” is {trained.auto_in_words}; {trained.verdict.words}."


def _learned(trained: Training) -> str:
    counts = trained.counts
    return (
        f"Learned from {counts['pairs']:,} pairs of {counts['users']:,} people and {counts['courses']:,} "
        f"courses. {trained.fallback_share:.0%} of all {counts['people']:,} people took and looked at "
        "nothing: unless they searched, their blocks show the fallback."
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
            _left_out(found),
            "<h2>The numbers</h2><p>How well each scorer finds what people took next:</p>",
            _accuracy(found, auto),
            "<p>How varied what it shows is:</p>",
            _variety(found, auto),
        )
    )


def _clusters(trained: Training) -> str:
    if not trained.clusters:
        return ""
    head = "<th>people</th><th>courses</th><th class=words>typical of it</th>"
    rows = [
        (one.name, [f"{one.people:,}", f"{one.courses:,}", escape(", ".join(one.topics))])
        for one in trained.clusters
    ]
    return (
        "<h2>Who your learners are</h2><p>People of like interests, and the courses near to them. A campaign "
        f"addresses them by <code>in_cluster(&quot;{escape(rows[0][0])}&quot;)</code>.</p>"
        + _table(head, rows, "", words=True)
    )


def _scorers(trained: Training) -> str:
    named = trained.evaluation.rows if trained.evaluation else trained.settings
    known = [name for name in SCORERS if name in named]
    return "".join(f"<dt>{name}</dt><dd>{escape(SCORERS[name])}</dd>" for name in known)


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


def _left_out(found: Evaluation) -> str:
    few = [name for name in GROUPS if name not in found.groups]
    if not few or not found.groups:
        return ""
    what = " and ".join(_range(name) for name in few)
    return f"<p>Too few of them had dealt with {what} before to say anything of these.</p>"


def _range(name: str) -> str:
    low, high = GROUPS[name]
    return f"{low} {f'to {high}' if high else 'or more'} courses"


def _size(name: str, count: int) -> str:
    return f"{name} ({_range(name)}, {count:,} people)"


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


def _table(head: str, rows: list[tuple[str, list[str]]], auto: str, *, words: bool = False) -> str:
    lines = [
        f"<tr{' class=auto' if name == auto else ''}><th>{escape(name)}</th>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    ]
    kind = " class=words" if words else ""
    return f"<div class=scroll><table{kind}><tr><th></th>{head}</tr>{''.join(lines)}</table></div>"
