"""`recmail train`: fit the model, measure it by time, and put it to use."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, progress, say


@click.command("train")
@click.option("--seed", default=1, show_default=True, help="The same seed and data give the same model.")
@project_option
@now_option
@json_option
@shows_errors
def command(seed: int, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Learn from everybody's history what goes with what.

    Fits Surprise's SVD on graded interactions. The latest fifth of each history is held out first to
    measure how well it ranks what people took next, beside simply showing what is popular.

    \b
    Example: recmail train
    """
    from recmail.evaluate.train import train
    from recmail.runs.project import open_project

    opened = open_project(project)
    with progress("training") as advance:
        model = train(
            opened.engine, now=now, seed=seed, grades=opened.settings.model.grades, progress=advance
        )
    if as_json:
        print_json(
            {
                "model": model.version,
                "counts": model.counts,
                "metrics": model.metrics,
                "seconds": model.took_s,
            }
        )
        return
    counts = model.counts
    click.echo(
        f"model {model.version}: {counts['pairs']:,} pairs of {counts['users']:,} people and "
        f"{counts['courses']:,} courses, in {model.took_s:.1f} s"
    )
    if model.metrics:
        names = sorted({name for scorer in model.metrics.values() for name in scorer})
        rows = [
            (scorer, *(f"{values[name]:.4f}" for name in names)) for scorer, values in model.metrics.items()
        ]
        print_table(("held-out fifth", *names), rows)
    else:
        say("too little data to hold out a part and measure; the model was fitted on all of it")
