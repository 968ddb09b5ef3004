"""Whether styles are inlined once or for every message; remembered while the templates stay as they are.

To find it out takes premailer, whose import and work cost more than all else that `recmail check` does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from recmail.campaign import Campaign
from recmail.errors import Problem, RenderError
from recmail.render.bundle import TemplateBundle
from recmail.runs.editions import editions_of
from recmail.runs.project import Project
from recmail.runs.remembered import keep, recall
from recmail.settings.source import SourceText

FILE = "inlining.json"


@dataclass(frozen=True)
class Inlining:
    """How the styles of a campaign's templates are inlined.

    Attributes:
        problems: why they cannot be inlined at all.
        slow: why they are inlined for every message; nothing when once for all.
        slow_ms: what the slowest template costs for each message; None where that could not be measured.
    """

    problems: tuple[Problem, ...] = ()
    slow: tuple[Problem, ...] = ()
    slow_ms: float | None = None

    def in_words(self, people: int) -> str:
        """Say that styles are inlined for every message, and how long that takes."""
        said = "its styles are inlined for every message, not once for all"
        if self.slow_ms is None:
            return said
        minutes = self.slow_ms * people / 60_000
        return f"{said} ({self.slow_ms:,.0f} ms each" + (
            f", {minutes:,.0f} minutes in all)" if minutes >= 1 else ")"
        )


def inlining(project: Project, campaign: Campaign) -> Inlining:
    """Return how the styles of a campaign's templates are inlined; these must be free of mistakes."""
    found = _by_template(project, campaign).values()
    return Inlining(
        tuple(problem for one in found for problem in one.problems),
        tuple(dict.fromkeys(reason for one in found for reason in one.slow)),
        max((one.slow_ms for one in found if one.slow_ms is not None), default=None),
    )


def remember(project: Project, campaign: Campaign) -> None:
    """Keep what was found out about a campaign's templates, for those who ask later."""
    bundle = project.templates()
    known = _known(project, bundle)
    found = _by_template(project, campaign)
    if not found.keys() <= known.keys():
        both = known | found
        keep(project.folder, FILE, bundle, {name: asdict(one) for name, one in both.items()})


def _by_template(project: Project, campaign: Campaign) -> dict[str, Inlining]:
    bundle = project.templates()
    known = _known(project, bundle)
    names = editions_of(campaign, bundle)
    return {name: known.get(name) or _find_out(bundle, f"{name}.html.j2") for name in names}


@lru_cache(maxsize=64)
def _find_out(bundle: TemplateBundle, name: str) -> Inlining:
    from recmail.render.email import how_inlined

    try:
        reasons, cost = how_inlined(bundle, name)
    except RenderError as error:
        return Inlining(problems=(_in_template(error, bundle),))
    return Inlining(slow=tuple(_in_template(reason, bundle) for reason in reasons), slow_ms=cost)


def _in_template(error: RenderError, bundle: TemplateBundle) -> Problem:
    source = SourceText(f"templates/{error.template}", bundle.files.get(error.template, ""))
    start = source.offset_of_line(error.line)
    line = source.line_at(start)
    return source.problem(start + len(line) - len(line.lstrip()), error.message)


def _known(project: Project, bundle: TemplateBundle) -> dict[str, Inlining]:
    """Return what was found out about these very templates by this version, by name."""
    try:
        return {name: _inlining(**one) for name, one in recall(project.folder, FILE, bundle).items()}
    except (TypeError, AttributeError):
        return {}  # as nobody but recmail writes it: it is found out again


def _inlining(problems: list[dict[str, Any]], slow: list[dict[str, Any]], slow_ms: float | None) -> Inlining:
    return Inlining(tuple(Problem(**one) for one in problems), tuple(Problem(**one) for one in slow), slow_ms)
