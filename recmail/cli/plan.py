"""`recmail plan`: the funnel rule by rule, then a frozen run with a number."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recmail.cli.command import (
    WallTime,
    json_option,
    now_option,
    print_json,
    project_option,
    shows_errors,
)
from recmail.cli.terminal import (
    operator,
    print_table,
    progress,
    rows_progress,
    say,
    show_due,
    show_findings,
    show_variants,
)

if TYPE_CHECKING:
    from recmail.campaign import Campaign
    from recmail.campaign.calendar import Occurrence
    from recmail.runs.exposure import ExposureReport
    from recmail.runs.project import Project
    from recmail.runs.summary import Planned

COURSES = 15  # at their limit, that are listed; --json has all of them


@click.command("plan")
@click.argument("campaign")
@click.option("--dry-run", is_flag=True, help="Only count: who each rule leaves, and who would get no email.")
@click.option(
    "--for",
    "wall",
    type=WallTime(),
    metavar="TIME",
    help="Plan another time of the schedule than the next, as its clock shows it: '2026-12-01 09:00'.",
)
@click.option("--at-once", is_flag=True, help="Plan it to go out now, whatever the schedule says.")
@project_option
@now_option
@json_option
@shows_errors
def command(
    campaign: str,
    dry_run: bool,
    wall: datetime | None,
    at_once: bool,
    project: Path | None,
    now: datetime,
    as_json: bool,
) -> None:
    r"""Decide who gets what from CAMPAIGN, and freeze it into a run. Nothing is sent.

    A campaign with a schedule is planned for the next time of it; one without, to go out now.

    \b
    Examples: recmail plan weekly-picks
              recmail plan weekly-picks --for "2026-12-01 09:00"
    """
    from recmail.runs.occurrences import choose_occurrence
    from recmail.runs.project import open_project

    if wall is not None and at_once:
        raise click.UsageError("give one of --for and --at-once")
    opened = open_project(project)
    read = opened.campaign(campaign)
    when = None if at_once else choose_occurrence(opened, read, now=now, wall=wall)
    if dry_run:
        _only_count(opened, read, now, when.last_due if when else None, as_json=as_json)
    else:
        _plan(opened, read, now, when, as_json=as_json)


def _plan(opened: Project, read: Campaign, now: datetime, when: Occurrence | None, *, as_json: bool) -> None:
    from recmail.runs.funnel import read_funnel
    from recmail.runs.left_behind import DIED, give_up_dead_plans
    from recmail.runs.plan import plan, plan_again
    from recmail.runs.summary import summarize

    who = operator()
    funnel = read_funnel(opened, read, now=now)
    if not as_json:
        print_table(("people", "rule"), [(step.people, step.rule) for step in funnel])
    for dead in give_up_dead_plans(opened, now=now, who=who, campaign=read.name):
        say(f"run {dead.run_no} of {read.name} has failed: {DIED}")
    with progress("planning") as advance:
        if when is None:
            run_no = plan(opened, read.name, now=now, who=who, progress=advance)
        else:
            run_no = plan_again(
                opened, read.name, now=now, who=who, occurrence=when, progress=advance, tell=say
            )
    _look(opened, run_no)
    planned = summarize(opened, run_no)
    if as_json:
        print_json({"funnel": [vars(step) for step in funnel], **planned.to_dict()})
    else:
        _show(planned)
        _say_what_waits(opened, planned, now)
        _say_what_is_next(opened, planned)


def _show(planned: Planned) -> None:
    click.echo()
    title = f"Run {planned.run_no}: {planned.campaign}"
    print_table(("people", "what happens"), planned.account.as_rows(), title=title)
    show_due(planned.due)
    show_variants(planned.account)
    click.echo()
    seen = [(block.people, block.named, block.in_words()) for block in planned.blocks]
    print_table(("people", "block", "how it is filled"), seen)
    if planned.exposure is not None:
        _show_exposure(planned.exposure)
    for one in planned.instead:
        click.echo(f"\n{one.in_words()}")
    click.echo()
    print_table(("subject", "for"), [(one.subject, one.of_whom) for one in planned.samples])
    if planned.sending and planned.sending.takes > planned.due_over:
        click.echo(f"\nSending takes {planned.sending.in_words()}")
        if planned.not_in_time:
            click.echo(f"  but {planned.not_in_time}")
    if planned.findings:
        click.echo()
        show_findings(planned.findings)


def _show_exposure(exposure: ExposureReport) -> None:
    click.echo("\n" + exposure.in_words())
    limited = [(one.displaced, one.shown, one.title) for one in exposure.courses]
    if limited:
        print_table(("refused to", "shown to", "course at its limit"), limited[:COURSES])
    if len(limited) > COURSES:
        say(f"and {len(limited) - COURSES} more; recmail plan --json lists all")


def _say_what_waits(project: Project, planned: Planned, now: datetime) -> None:
    """Whoever plans to send now may not think of what is to go out by itself."""
    from recmail.runs.scheduling import waiting_besides

    for other in waiting_besides(project, planned.run_no, planned.campaign, now=now):
        due = f"{other.due:%Y-%m-%d %H:%M} UTC"
        say(
            f"\nrun {other.run_no} of it is {other.state}, too, due {due}: who is in both gets both, as far "
            f"as emails_per_person lets them; end it with: recmail run cancel {other.run_no}"
        )


def _say_what_is_next(project: Project, planned: Planned) -> None:
    from recmail.runs.inlining import inlining

    campaign = planned.campaign
    styles = inlining(project, project.campaign(campaign))
    if styles.slow:
        say(f"\n{styles.in_words(planned.waiting)}; why: recmail check {campaign}")
    if planned.findings and planned.findings.errors:
        say(f"\nit cannot be approved: mend the errors and plan again: recmail plan {campaign}")
    else:
        look = f"look at it with: recmail preview {campaign}"
        say(f"\n{look}\napprove it with: recmail approve {planned.run_no}")


def _look(project: Project, run_no: int) -> None:
    """Look at every email of the plan, which is made by now: approval wants it done, and may do it too."""
    from recmail.runs.lint_run import lint_run

    try:
        with rows_progress("looking at the emails", "emails") as show:
            lint_run(project, run_no, show)
    except KeyboardInterrupt as error:
        rest = f"recmail approve {run_no} looks at the emails that are left"
        raise KeyboardInterrupt(f"interrupted; run {run_no} is planned, and {rest}") from error


def _only_count(
    project: Project, campaign: Campaign, now: datetime, due: datetime | None, *, as_json: bool
) -> None:
    from recmail.runs.funnel import expect, over_at_most

    funnel, account = expect(project, campaign, now=now, due=due)
    if as_json:
        steps = [vars(step) for step in funnel]
        print_json({"campaign": campaign.name, "funnel": steps, "account": account.to_dict()})
    else:
        print_table(("people", "rule"), [(step.people, step.rule) for step in funnel])
        click.echo()
        print_table(("people", "what would happen"), account.as_rows())
        show_variants(account)
        say("\nonly a plan can tell who of those who wait would have too few courses to show")
    if why := over_at_most(campaign, funnel[-1].people):
        say(f"it would not be planned: {why}")
    say("nothing was planned: --dry-run")
