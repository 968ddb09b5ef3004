"""Subjects and preheaders in several languages: `subject: {en: Hello, hi: नमस्ते}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recmail.campaign.explain import written
from recmail.campaign.values import check_line
from recmail.campaign.yaml import Document
from recmail.errors import Problem, did_you_mean
from recmail.render.bundle import TemplateBundle
from recmail.render.languages import editions, nearest
from recmail.settings.source import shown
from recmail.settings.values import language as read_language

BY_LANGUAGE = ("subject", "preheader")
"""The keys that may have a line for each language."""


def language_mistakes(document: Document, data: Mapping[str, Any], project: str) -> Iterator[Problem]:
    """Return what is wrong with lines by language, each at its place; what is in them `lines` checks.

    Args:
        project: the language of the project, which everybody gets for whose language there is no line.
    """
    for key in BY_LANGUAGE:
        lines = data.get(key)
        if not isinstance(lines, dict):
            continue
        for tag, line in lines.items():
            path = (key, tag)
            try:
                read_language(tag)
            except ValueError as error:
                yield document.at_key(path, f"{written(path)}: {error}")
            try:
                check_line(line)
            except ValueError as error:
                yield document.at_value(path, f"{written(path)}: {error}")
        if lines and nearest(project, lines) is None:
            message = f"there is no line in {project}, the project's language, which everybody else gets"
            yield document.at_key((key,), f"{key}: {message}")


def unused_lines(
    document: Document, bundle: TemplateBundle, template: str, project: str
) -> Iterator[Problem]:
    """Return the lines in languages that no email of the campaign speaks."""
    there = {project, *editions(bundle, template)}
    for key in BY_LANGUAGE:
        lines = document.data.get(key)
        if not isinstance(lines, dict):
            continue
        used = {nearest(tag, lines) for tag in there}
        for tag in lines:
            if tag not in used:
                hint = did_you_mean(tag, there) or f"; write templates/{template}.{tag}.html.j2 and .txt.j2"
                message = f"nobody gets this line: there is no template {shown(template)} in {tag}{hint}"
                yield document.at_key((key, tag), f"{key}.{tag}: {message}")
