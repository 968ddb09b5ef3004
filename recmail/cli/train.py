"""`recmail train`: fit all scorers, measure them by time, and put the best to use."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, progress, say

if TYPE_CHECKING:
    from recmail.evaluate.evaluation import Evaluation
    from recmail.evaluate.train import Training

_MEASURES = ("nDCG@10", "precision", "recall", "MAP", "hit rate")
_VARIETY = ("coverage", "diversity", "novelty", "gini")


@click.command("train")
@click.option("--seed", default=1, show_default=True, help="The same seed and data give the same model.")
@click.option("--only", metavar="SCORER", help="Learn just this scorer: svd, ease, ...")
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a page with plots to this folder.",
)
@project_option
@now_option
@json_option
@shows_errors
def command(
    seed: int, only: str | None, report: Path | None, project: Path | None, now: datetime, as_json: bool
) -> None:
    r"""Learn from everybody's history what goes with what.

    A scorer is one way of ranking courses for a person. What somebody did counts by the grades under [model]
    in recmail.toml: 1 for a course viewed, 5 for one completed.

    The latest fifth of each history is held out: hidden from the scorers, which then have to guess what
    people took next, and are measured by that. Their settings, and auto, the best mixture of them, are chosen
    on a fifth before that one. Campaigns use the new model if it is better than the one they have.

    \b
    Example: recmail train --report report
    """
    from recmail.evaluate.report import write_report
    from recmail.evaluate.train import train
    from recmail.runs.project import open_project

    opened = open_project(project)
    model = opened.settings.model
    with progress("training") as advance:
        trained = train(
            opened.engine,
            now=now,
            seed=seed,
            grades=model.grades,
            half_life=model.half_life,
            scorer=model.scorer,
            only=only,
            progress=advance,
        )
    page = write_report(trained, report, name=opened.settings.project.name, now=now) if report else None
    if as_json:
        print_json({**trained.to_json(), "report": page})
    else:
        _print(trained)
        if page:
            say(f"report: {page}")


def _print(trained: Training) -> None:
    counts = trained.counts
    click.echo(
        f"model {trained.version}: {counts['pairs']:,} pairs of {counts['users']:,} people and "
        f"{counts['courses']:,} courses, in {trained.took_s:.1f} s"
    )
    found = trained.evaluation
    if found:
        click.echo(f"what the latest courses of {found.people:,} people tell; ± is half of the 95 % interval")
        groups = [f"{name} ({count:,})" for name, count in found.groups.items()]
        print_table(("scorer", *_MEASURES, *groups, *_VARIETY), _rows(found, trained.auto))
    stars = trained.ratings
    if stars:
        click.echo(
            f"stars: {stars.ratings:,} held-out ratings are predicted with RMSE {stars.rmse:.3f}, MAE "
            f"{stars.mae:.3f}; by each course's mean: {stars.rmse_of_means:.3f}, {stars.mae_of_means:.3f}"
        )
    click.echo(f"auto is {trained.auto_in_words}; {trained.verdict.words}")
    if not trained.verdict.promoted:
        say(f"use it all the same: recmail models use {trained.version}")
    for note in trained.notes:
        say(note)
    if trained.fallback_share:
        say(
            f"{trained.fallback_share:.0%} of all people took and looked at nothing: "
            "unless they searched, they get fallbacks"
        )


def _rows(found: Evaluation, auto: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, row in found.rows.items():
        first, *others = row.accuracy.values()
        rows.append(
            (
                f"{name} *" if name == auto else name,
                f"{first.mean:.4f} ± {(first.high - first.low) / 2:.4f}",
                *(f"{one.mean:.4f}" for one in others),
                *(f"{row.groups[group].mean:.4f}" for group in found.groups),
                *(f"{row.variety[name]:.2f}" for name in _VARIETY),
            )
        )
    return rows
