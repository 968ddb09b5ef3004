"""The blocks of a campaign: each is a plug-in's name with that plug-in's options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from recmail import plugins
from recmail.campaign.explain import explain_values, written
from recmail.campaign.segments import where_mistakes
from recmail.campaign.yaml import Document, Path
from recmail.errors import Problem, did_you_mean
from recmail.recommend.blocks import Options
from recmail.render.languages import TAG
from recmail.settings.source import shown

PACKAGE = "recommend.blocks"
PRINTED = frozenset({"title", "text"})
"""Options that are printed as they are; each may have a text for each language."""
_TAG = re.compile(TAG)
_TEMPLATE_MARK = re.compile(r"\{\{|\{%|\{#")


@dataclass(frozen=True)
class Block:
    """One entry of `blocks`."""

    name: str
    path: Path
    options: Options


def read_blocks(document: Document, value: Any, path: Path) -> tuple[list[Block], list[Problem]]:
    """Return the blocks at a path, and every mistake in them.

    Args:
        value: what the document has at that path.
    """
    if not isinstance(value, list) or not value:
        instead = "is empty" if value in ([], None) else f"found {shown(value)}"
        no_space = isinstance(value, dict) and any(name.startswith("-") for name in value)
        hint = "; write a space after -" if no_space else ""
        message = f"{written(path)}: {instead}; expected a list such as - top_picks: 3{hint}"
        return [], [document.at_value(path, message)]
    blocks: list[Block] = []
    problems: list[Problem] = []
    for number, item in enumerate(value):
        block, wrong = _read_block(document, item, (*path, number))
        blocks += [block] if block else []
        problems += wrong
    return blocks, problems


def every_block(document: Document) -> Iterator[Block]:
    """Return the blocks of a campaign without mistakes, then those of its variants."""
    data = document.data
    yield from read_blocks(document, data["blocks"], ("blocks",))[0]
    for number, variant in enumerate(data.get("variants") or ()):
        if "blocks" in variant:
            yield from read_blocks(document, variant["blocks"], ("variants", number, "blocks"))[0]


def _read_block(document: Document, item: Any, path: Path) -> tuple[Block | None, list[Problem]]:
    named = {item: None} if isinstance(item, str) else item
    if not isinstance(named, dict) or not named:
        message = f"{written(path)}: found {shown(item)}; expected a block such as top_picks: 3"
        return None, [document.at_value(path, message)]
    if len(named) != 1:
        first, *others = named
        message = (
            f"{written(path)}: expected one block; indent {others[0]} deeper than {first}, or begin it with -"
        )
        return None, [document.at_key((*path, others[0]), message)]
    name, options = next(iter(named.items()))
    full = path if isinstance(item, str) else (*path, name)
    built = plugins.names(PACKAGE)
    if name in built:
        return _built_block(document, name, options, full)
    hint = did_you_mean(name, built) or f"; there are: {', '.join(built)}"
    return None, [document.at_key(full, f"{written(path)}: unknown block {shown(name)}{hint}")]


def _built_block(document: Document, name: str, value: Any, path: Path) -> tuple[Block | None, list[Problem]]:
    kind: type[Options] = plugins.load(PACKAGE, name)
    options = options_of(kind, value)
    problems = list(_check_names(document, options, path)) if isinstance(options, dict) else []
    try:
        return Block(name, path, kind.model_validate(options)), problems
    except ValidationError as error:
        return None, problems + explain_values(document, error, kind, path)


def options_of(kind: type[Options], value: Any) -> Any:
    """Return what stands under a block's name as options: a single value, and a text by language, are one."""
    if value is None:
        return {}
    by_language = kind.scalar in PRINTED and isinstance(value, dict) and any(map(_TAG.fullmatch, value))
    return value if isinstance(value, dict | list) and not by_language else {kind.scalar: value}


def named_blocks(data: Mapping[str, Any]) -> Iterator[tuple[Path, str, Any]]:
    """Return the path, name and options of each block that there is, those of variants too."""
    variants = data.get("variants")
    owners: list[tuple[Path, Any]] = [((), data)]
    owners += [
        (("variants", at), one) for at, one in enumerate(variants if isinstance(variants, list) else ())
    ]
    for path, owner in owners:
        blocks = owner.get("blocks") if isinstance(owner, dict) else None
        for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
            for name, value in block.items() if isinstance(block, dict) else ():
                if name in plugins.names(PACKAGE):
                    yield (*path, "blocks", number, name), name, value


def _check_names(document: Document, options: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """Check what a plug-in cannot know by itself: other plug-ins' names, and that its words are final."""
    for option in sorted(PRINTED & options.keys()):
        words = options[option]
        for tag, line in words.items() if isinstance(words, dict) else [("", words)]:
            if isinstance(line, str) and _TEMPLATE_MARK.search(line):
                message = "is printed as it is; {{ }} works in subject, preheader and templates"
                yield _problem(
                    document, (*document.existing((*path, option)), *([tag] if tag else [])), message
                )
    where = options.get("where")
    if isinstance(where, str):
        yield from where_mistakes(document, (*path, "where"), where)
    scorer, fallback = options.get("scorer"), options.get("fallback")
    if isinstance(scorer, str):
        yield from _unknown(document, (*path, "scorer"), "scorer", scorer, scorer_names())
    for number, name in enumerate(fallback if isinstance(fallback, list) else ()):
        if isinstance(name, str):
            yield from _unknown(document, (*path, "fallback", number), "block", name, fallback_names())


def _unknown(document: Document, path: Path, kind: str, name: str, known: set[str]) -> Iterator[Problem]:
    if name not in known:
        hint = did_you_mean(name, known) or f"; expected one of {', '.join(sorted(known))}"
        yield _problem(document, path, f"unknown {kind} {shown(name)}{hint}")


def _problem(document: Document, path: Path, message: str) -> Problem:
    return document.at_value(path, f"{written(document.existing(path))}: {message}")


def scorer_names() -> set[str]:
    """Return every name that `scorer` may have; trending is only what training compares with."""
    return {"auto", *plugins.names("recommend")} - {"trending"}


def fallback_names() -> set[str]:
    """Return the names of all blocks that offer courses, so that others can fall back on them."""
    kinds = {name: plugins.load(PACKAGE, name) for name in plugins.names(PACKAGE)}
    return {name for name, kind in kinds.items() if hasattr(kind, "offer")}
