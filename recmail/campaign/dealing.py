"""Who of a shard gets what of a campaign: nobody of the control group anything, the others their variant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from recmail.campaign.reading import Campaign
from recmail.campaign.variants import by_blocks
from recmail.records import Shard
from recmail.segment.control_group import in_control_group
from recmail.segment.variants import Allotment


@dataclass(frozen=True)
class Part:
    """People of a shard whose emails are filled from the same blocks.

    Attributes:
        campaign: with these blocks.
        group: the variant whose blocks these are; None for the campaign's own.
        variants: of each of them.
        held_out: they are the control group: only whether they would have enough courses is worked out.
    """

    shard: Shard
    campaign: Campaign
    group: str | None
    variants: Sequence[str | None]
    held_out: bool = False


def parts(shard: Shard | None, campaign: Campaign, allotment: Allotment | None) -> Iterator[Part]:
    """Cut the people of a shard who may be mailed by the blocks that fill their emails.

    Args:
        allotment: None where the campaign has no variants.
    """
    if shard is None:
        return
    ids = shard.people["user_id"].to_numpy()
    held_out, campaigns = is_held_out(ids, campaign), by_blocks(campaign)
    names = np.full(len(shard), None, dtype=object)
    if allotment is not None:
        names = np.array(allotment.names, dtype=object)[allotment.of(ids)]
    groups = np.array([name if name in campaigns else None for name in names], dtype=object)
    for group, one in campaigns.items():
        rows = np.flatnonzero((groups == group) & ~held_out)
        if len(rows):
            yield Part(shard.of(rows), one, group, names[rows].tolist())
    rows = np.flatnonzero(held_out)
    if len(rows):
        yield Part(shard.of(rows), campaign, None, [None] * len(rows), held_out=True)


def is_held_out(user_ids: np.ndarray, campaign: Campaign) -> np.ndarray:
    """Tell who of these people is in the control group of a campaign: bool."""
    return in_control_group(user_ids, campaign.name, campaign.audience.control_group)


def expected_allotment(campaign: Campaign, seed: int) -> Allotment | None:
    """Allot variants by their shares, before anybody counted the audience; None where there are none.

    Args:
        seed: of the run.
    """
    return Allotment.of_shares(str(seed), _shares(campaign)) if campaign.variants else None


def exact_allotment(campaign: Campaign, seed: int, drawn: Sequence[np.ndarray]) -> Allotment:
    """Allot variants exact to one person.

    Args:
        drawn: the numbers of all who may be mailed, in any pieces.
    """
    return Allotment.of_people(str(seed), _shares(campaign), np.concatenate(drawn))


def _shares(campaign: Campaign) -> list[tuple[str, float]]:
    return [(variant.name, variant.share) for variant in campaign.variants]
