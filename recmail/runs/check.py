"""Checking campaigns before anybody is planned: the YAML, the segment, the templates, and one real email."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from recmail.campaign import Campaign, not_yet
from recmail.errors import ConfigError, Problem, RecmailError, RenderError
from recmail.render.check import check_templates
from recmail.runs.funnel import read_funnel
from recmail.runs.project import Project


@dataclass(frozen=True)
class Checked:
    """What is wrong with one campaign, and how many people it addresses.

    Attributes:
        people: the audience now; None when it could not be counted.
        not_yet: what the file asks for that this version cannot plan.
    """

    campaign: str
    problems: Sequence[str]
    not_yet: Sequence[Problem]
    people: int | None

    def to_dict(self) -> dict[str, Any]:
        """The result with stable keys, for --json."""
        return {
            "campaign": self.campaign,
            "good": self.good,
            "people": self.people,
            "problems": list(self.problems),
            "not_yet": [str(problem) for problem in self.not_yet],
        }

    @property
    def good(self) -> bool:
        """Nothing is wrong with it."""
        return not self.problems


def check(project: Project, name: str, *, now: datetime) -> Checked:
    """Report everything that is wrong with a campaign at once."""
    try:
        campaign = project.campaign(name)
    except ConfigError as error:
        return Checked(name, [str(problem) for problem in error.problems], [], None)
    problems = [str(error) for error in template_errors(project, campaign)]
    funnel = read_funnel(project, campaign, now=now)
    return Checked(campaign.name, problems, not_yet(campaign), funnel[-1].people)


def template_errors(project: Project, campaign: Campaign) -> Sequence[RecmailError]:
    """Every mistake in the campaign's templates, subject and preheader."""
    try:
        bundle = project.templates()
    except RenderError as error:
        return [error]
    return check_templates(
        bundle, template=campaign.template, subject=campaign.subject, preheader=campaign.preheader
    )


def check_templates_of(project: Project, campaign: Campaign) -> None:
    """Refuse to plan with templates that could fail for everybody.

    Raises:
        RenderError: the mistakes, all of them.
    """
    errors = template_errors(project, campaign)
    if errors:
        raise RenderError("\n".join(str(error) for error in errors))
