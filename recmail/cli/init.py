"""`recmail init`: a new project, with demo data if wanted; or an old one's tables made new."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli.command import json_option, now_option, print_json, shows_errors
from recmail.cli.terminal import say
from recmail.errors import ConfigError, Problem

if TYPE_CHECKING:
    from recmail.runs.project import Project

# Two keys share a question where the second is one word; what the law asks for has no answer by Enter alone.
_QUESTIONS = (
    (("name",), "The company's name, as people will read it"),
    (("sender",), "Who the emails are from"),
    (("postal_address",), "Your postal address, which the law wants below every email"),
    (("timezone", "currency"), "Your time zone, a space, and the currency of prices that come without one"),
)
_NO_EXAMPLE = ("postal_address",)
_FLAGS = {"postal_address": "--address"}  # others are called as their key


@click.command("init", short_help="Make a project: settings, database, templates and campaigns.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--demo", is_flag=True, help="Fill it with 2,000 made-up people and 240 courses.")
@click.option("--upgrade", is_flag=True, help="Upgrade the database of the project here to this version.")
@click.option("--name", default=None, help="The company's name, as people will read it.")
@click.option("--sender", metavar="'NAME <ADDRESS>'", help="Who the emails are from.")
@click.option("--address", "postal_address", help="The postal address below every email.")
@click.option("--timezone", metavar="ZONE", help="Of schedules and dates, such as Europe/Berlin.")
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
    users: int,
    seed: int,
    now: datetime,
    as_json: bool,
    **given: str | None,
) -> None:
    r"""Make a project in FOLDER: settings, database, templates and example campaigns.

    On a terminal it asks for what is not given; elsewhere, and with --demo or --json, it never asks. Nothing
    is sent: mail stays in the project's outbox/ until you name a provider in recmail.toml.

    \b
    Examples: recmail init acme --demo
              recmail init acme
              recmail init acme --upgrade
    """
    if upgrade:
        _upgrade(folder, as_json)
        return
    if folder is None:
        raise click.UsageError("say where the project shall be, for example: recmail init acme --demo")
    known = {key: value for key, value in given.items() if value}
    asks = not (demo or as_json) and sys.stdin.isatty() and sys.stderr.isatty()
    with _interruptible(f"interrupted; nothing was made in {folder}"):
        answers = _answers(folder, known, demo=demo, asks=asks)
    with _interruptible(
        f"interrupted; delete {folder / 'recmail.toml'} to begin again with the same command"
    ):
        project = _create(folder, answers, as_json)
        imported = _fill(project, now, seed=seed, users=users, as_json=as_json) if demo else []
    people = _count_audience(project, now)
    if as_json:
        print_json({"project": project.folder, "imported": imported, "people": people})
    else:
        _say_next(project, folder, people)


def _create(folder: Path, answers: Mapping[str, str], as_json: bool) -> Project:
    from recmail.runs.create import create_project

    project = create_project(folder, **answers)
    if not as_json:
        click.echo(f"made the project {folder}: recmail.toml, campaigns/, templates/ and an empty database")
    return project


def _fill(project: Project, now: datetime, *, seed: int, users: int, as_json: bool) -> list[dict[str, Any]]:
    from recmail.cli.imported import show_import
    from recmail.runs.create import fill_with_demo

    imported = []
    for result in fill_with_demo(project, now=now, seed=seed, users=users):
        imported.append(asdict(result))
        if not as_json:
            show_import(result)
    return imported


@contextmanager
def _interruptible(message: str) -> Iterator[None]:
    """Say by this message what an interruption leaves behind."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort) as error:
        raise click.Abort(f"\n{message}") from error


def _upgrade(folder: Path | None, as_json: bool) -> None:
    from recmail.runs.project import upgrade_project

    project = upgrade_project(folder)
    say(f"the database of {project.folder.name} is at the newest version")
    if as_json:
        print_json({"project": project.folder})


def _answers(folder: Path, known: Mapping[str, str], *, demo: bool, asks: bool) -> dict[str, str]:
    """Return everything that a project has to say about itself: given, answered, or an example."""
    from recmail.runs.create import DEMO, check_folder, example_answers

    _check_flags(known)
    if demo:
        return {**DEMO, **known}
    check_folder(folder)
    answers = dict(known)
    for keys, question in _QUESTIONS if asks else ():
        examples = example_answers(answers.get("name", folder.resolve().name))
        wanted = [key for key in keys if key not in answers]
        if wanted:
            offered = None if keys == _NO_EXAMPLE else " ".join(examples[key] for key in wanted)
            answers |= _ask(question, wanted, offered)
    return {**example_answers(answers.get("name", folder.resolve().name)), **answers}


def _check_flags(known: Mapping[str, str]) -> None:
    """Refuse what may not stand in recmail.toml under the flag's name; nothing is made.

    Raises:
        ConfigError: with all mistakes.
    """
    from recmail.settings.default import ANSWERS

    problems = []
    for key, value in known.items():
        try:
            ANSWERS[key](value)
        except ValueError as error:
            problems.append(Problem(_FLAGS.get(key, f"--{key}"), 0, 0, str(error)))
    if problems:
        raise ConfigError(problems)


def _ask(question: str, keys: list[str], example: str | None) -> dict[str, str]:
    """Ask until the answer may stand in recmail.toml; Enter alone takes the example, where there is one."""
    from recmail.settings.default import ANSWERS

    def read(text: str) -> dict[str, str]:
        words = text.replace(",", " ").rsplit(maxsplit=1) if len(keys) > 1 else [text.strip()]
        if len(words) != len(keys):
            raise click.BadParameter(
                f"found {text!r}; expected both with a space between, such as: {example}"
            )
        try:
            for key, word in zip(keys, words, strict=True):
                ANSWERS[key](word)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
        return dict(zip(keys, words, strict=True))

    answer: dict[str, str] = click.prompt(question, default=example, value_proc=read, err=True)
    return answer


def _count_audience(project: Project, now: datetime) -> int:
    """Count the people whom the example campaign would address."""
    from recmail.runs.create import EXAMPLE
    from recmail.runs.funnel import read_funnel

    return read_funnel(project, project.campaign(EXAMPLE), now=now)[-1].people


def _say_next(project: Project, folder: Path, people: int) -> None:
    from recmail.runs.create import EXAMPLE, left_to_fill_in

    steps = ["recmail train", f"recmail preview {EXAMPLE}", f"recmail plan {EXAMPLE}"]
    if people:
        say(f"{EXAMPLE} would address {people:,} people")
    else:
        say(f"{EXAMPLE} would address nobody: there is no data yet")
        steps = [
            "say where your data is, under [sources.*] in recmail.toml",
            "recmail import",
            *steps[:1],
            f"recmail check {EXAMPLE}",
        ]
    missing = left_to_fill_in(project)
    if missing:
        say(f"before mail leaves this machine, fill in recmail.toml: {' and '.join(missing)} under [sender]")
    say("next:\n" + "\n".join(f"  {step}" for step in [f"cd {folder}", *steps]))
