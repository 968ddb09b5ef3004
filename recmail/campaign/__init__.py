"""What a marketer writes: a campaign in YAML, read with file, line and column of every mistake."""

from __future__ import annotations

from recmail.campaign.lines import explain_template
from recmail.campaign.reading import Campaign, load_campaign, parse_campaign, parse_frozen
from recmail.campaign.unknown import unknown
from recmail.campaign.utm import utm_marks, with_utm
from recmail.campaign.variants import alike, all_blocks, by_blocks, each_variant, in_variant

__all__ = [
    "Campaign",
    "alike",
    "all_blocks",
    "by_blocks",
    "each_variant",
    "explain_template",
    "in_variant",
    "load_campaign",
    "parse_campaign",
    "parse_frozen",
    "unknown",
    "utm_marks",
    "with_utm",
]
