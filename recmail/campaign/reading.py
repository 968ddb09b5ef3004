"""Reading a campaign: YAML to options, with every mistake of a file said at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SkipValidation, ValidationError

from recmail.campaign.blocks import Block, read_blocks
from recmail.campaign.explain import explain_values, written
from recmail.campaign.languages import BY_LANGUAGE, language_mistakes
from recmail.campaign.lines import line_mistakes
from recmail.campaign.options import CampaignKeys
from recmail.campaign.segments import who_mistakes
from recmail.campaign.yaml import Document, read_yaml
from recmail.campaign.yaml import Path as Place
from recmail.errors import ConfigError, Problem, did_you_mean
from recmail.recommend.blocks import Options, Words, fallback_block
from recmail.render.bundle import TemplateBundle
from recmail.render.languages import editions, nearest
from recmail.settings import Settings
from recmail.settings.secret import looks_secret
from recmail.settings.source import SourceText, read_source, shown

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Campaign(CampaignKeys):
    """A campaign as it was written.

    Attributes:
        name: the file's name.
        file: where it is, for messages.
        text: the YAML as it was read.
        blocks: the options of each block, in order.
        block_names: their names.
        subjects: by language, where the campaign has more than one; `subject` is the project's language.
        preheaders: the same.
    """

    name: str
    file: str
    text: str
    subjects: Mapping[str, str] = Field({}, strict=False)
    preheaders: Mapping[str, str] = Field({}, strict=False)
    blocks: SkipValidation[tuple[Options, ...]]
    block_names: tuple[str, ...]

    def lines_in(self, bundle: TemplateBundle, language: str) -> dict[str, tuple[str, str | None]]:
        """Return subject and preheader for each language of the template and for the project's."""
        return {
            tag: (
                _nearest_line(self.subjects, tag, language) or self.subject,
                _nearest_line(self.preheaders, tag, language) or self.preheader,
            )
            for tag in (language, *editions(bundle, self.template))
        }

    def headings(self) -> list[dict[str, Words | None]]:
        """Return name, title and text of each block, None where it has none; by language where written so."""
        return [
            {"name": name, "title": getattr(block, "title", None), "text": getattr(block, "text", None)}
            for name, block in zip(self.block_names, self.blocks, strict=True)
        ]

    def fallback_titles(self) -> dict[str, str | None]:
        """Return the titles of the blocks that others fall back on, by name."""
        names = {name for block in self.blocks for name in getattr(block, "fallback", ())}
        return {name: getattr(fallback_block(name), "title", None) for name in sorted(names)}


def load_campaign(path: Path, settings: Settings) -> Campaign:
    """Read a campaign file; sender and provider that it leaves out come from the settings.

    Raises:
        ConfigError: every mistake, each at its place.
    """
    inside = path.is_relative_to(settings.folder)
    file = (path.relative_to(settings.folder) if inside else path).as_posix()
    if not _NAME.fullmatch(path.stem):
        message = (
            f"{shown(path.stem)} cannot be a campaign's name; use letters, digits, - and _ (at most 100)"
        )
        raise ConfigError([Problem(file, 0, 0, message)])
    return parse_campaign(read_source(path, file=file), path.stem, settings)


def parse_campaign(source: SourceText, name: str, settings: Settings) -> Campaign:
    """Read a campaign from a text, as `load_campaign` does from a file."""
    campaign = _parse(source, name, settings)
    defaults = {
        "from_": campaign.from_ or settings.sender.from_,
        "provider": campaign.provider or settings.delivery.provider,
    }
    return campaign.model_copy(update=defaults)


def parse_frozen(text: str, name: str) -> Campaign:
    """Read the campaign of a run again from the text that was frozen with it."""
    return _parse(SourceText(f"campaigns/{name}.yaml", text), name, None)


