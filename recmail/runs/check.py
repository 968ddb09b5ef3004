"""Checks campaigns before anybody is planned: the YAML, the segment, the templates; and counts people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from recmail.campaign import Campaign, explain_template, not_yet, unknown
from recmail.db.connect import reading
from recmail.db.courses import read_courses
from recmail.errors import ConfigError, Problem, RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.check import check_templates
from recmail.render.email import how_inlined
from recmail.runs.funnel import read_funnel
from recmail.runs.project import Project
from recmail.segment import Courses
from recmail.settings.source import SourceText


@dataclass(frozen=True)
class Checked:
    """What is wrong with one campaign, and how many people it addresses.

    Attributes:
        slow: why the styles of a template are inlined for every message; nothing when once for all.
        slow_ms: what that costs for each message; None where it could not be measured.
        people: the audience now; None when it could not be counted.
        not_yet: what the file asks for that this version cannot plan.
        emptied_by: the rule that leaves nobody, of those whom the rules before it had left.
    """

    campaign: str
    problems: Sequence[Problem]
    not_yet: Sequence[Problem]
    people: int | None
    emptied_by: str | None = None
    slow: Sequence[Problem] = ()
    slow_ms: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result with stable keys, for --json; what is not built yet is a warning."""
        found = [(problem, "error") for problem in self.problems]
        found += [(problem, "warning") for problem in (*self.not_yet, *self.slow)]
        return {
            "campaign": self.campaign,
            "good": self.good,
            "people": self.people,
            "emptied_by": self.emptied_by,
            "styles_inlined": "per message" if self.slow else "once",
            "inlining_ms": None if self.slow_ms is None else round(self.slow_ms, 1),
            "problems": [{**asdict(problem), "severity": severity} for problem, severity in found],
        }

    @property
    def slow_in_words(self) -> str:
        """What it costs that the styles are inlined for every message."""
        return slow_in_words(self.slow_ms, self.people or 0)

    @property
    def good(self) -> bool:
        """Nothing is wrong with it."""
        return not self.problems


def slow_in_words(ms: float | None, people: int) -> str:
    """Say that styles are inlined for every message, and how long that takes."""
    said = "its styles are inlined for every message, not once for all"
    if ms is None:
        return said
    minutes = ms * people / 60_000
    return f"{said} ({ms:,.0f} ms each" + (f", {minutes:,.0f} minutes in all)" if minutes >= 1 else ")")


def check(project: Project, name: str, *, now: datetime) -> Checked:
    """Report everything that is wrong with a campaign at once."""
    try:
        campaign = project.campaign(name)
    except ConfigError as error:
        return Checked(name, error.problems, [], None)
    problems = [*unknown_names(project, campaign), *template_problems(project, campaign)]
    slow, slow_ms = list[Problem](), None
    if not problems:
        problems, slow, slow_ms = inlining(project, campaign)
    funnel = read_funnel(project, campaign, now=now)
    emptied_by = next((step.rule for step in funnel if not step.people), None) if funnel[0].people else None
    people = funnel[-1].people
    return Checked(campaign.name, problems, not_yet(campaign), people, emptied_by, slow, slow_ms)


def unknown_names(project: Project, campaign: Campaign) -> list[Problem]:
    """Every course and category that the campaign names and the database does not have."""
    with reading(project.engine) as connection:
        courses = Courses.of_columns(read_courses(connection))
    return unknown(campaign, courses, project.settings.attributes)


def template_problems(project: Project, campaign: Campaign) -> list[Problem]:
    """Every mistake in the templates of the campaign and of its variants."""
    try:
        bundle = project.templates()
    except RenderError as error:
        return [Problem("templates", 0, 0, error.message)]
    source = SourceText(campaign.file, campaign.text)
    errors: list[RenderError] = []
    for name in _templates(campaign):
        errors += check_templates(
            bundle, template=name, subject=campaign.subject, preheader=campaign.preheader
        )
    return list(dict.fromkeys(explain_template(error, bundle, source) for error in errors))


def _templates(campaign: Campaign) -> list[str]:
    named = (variant.template for variant in campaign.variants if variant.template)
    return sorted({campaign.template, *named})


def inlining(project: Project, campaign: Campaign) -> tuple[list[Problem], list[Problem], float | None]:
    """Return why styles cannot be inlined at all, why they are inlined for every message, at what cost.

    The templates must be free of mistakes. The cost is that of the slowest, in milliseconds for a message.
    """
    bundle = project.templates()
    problems, slow, slowest = list[Problem](), list[Problem](), None
    for name in _templates(campaign):
        try:
            reasons, cost = how_inlined(bundle, f"{name}.html.j2")
        except RenderError as error:
            problems.append(_in_template(error, bundle))
            continue
        slow += [_in_template(reason, bundle) for reason in reasons]
        slowest = max([one for one in (slowest, cost) if one is not None], default=None)
    return problems, slow, slowest


def _in_template(error: RenderError, bundle: TemplateBundle) -> Problem:
    source = SourceText(f"templates/{error.template}", bundle.files.get(error.template, ""))
    start = source.offset_of_line(error.line)
    line = source.line_at(start)
    return source.problem(start + len(line) - len(line.lstrip()), error.message)


def check_templates_of(project: Project, campaign: Campaign) -> None:
    """Refuse to plan with templates that could fail for everybody.

    Raises:
        ConfigError: the mistakes, all of them.
    """
    problems = template_problems(project, campaign)
    if problems:
        raise ConfigError(problems)
