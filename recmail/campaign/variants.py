"""The campaign as the people of each variant get it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any, ClassVar

from recmail.campaign.options import Variant
from recmail.campaign.reading import Campaign
from recmail.campaign.yaml import read_yaml
from recmail.errors import Problem
from recmail.recommend.blocks import Options
from recmail.settings.source import SourceText, shown

_REPLACED = ("subject", "preheader", "template", "from_", "reply_to")


class OfOthers(Options):
    """Stands in place of a block that only the people of other variants get."""

    scalar: ClassVar[str] = ""


@dataclass(frozen=True)
class NumberedBlock:
    """One block of a campaign or of its variants.

    Attributes:
        number: in slots and everywhere else: the campaign's own come first, then those of each variant.
        variant: whose it is; None where it is the campaign's own.
    """

    number: int
    name: str
    options: Options
    variant: str | None


def each_variant(campaign: Campaign) -> dict[str | None, Campaign]:
    """Return what people may get, by the name of the variant: without any it is the campaign, by None."""
    names = [variant.name for variant in campaign.variants]
    return {name: in_variant(campaign, name) for name in names} or {None: campaign}


def in_variant(campaign: Campaign, name: str | None) -> Campaign:
    """Return the campaign with what a variant replaces; None is the campaign without any.

    Its blocks keep their numbers in the whole campaign: those that its people do not get are OfOthers.
    """
    if name is None:
        return campaign
    variant = next(one for one in campaign.variants if one.name == name)
    found: dict[str, Any] = {key: getattr(variant, key) for key in _REPLACED}
    new = {key: value for key, value in found.items() if value is not None}
    if "subject" in new:
        new["subjects"] = {}  # one line is for all languages
    if "preheader" in new:
        new["preheaders"] = {}
    if variant.blocks is not None:
        theirs = [one for one in all_blocks(campaign) if one.variant == name]
        before = theirs[0].number
        new["blocks"] = (*(OfOthers() for _ in range(before)), *(one.options for one in theirs))
        new["block_names"] = (*("" for _ in range(before)), *(one.name for one in theirs))
    return campaign.model_copy(update={**new, "variants": ()})


def all_blocks(campaign: Campaign) -> list[NumberedBlock]:
    """Return the blocks of a campaign and of all of its variants, by number."""
    named: list[tuple[str, Options, str | None]] = [
        (name, options, None) for name, options in zip(campaign.block_names, campaign.blocks, strict=True)
    ]
    named += [
        (one.name, one.options, variant.name) for variant in campaign.variants for one in variant.blocks or ()
    ]
    return [NumberedBlock(number, *one) for number, one in enumerate(named)]


def by_blocks(campaign: Campaign) -> dict[str | None, Campaign]:
    """Return what differs in its blocks, by variants that have their own; None for all other people."""
    found: dict[str | None, Campaign] = {None: campaign} if gets_own_blocks(campaign) else {}
    own = [variant.name for variant in campaign.variants if variant.blocks is not None]
    return found | {name: in_variant(campaign, name) for name in own}


def gets_own_blocks(campaign: Campaign) -> bool:
    """Tell whether anybody gets the campaign's own blocks: not where every variant has others."""
    return not campaign.variants or any(variant.blocks is None for variant in campaign.variants)


def looks_back(campaign: Campaign) -> timedelta | None:
    """Return how far back any block asks what people were emailed; None when none does."""
    asked = (getattr(block.options, "not_again_within", None) for block in all_blocks(campaign))
    return max((within for within in asked if within is not None), default=None)


def alike(campaign: Campaign) -> Iterator[Problem]:
    """Return a note where two variants are the same email: that is right for an A/A test only."""
    document = read_yaml(SourceText(campaign.file, campaign.text))
    for (_, first), (number, second) in combinations(enumerate(campaign.variants), 2):
        if _what(campaign, first) == _what(campaign, second):
            message = (
                f"variants[{number}]: {shown(second.name)} is the same email as {shown(first.name)}: "
                "good for an A/A test only"
            )
            yield document.at_value(("variants", number, "name"), message)


def _what(campaign: Campaign, variant: Variant) -> Mapping[str, Any]:
    made = in_variant(campaign, variant.name)
    names = variant.blocks and [(one.name, one.options) for one in variant.blocks]
    return {**{key: getattr(made, key) for key in (*_REPLACED, "subjects", "preheaders")}, "blocks": names}