def _parse(source: SourceText, name: str, settings: Settings | None) -> Campaign:
    document = read_yaml(source)
    data = document.data
    blocks, of_variants, problems = _all_blocks(document, data)
    problems += _check_values(document, _one_for_all(data, settings))
    problems += _check_words(document, data)
    problems += _check_secrets(document)
    if settings is not None:
        problems += who_mistakes(document, data, settings.attributes)
        problems += _check_against(document, data, settings)
        problems += language_mistakes(document, data, settings.project.language)
    unread = {problem.line for problem in document.problems}
    problems = [problem for problem in problems if problem.line not in unread]
    if document.problems or problems:
        raise ConfigError(sorted({*document.problems, *problems}))
    campaign = Campaign.model_validate(
        {
            **_one_for_all(data, settings),
            "subjects": data["subject"] if isinstance(data.get("subject"), dict) else {},
            "preheaders": data["preheader"] if isinstance(data.get("preheader"), dict) else {},
            "name": name,
            "file": source.file,
            "text": source.text,
            "blocks": tuple(block.options for block in blocks),
            "block_names": tuple(block.name for block in blocks),
        }
    )
    variants = (
        variant.model_copy(update={"blocks": of_variants.get(number)})
        for number, variant in enumerate(campaign.variants)
    )
    return campaign.model_copy(update={"variants": tuple(variants)})


def _one_for_all(data: Mapping[str, Any], settings: Settings | None) -> dict[str, Any]:
    """Return the values with one subject and preheader: the project's language, or the first one's.

    Lines by language are checked by `language_mistakes`, each at its place.
    """
    values = dict(data)
    for key in BY_LANGUAGE:
        lines = values.get(key)
        if isinstance(lines, dict) and lines:
            language = settings.project.language if settings else ""
            line = _nearest_line(lines, language, next(iter(lines)))
            values[key] = line if isinstance(line, str) and line.strip() else "-"
    return values


def _nearest_line(lines: Mapping[str, str], language: str, default: str) -> str | None:
    return lines.get(nearest(language, lines) or nearest(default, lines) or "")


def _all_blocks(
    document: Document, data: Mapping[str, Any]
) -> tuple[list[Block], dict[int, list[Block]], list[Problem]]:
    """Read the blocks of the campaign, and those of its variants by their number."""
    blocks: list[Block] = []
    problems: list[Problem] = []
    if "blocks" in data:
        blocks, problems = read_blocks(document, data["blocks"], ("blocks",))
    of_variants: dict[int, list[Block]] = {}
    variants = data.get("variants")
    for number, variant in enumerate(variants if isinstance(variants, list) else ()):
        if isinstance(variant, dict) and "blocks" in variant:
            path = ("variants", number, "blocks")
            of_variants[number], wrong = read_blocks(document, variant["blocks"], path)
            problems += wrong
    return blocks, of_variants, problems


def _check_values(document: Document, data: Mapping[str, Any]) -> list[Problem]:
    try:
        CampaignKeys.model_validate(data)
    except ValidationError as error:
        return explain_values(document, error, CampaignKeys)
    return []


def _check_words(document: Document, data: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the lines that are Jinja, at their places inside the value."""
    variants = data.get("variants")
    owners: list[tuple[Place, Any]] = [((), data)]
    owners += [
        (("variants", number), one)
        for number, one in enumerate(variants if isinstance(variants, list) else ())
    ]
    for path, owner in owners:
        for key in BY_LANGUAGE:
            line = owner.get(key) if isinstance(owner, dict) else None
            lines = line if isinstance(line, dict) and not path else {"": line}
            for tag, text in lines.items():
                if isinstance(text, str):
                    yield from line_mistakes(document, text, (*path, key, tag) if tag else (*path, key))


def _check_secrets(document: Document) -> Iterator[Problem]:
    for path, scalar in document.scalars():
        if looks_secret(scalar.text):
            message = "looks like a secret; keep it with the provider in recmail.toml, as env:NAME"
            yield document.at_value(path, f"{written(path)}: {message}")


def _check_against(document: Document, data: Mapping[str, Any], settings: Settings) -> Iterator[Problem]:
    """Check names that recmail.toml defines."""
    for key, section, known in (
        ("topic", "topics", settings.topics),
        ("provider", "provider", settings.providers),
    ):
        name = data.get(key)
        if isinstance(name, str) and name not in known and not looks_secret(name):
            hint = did_you_mean(name, known) or f"; there are: {', '.join(known) or 'none'}"
            message = f"{key}: {shown(name)} is not in [{section}] of recmail.toml{hint}"
            yield document.at_value((key,), message)
