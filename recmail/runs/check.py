"""Checks campaigns before anybody is planned: the YAML, the segment, the templates; and counts people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from recmail.campaign import Campaign, alike, explain_template, unknown
from recmail.campaign.languages import unused_lines
from recmail.campaign.tracking import untracked
from recmail.campaign.yaml import read_yaml
from recmail.db.clusters import cluster_names
from recmail.db.connect import reading
from recmail.db.courses import read_courses
from recmail.errors import ConfigError, Problem, RenderError
from recmail.render.check import check_templates
from recmail.render.links import link_mistakes
from recmail.runs.editions import editions_with_lines, templates_of
from recmail.runs.funnel import Emptied, over_at_most, read_emptied
from recmail.runs.inlining import Inlining, inlining, remember
from recmail.runs.languages import people_by_language
from recmail.runs.occurrences import GoesOut, goes_out, over
from recmail.runs.project import Project
from recmail.runs.template_lint import TemplateLint, remember_lint, template_lint
from recmail.runs.text_drafts import with_advice
from recmail.segment import Courses
from recmail.settings.source import SourceText


@dataclass(frozen=True)
class Checked:
    """What is wrong with one campaign, and how many people it addresses.

    Attributes:
        people: the audience now; None when it could not be counted.
        emptied: the rule that leaves nobody, of those whom the rules before it had left.
        languages: how many of the people get their email in which language, where there is more than one.
        doubtful: what the lint warns of in the templates.
        goes_out: when it would next go out by its schedule; None without one.
        over: the schedule, when nothing of it is to come; the audience, when `at_most` is less.
    """

    campaign: str
    problems: Sequence[Problem]
    people: int | None
    emptied: Emptied | None = None
    languages: Mapping[str, int] = field(default_factory=dict)
    inlining: Inlining = field(default_factory=Inlining)
    doubtful: Sequence[Problem] = ()
    goes_out: GoesOut | None = None
    over: Sequence[Problem] = ()

    def to_dict(self) -> dict[str, Any]:
        """The result with stable keys, for --json; what is slow is a warning."""
        slow_ms = self.inlining.slow_ms
        found = [(problem, "error") for problem in self.problems]
        found += [(problem, "warning") for problem in self.warnings]
        return {
            "campaign": self.campaign,
            "good": self.good,
            "people": self.people,
            "languages": dict(self.languages),
            "goes_out": self.goes_out and self.goes_out.to_dict(),
            "emptied_by": self.emptied.rule if self.emptied else None,
            "instead": [asdict(common) for common in self.emptied.instead] if self.emptied else [],
            "styles_inlined": None if self.problems else "per message" if self.inlining.slow else "once",
            "inlining_ms": None if slow_ms is None else round(slow_ms, 1),
            "problems": [{**asdict(problem), "severity": severity} for problem, severity in found],
        }

    @property
    def warnings(self) -> Sequence[Problem]:
        """What it can be planned with."""
        return (*self.over, *self.doubtful, *self.inlining.slow)

    @property
    def good(self) -> bool:
        """Nothing is wrong with it."""
        return not self.problems


def check(project: Project, name: str, *, now: datetime, keep: bool = False) -> Checked:
    """Report everything that is wrong with a campaign at once.

    Args:
        keep: remember in the project's folder what was found out about the templates of a good campaign.
    """
    try:
        campaign = project.campaign(name)
    except ConfigError as error:
        return Checked(name, error.problems, None)
    misspelt = unknown_names(project, campaign)
    problems = [*misspelt, *template_problems(project, campaign)]
    styles, lint = Inlining(), TemplateLint()
    if not problems:
        styles, lint = inlining(project, campaign), template_lint(project, campaign)
    problems += [*styles.problems, *lint.errors]
    if keep and not problems:
        remember(project, campaign)
        remember_lint(project, campaign)
    funnel, emptied = read_emptied(project, campaign, now=now)
    if any(problem.message.startswith("audience") for problem in misspelt):
        emptied = None  # what is not there leaves nobody, and that has been said
    spoken = {} if problems else people_by_language(project, campaign, now=now)
    return Checked(
        campaign.name,
        problems,
        funnel[-1].people,
        emptied,
        spoken,
        styles,
        (*alike(campaign), *untracked(campaign, project.settings), *lint.warnings),
        goes_out(project, campaign, now=now),
        (*over(project, campaign, now=now), *_too_many(campaign, funnel[-1].people)),
    )


def _too_many(campaign: Campaign, people: int) -> list[Problem]:
    """Say that plan will refuse the audience, as it is now."""
    if (why := over_at_most(campaign, people)) is None:
        return []
    document = read_yaml(SourceText(campaign.file, campaign.text))
    return [document.at_value(("audience", "at_most"), f"audience.at_most: plan would refuse it: {why}")]


def unknown_names(project: Project, campaign: Campaign) -> list[Problem]:
    """Every course, category and cluster that the campaign names and the database does not have."""
    with reading(project.engine) as connection:
        courses = Courses.of_columns(read_courses(connection), cluster_names(connection))
    return unknown(campaign, courses, project.settings.attributes)


def template_problems(project: Project, campaign: Campaign) -> list[Problem]:
    """Every mistake in the templates of the campaign and of its variants."""
    try:
        bundle = project.templates()
    except RenderError as error:
        return [Problem("templates", 0, 0, error.message)]
    source = SourceText(campaign.file, campaign.text)
    errors: list[RenderError] = []
    project_language = project.settings.project.language
    document = read_yaml(source)
    unused = unused_lines(document, bundle, templates_of(campaign), project_language)
    for edition, subject, preheader in editions_with_lines(campaign, bundle, project_language):
        found = check_templates(bundle, template=edition, subject=subject, preheader=preheader)
        errors += [with_advice(error, bundle, edition, campaign.name) for error in found]
        errors += link_mistakes(bundle, edition)
    return [*unused, *dict.fromkeys(explain_template(error, bundle, source) for error in errors)]


def check_templates_of(project: Project, campaign: Campaign) -> None:
    """Refuse to plan with templates that could fail for everybody, or in which the lint finds errors.

    Raises:
        ConfigError: the mistakes, all of them.
    """
    problems = template_problems(project, campaign) or [
        *inlining(project, campaign).problems,
        *template_lint(project, campaign).errors,
    ]
    if problems:
        raise ConfigError(problems)
