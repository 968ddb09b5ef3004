"""What a marketer writes: a campaign in YAML, read with file, line and column of every mistake."""

from __future__ import annotations

from recmail.campaign.lines import explain_template
from recmail.campaign.not_yet import not_yet
from recmail.campaign.reading import Campaign, load_campaign, parse_campaign, parse_frozen
from recmail.campaign.unknown import unknown
from recmail.campaign.utm import utm_marks, with_utm

__all__ = [
    "Campaign",
    "explain_template",
    "load_campaign",
    "not_yet",
    "parse_campaign",
    "parse_frozen",
    "unknown",
    "utm_marks",
    "with_utm",
]
