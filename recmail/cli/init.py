"""`recmail init`: a new project, with demo data if wanted; or an old one's tables made new."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import json_option, now_option, print_json, shows_errors
from recmail.cli.terminal import say


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--demo", is_flag=True, help="Fill it with 2,000 made-up people and 240 courses.")
@click.option("--upgrade", is_flag=True, help="Upgrade the database of the project here to this version.")
@click.option("--name", default=None, help="The company's name, as people will read it.")
@click.option("--sender", metavar="'NAME <ADDRESS>'", help="Who the emails are from.")
@click.option("--address", help="The postal address below every email.")
@click.option("--currency", metavar="CODE", help="Of prices that come without one, such as EUR.")
@click.option(
    "--users",
    type=click.IntRange(50, 10_000_000),
    default=2_000,
    show_default=True,
    help="With --demo: how many people.",
)
@click.option("--seed", default=7, show_default=True, help="With --demo: other numbers give other people.")
@now_option
@json_option
@shows_errors
def command(
    folder: Path | None,
    demo: bool,
    upgrade: bool,
    name: str | None,
    sender: str | None,
    address: str | None,
    currency: str | None,
    users: int,
    seed: int,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Make a project in FOLDER: settings, database, templates and example campaigns.

    \b
    Example: recmail init acme --demo
    """
    from recmail.cli.import_ import show_import
    from recmail.runs.create import create_project, fill_with_demo

    if upgrade:
        _upgrade(folder, as_json)
        return
    if folder is None:
        raise click.UsageError("say where the project shall be, for example: recmail init acme --demo")
    given = {"name": name, "sender": sender, "postal_address": address, "currency": currency}
    project = create_project(folder, **_answers(folder, demo, given))
    imported = []
    if not as_json:
        click.echo(f"made the project {folder}: recmail.toml, campaigns/, templates/ and an empty database")
    for result in fill_with_demo(project, now=now, seed=seed, users=users) if demo else ():
        imported.append(asdict(result))
        if not as_json:
            show_import(result)
    if as_json:
        print_json({"project": project.folder, "imported": imported})
    else:
        _say_next(folder, demo)


def _upgrade(folder: Path | None, as_json: bool) -> None:
    from recmail.runs.project import upgrade_project

    project = upgrade_project(folder)
    say(f"the database of {project.folder.name} is at the newest version")
    if as_json:
        print_json({"project": project.folder})


def _answers(folder: Path, demo: bool, given: dict[str, str | None]) -> dict[str, str]:
    from recmail.runs.create import DEMO

    known = DEMO if demo else {"name": folder.resolve().name, "currency": "EUR"}
    return {**known, **{key: value for key, value in given.items() if value}}


def _say_next(folder: Path, demo: bool) -> None:
    steps = ["recmail train", "recmail preview weekly-picks", "recmail plan weekly-picks"]
    if not demo:
        say("fill in recmail.toml: who sends, from which address, and where you are")
        steps = ["recmail import users USERS.csv", "recmail import courses COURSES.csv", "recmail train"]
    say("next:\n" + "\n".join(f"  {step}" for step in [f"cd {folder}", *steps]))
