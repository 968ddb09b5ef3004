"""Whether styles are inlined once or for every message; remembered while the templates stay as they are.

To find it out takes premailer, whose import and work cost more than all else that `recmail check` does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from recmail import __version__
from recmail.campaign import Campaign
from recmail.errors import Problem, RenderError
from recmail.render.bundle import TemplateBundle
from recmail.render.languages import editions
from recmail.runs.project import Project
from recmail.settings.source import SourceText

FILE = Path(".recmail/cache/inlining.json")


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


def templates_of(campaign: Campaign) -> list[str]:
    """The names of the templates that a campaign and its variants use, of those in the project's language."""
    named = (variant.template for variant in campaign.variants if variant.template)
    return sorted({campaign.template, *named})


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
    known = _read(project.folder, bundle)
    found = _by_template(project, campaign)
    if not found.keys() <= known.keys():
        _write(project.folder, bundle, known | found)


def _by_template(project: Project, campaign: Campaign) -> dict[str, Inlining]:
    bundle = project.templates()
    known = _read(project.folder, bundle)
    names = [
        edition for name in templates_of(campaign) for edition in (name, *editions(bundle, name).values())
    ]
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


def _state(bundle: TemplateBundle) -> str:
    return f"{__version__} {bundle.content_hash}"


def _read(folder: Path, bundle: TemplateBundle) -> dict[str, Inlining]:
    """Return what was found out about these very templates by this version, by name."""
    try:
        kept: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
        return {name: _inlining(**one) for name, one in kept.get(_state(bundle), {}).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # nothing was kept, or by another version: it is found out again


def _inlining(problems: list[dict[str, Any]], slow: list[dict[str, Any]], slow_ms: float | None) -> Inlining:
    return Inlining(tuple(Problem(**one) for one in problems), tuple(Problem(**one) for one in slow), slow_ms)


def _write(folder: Path, bundle: TemplateBundle, found: dict[str, Inlining]) -> None:
    path = folder / FILE
    text = json.dumps({_state(bundle): {name: asdict(one) for name, one in found.items()}})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / ".gitignore").write_text("*\n", "utf-8")
        part = path.with_suffix(".part")
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError:
        pass  # a project that cannot be written to is checked all the same
