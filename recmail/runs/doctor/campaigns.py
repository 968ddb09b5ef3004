"""The campaigns: can they be planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recmail.campaign import Campaign
from recmail.errors import ConfigError, RecmailError, RenderError
from recmail.render.bundle import load_bundle
from recmail.render.check import check_templates
from recmail.runs.check import check
from recmail.runs.doctor.finding import Finding, ok, said, warning, wrong
from recmail.runs.doctor.subject import Subject


def check_campaigns(subject: Subject) -> Iterator[Finding]:
    """Check all of them; those that are good share a line."""
    good = []
    for name, campaign in subject.campaigns.items():
        problems, people, slow = _problems(subject, campaign, name)
        if problems:
            found = f"{name} has {len(problems)} problem{'s' * (len(problems) > 1)}: {problems[0]}"
            yield wrong("campaigns", found, f"recmail check {name}")
            continue
        if people == 0:
            yield warning("campaigns", f"{name} addresses nobody", f"recmail plan {name} --dry-run")
        if slow:
            yield warning("campaigns", f"{name}: {slow}", f"recmail check {name}")
        good.append(name if people is None else f"{name} ({people:,} people)")
    if good:
        uncounted = "" if subject.project else ", not counted because the database is not in order"
        yield ok("campaigns", f"{len(good)} without mistakes: {', '.join(good)}{uncounted}")
    elif not subject.campaigns:
        yield warning("campaigns", "there are none in campaigns/", "the README has one of four lines")


def _problems(
    subject: Subject, campaign: Campaign | ConfigError, name: str
) -> tuple[Sequence[str], int | None, str]:
    """What is wrong with a campaign; how many people it addresses and what slows it, if that can be told."""
    if isinstance(campaign, ConfigError):
        return [said(problem) for problem in campaign.problems], None, ""
    if subject.project is not None:
        try:
            checked = check(subject.project, name, now=subject.now)
        except RecmailError as error:
            return [said(error)], None, ""
        slow = checked.inlining.in_words(checked.people or 0) if checked.inlining.slow else ""
        return [said(problem) for problem in checked.problems], checked.people, slow
    try:
        errors = check_templates(
            load_bundle(subject.folder / "templates"),
            template=campaign.template,
            subject=campaign.subject,
            preheader=campaign.preheader,
        )
    except RenderError as error:
        return [said(error)], None, ""
    return [said(error) for error in errors], None, ""
