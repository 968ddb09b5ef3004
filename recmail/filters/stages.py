"""The steps in which a block is filled: from its own offer, then from the blocks that it falls back on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recmail.recommend.blocks import Block, fallback_block


@dataclass(frozen=True)
class Stage:
    """One block of the campaign, and one offer that fills it.

    Attributes:
        number: the block's index in the campaign.
        block: what is filled.
        name: the plug-in that offers.
        source: whose offer it is: the block's own, or that of a fallback.
    """

    number: int
    block: Block
    name: str
    source: Block

    @property
    def limited(self) -> bool:
        """Whether exposure counts it: who goes on with what they have begun takes no seat from anybody."""
        return "already_taken" not in self.source.exempt


def stages(number: int, block: Block) -> Iterator[Stage]:
    """Yield the steps of one block, in order."""
    yield Stage(number, block, _plugin_name(type(block)), block)
    for name in block.fallback:
        yield Stage(number, block, name, fallback_block(name))


def all_stages(blocks: Sequence[object]) -> list[Stage]:
    """Return the steps of all blocks that offer courses, top to bottom."""
    courses = [(number, block) for number, block in enumerate(blocks) if isinstance(block, Block)]
    return [stage for number, block in courses for stage in stages(number, block)]


def _plugin_name(block: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", block.__name__).lower()
