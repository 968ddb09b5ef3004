"""What a campaign may already say although it is not built: `check` notes it, and `plan` refuses it."""

from __future__ import annotations

from collections.abc import Iterator

from recmail.campaign.blocks import Block, read_blocks, set_fields
from recmail.campaign.explain import written
from recmail.campaign.reading import Campaign
from recmail.campaign.yaml import Document, Path, read_yaml
from recmail.errors import Problem
from recmail.settings.source import SourceText

LATER_KEYS: tuple[Path, ...] = (
    ("audience", "control_group"),
    ("variants",),
    ("speed",),
)


def not_yet(campaign: Campaign) -> list[Problem]:
    """Return everything in a campaign that is documented but not built, in the order of the file."""
    document = read_yaml(SourceText(campaign.file, campaign.text))
    data = document.data
    problems = [_problem(document, path) for path in LATER_KEYS if _is_set(data, path)]
    blocks, _ = read_blocks(document, data["blocks"], ("blocks",))
    for block in blocks:
        problems += [_problem(document, path) for path in _later_parts(block)]
    return sorted(problems)


def _is_set(data: object, path: Path) -> bool:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data is not None


def _later_parts(block: Block) -> Iterator[Path]:
    for path in set_fields(block.options, ()):
        if ".".join(map(str, path)) in block.options.not_yet:
            yield (*block.path, *path)


def _problem(document: Document, path: Path) -> Problem:
    return document.at_key(path, f"{written(path)}: is not built yet")
