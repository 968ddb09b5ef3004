"""Marks in the addresses of courses, so that web analytics can tell where people came from."""

from __future__ import annotations

import re

from recmail.campaign.reading import Campaign
from recmail.render.links import with_marks

_WEB = re.compile("https?://", re.IGNORECASE)
_OURS = re.compile(r"utm_(?:source|medium|campaign|content|term)(?:=|$)", re.IGNORECASE)


def with_utm(url: str, campaign: Campaign, *, block: str, course: str, variant: str | None = None) -> str:
    """Return a course's address with the campaign's utm parameters, or as it is when there are none.

    utm_campaign is the campaign's name, utm_content the block (after the variant, where there is one) and
    utm_term the course. The rest of the address stays as it is, letter by letter; parameters of these
    names that it already has are replaced, because two of one name are counted differently by each tool.
    """
    if campaign.utm is None or not _WEB.match(url):
        return url
    marks = utm_marks(campaign, variant=f"{variant}.{block}" if variant else block)
    address, hash_, fragment = url.partition("#")
    address, _, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not _OURS.match(part))
    bare = f"{address}?{kept}" if kept else address
    return with_marks(f"{bare}{hash_}{fragment}", {**marks, "utm_term": course})


def utm_marks(campaign: Campaign, *, variant: str | None = None) -> dict[str, str]:
    """Return what is added to every web link of a campaign; nothing without `utm`."""
    if campaign.utm is None:
        return {}
    marks = {
        "utm_source": campaign.utm.source,
        "utm_medium": campaign.utm.medium,
        "utm_campaign": campaign.name,
    }
    return {**marks, "utm_content": variant} if variant else marks
