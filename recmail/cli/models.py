"""`recmail models`: every model there is, side by side; and which one campaigns use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli.command import json_option, print_json, project_option, shows_errors
from recmail.cli.terminal import print_table, say

if TYPE_CHECKING:
    from recmail.recommend.models import Stored

_STATES = {"promoted": "in use", "retired": "was in use", "candidate": "not in use"}


@click.group("models", invoke_without_command=True)
@project_option
@json_option
@click.pass_context
@shows_errors
def command(context: click.Context, project: Path | None, as_json: bool) -> None:
    r"""List all models with what they were worth, the newest first.

    A model is what one recmail train has learned. nDCG@10 says how far up it ranked what people took next,
    from 0 to 1; beside it is that of the best list that is the same for everybody.

    \b
    Examples: recmail models
              recmail models use 20261102-090000-blend
    """
    if context.invoked_subcommand:
        context.obj = project
        return
    from recmail.db.connect import reading
    from recmail.recommend.models import NO_MODEL, stored_models
    from recmail.runs.project import open_project

    with reading(open_project(project).engine) as connection:
        found = stored_models(connection)
    if as_json:
        print_json({"models": [_json(one) for one in found]})
    elif not found:
        say(NO_MODEL)
    else:
        columns = ("model", "state", "auto", "nDCG@10", "best of all alike", "people", "pairs", "scorers")
        print_table(columns, [_row(one) for one in found])


@command.command("use", short_help="Let campaigns use VERSION from the next plan on.")
@click.argument("version")
@project_option
@json_option
@click.pass_context
@shows_errors
def use(context: click.Context, version: str, project: Path | None, as_json: bool) -> None:
    r"""Let campaigns use VERSION from the next plan on; the way back is the same command.

    Runs that are planned keep what they were planned with.

    \b
    Example: recmail models use 20261102-090000-ease
    """
    from recmail.db.connect import reading, writing
    from recmail.recommend.models import check_usable, promote, promoted_recipe
    from recmail.runs.project import open_project

    engine = open_project(project or context.obj).engine
    with reading(engine) as connection:
        check_usable(connection, version)
        before = promoted_recipe(connection)
    with writing(engine) as connection:
        promote(connection, version)
    previous = before.version if before else None
    if as_json:
        print_json({"model": version, "before": previous})
        return
    click.echo(f"campaigns use {version} from the next plan on")
    if previous and previous != version:
        say(f"the way back: recmail models use {previous}")


def _json(one: Stored) -> dict[str, Any]:
    return {
        "model": one.version,
        "state": one.state,
        "auto": one.auto,
        "scorers": one.scorers,
        "trained_at": one.trained_at,
        "counts": dict(one.counts),
        "evaluation": dict(one.metrics) or None,
    }


def _row(one: Stored) -> tuple[object, ...]:
    alike = [found for name in ("popular", "trending") if (found := _ndcg(one, name)) is not None]
    return (
        one.version,
        _STATES.get(one.state, one.state),
        one.auto,
        _written(_ndcg(one, one.auto)),
        _written(max(alike, default=None)),
        one.counts.get("users"),
        one.counts.get("pairs"),
        ", ".join(one.scorers),
    )


def _ndcg(one: Stored, name: str) -> float | None:
    measured = one.metrics.get("scorers", {}).get(name)
    return measured["accuracy"]["ndcg_at_10"][0] if measured else None


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
