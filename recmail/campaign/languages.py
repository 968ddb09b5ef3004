"""Words in several languages: `subject: {en: Hello, hi: नमस्ते}`, and the titles and texts of blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recmail import plugins
from recmail.campaign.blocks import PACKAGE, PRINTED, named_blocks, options_of
from recmail.campaign.explain import written
from recmail.campaign.values import check_line
from recmail.campaign.yaml import Document, Path
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
    for place, lines in _by_language(document, data):
        for tag, line in lines.items():
            path = (*place, tag)
            try:
                read_language(tag)
            except ValueError as error:
                yield document.at_key(path, f"{written(path)}: {error}")
            try:
                check_line(line)
            except ValueError as error:
                if place[0] in BY_LANGUAGE:  # the block itself says so of its own
                    yield document.at_value(path, f"{written(path)}: {error}")
        if lines and nearest(project, lines) is None:
            message = f"there is no line in {project}, the project's language, which everybody else gets"
            yield document.at_key(place, f"{written(place)}: {message}")


def _by_language(document: Document, data: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Return all that is written with a line for each language, and where."""
    for key in BY_LANGUAGE:
        if isinstance(data.get(key), dict):
            yield (key,), data[key]
    for path, name, value in named_blocks(data):
        options = options_of(plugins.load(PACKAGE, name), value)
        for option in sorted(PRINTED & options.keys()) if isinstance(options, dict) else ():
            if isinstance(options[option], dict):
                yield document.existing((*path, option)), options[option]


def unused_lines(
    document: Document, bundle: TemplateBundle, templates: Sequence[str], project: str
) -> Iterator[Problem]:
    """Return the lines in languages that no email of the campaign speaks.

    Args:
        templates: the names of those in the project's language.
    """
    there = {project, *(tag for name in templates for tag in editions(bundle, name))}
    named, files = " or ".join(map(shown, templates)), f"templates/{templates[0]}"
    for place, lines in _by_language(document, document.data):
        used = {nearest(tag, lines) for tag in there}
        for tag in lines:
            if tag not in used:
                hint = did_you_mean(tag, there) or f"; write {files}.{tag}.html.j2 and .txt.j2"
                message = f"nobody gets this line: there is no template {named} in {tag}{hint}"
                path = (*place, tag)
                yield document.at_key(path, f"{written(path)}: {message}")
