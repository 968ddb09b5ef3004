"""`recmail run`: what a person decides about a run that is on its way."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from recmail.cli.command import RUN, json_option, now_option, print_json, project_option, shows_errors
from recmail.cli.terminal import operator, say
from recmail.errors import RefusedError


@click.group("run")
def command() -> None:
    """Pause, resume, cancel or retry a run, or settle unclear messages.

    A run is one time that a campaign goes out; recmail runs lists them with their numbers. A message is
    unclear when it may have arrived: the line broke before the provider answered.
    """


def _reports(run: int, state: str, as_json: bool, text: str, **numbers: object) -> None:
    if as_json:
        print_json({"run": run, "did": state, **numbers})
    else:
        click.echo(text)


@command.command("pause", short_help="Stop RUN for now; whoever was not mailed yet waits.")
@click.argument("run", type=RUN)
@project_option
@now_option
@json_option
@shows_errors
def pause_command(run: int, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Stop RUN for now: what is in hand is finished, everybody else waits.

    \b
    Example: recmail run pause 12
    """
    from recmail.runs.lifecycle import pause
    from recmail.runs.project import open_project

    pause(open_project(project), run, now=now, who=operator())
    _reports(run, "pause", as_json, f"run {run} is paused; let it go on with: recmail run resume {run}")


@command.command("resume")
@click.argument("run", type=RUN)
@project_option
@now_option
@json_option
@shows_errors
def resume_command(run: int, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Let the paused RUN go on with the people not yet mailed.

    \b
    Example: recmail run resume 12
    """
    from recmail.runs.lifecycle import resume
    from recmail.runs.project import open_project

    resume(open_project(project), run, now=now, who=operator())
    _reports(
        run,
        "resume",
        as_json,
        f"run {run} may go on; a sender that runs continues it, else: recmail send {run}",
    )


@command.command("cancel")
@click.argument("run", type=RUN)
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@now_option
@json_option
@shows_errors
def cancel_command(run: int, yes: bool, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""End RUN for good: whoever waits gets nothing from it. What left has left.

    \b
    Example: recmail run cancel 12
    """
    from recmail.runs.lifecycle import cancel
    from recmail.runs.listing import read_run
    from recmail.runs.project import open_project

    opened = open_project(project)
    waiting = read_run(opened, run).waiting
    if not yes:
        question = f"{waiting:,} people wait for run {run} and will get nothing. Cancel it?"
        if not sys.stdin.isatty():
            raise RefusedError(f"nothing was cancelled: {waiting:,} people wait; scripts add --yes")
        if not click.confirm(question, err=True):
            raise RefusedError("nothing was cancelled")
    count = cancel(opened, run, now=now, who=operator())
    _reports(
        run, "cancel", as_json, f"run {run} is cancelled; {count:,} people will not get it", messages=count
    )


@command.command("retry")
@click.argument("run", type=RUN)
@project_option
@now_option
@json_option
@shows_errors
def retry_command(run: int, project: Path | None, now: datetime, as_json: bool) -> None:
    r"""Put the failed messages of the finished RUN back in line.

    \b
    Example: recmail run retry 12
    """
    from recmail.runs.lifecycle import retry
    from recmail.runs.project import open_project

    count = retry(open_project(project), run, now=now, who=operator())
    _reports(
        run,
        "retry",
        as_json,
        f"{count:,} failed messages wait again; send them with: recmail send {run}",
        messages=count,
    )


@command.command("decide")
@click.argument("run", type=RUN)
@click.option("--sent", "outcome", flag_value="sent", help="Believe that they arrived.")
@click.option("--resend", "outcome", flag_value="resend", help="Send again; some people may get two.")
@click.option("--user", "users", multiple=True, metavar="USER", help="Only this person; may be repeated.")
@project_option
@now_option
@json_option
@shows_errors
def decide_command(
    run: int,
    outcome: str | None,
    users: tuple[str, ...],
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""List the messages of RUN that may have arrived, or settle them.

    \b
    Examples: recmail run decide 12
              recmail run decide 12 --sent --user u00042
    """
    from recmail.runs.lifecycle import decide, unclear
    from recmail.runs.project import open_project

    opened = open_project(project)
    if outcome is None:
        found = unclear(opened, run, now=now)
        if as_json:
            print_json({"run": run, "unclear": found})
            return
        for user_id in found:
            click.echo(user_id)
        say(
            f"{len(found):,} messages of run {run} may have arrived; look for them at the provider, "
            "then settle them with --sent or --resend"
        )
        return
    count = decide(opened, run, outcome, user_ids=users or None, now=now, who=operator())
    done = "counted as sent" if outcome == "sent" else f"waiting again; send them with: recmail send {run}"
    _reports(run, "decide", as_json, f"{count:,} messages {done}", messages=count, outcome=outcome)
