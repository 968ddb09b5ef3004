"""What the lint finds in a campaign's templates without anybody's email; remembered while they stay alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from recmail.campaign import Campaign, explain_template
from recmail.campaign.explain import written
from recmail.campaign.yaml import read_yaml
from recmail.errors import Problem, RenderError
from recmail.render.bundle import TemplateBundle
from recmail.runs.editions import editions_with_lines
from recmail.runs.project import Project
from recmail.runs.remembered import keep, recall
from recmail.settings.source import SourceText

FILE = "lint.json"
Row = list[Any]
"""Severity, rule, what was found, how to mend it, template and line: a Finding as JSON."""


@dataclass(frozen=True)
class TemplateLint:
    """What is wrong with templates, and what only might be."""

    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def template_lint(project: Project, campaign: Campaign) -> TemplateLint:
    """Look at the templates of a campaign, in all languages; they must be free of mistakes."""
    bundle = project.templates()
    found = _found(project, campaign, bundle, recall(project.folder, FILE, bundle))
    source = SourceText(campaign.file, campaign.text)
    problems: dict[str, dict[Problem, None]] = {"error": {}, "warning": {}}  # parts are shared by languages
    for key, rows in found.items():
        for severity, rule, what, fix, template, line in rows:
            placed = RenderError(f"{what}; {fix} ({rule})", template=template, line=line)
            _, subject, preheader = json.loads(key)
            words = {"subject": subject, "preheader": preheader}.get(template)
            problems[severity][_problem(placed, bundle, source, words)] = None
    return TemplateLint(tuple(problems["error"]), tuple(problems["warning"]))


def remember_lint(project: Project, campaign: Campaign) -> None:
    """Keep what was found in a campaign's templates, for those who ask later."""
    bundle = project.templates()
    known = recall(project.folder, FILE, bundle)
    found = _found(project, campaign, bundle, known)
    if not found.keys() <= known.keys():
        keep(project.folder, FILE, bundle, known | found)


def _found(
    project: Project, campaign: Campaign, bundle: TemplateBundle, known: Mapping[str, list[Row]]
) -> dict[str, list[Row]]:
    asked = editions_with_lines(campaign, bundle, project.settings.project.language)
    keys = [json.dumps(one) for one in asked]
    return {key: known[key] if key in known else _find(bundle, key) for key in keys}


@lru_cache(maxsize=64)
def _find(bundle: TemplateBundle, key: str) -> list[Row]:
    from recmail.render.lint import lint_templates  # which takes premailer

    template, subject, preheader = json.loads(key)
    found = lint_templates(bundle, template, subject=subject, preheader=preheader)
    return [[one.severity, one.rule, one.found, one.fix, one.template, one.line] for one in found]


def _problem(found: RenderError, bundle: TemplateBundle, source: SourceText, words: str | None) -> Problem:
    """Say where it stands: in a template's file, or in a line of the campaign, or of one of its variants.

    Args:
        words: of that line.
    """
    if found.template in bundle.files:
        return explain_template(found, bundle, source)
    document = read_yaml(source)
    for number, variant in enumerate(document.data.get("variants") or ()):
        if words is not None and variant.get(found.template) == words:
            place = "variants", number, found.template
            return document.at_value(place, f"{written(place)}: {found.message}")
    if found.template in document.data:
        return document.at_value((found.template,), f"{found.template}: {found.message}")
    return document.at_key((), found.message)
