"""What a campaign records of people who agreed to it, and what it could not record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from recmail.campaign.reading import Campaign
from recmail.campaign.yaml import read_yaml
from recmail.errors import Problem
from recmail.settings import Settings
from recmail.settings.source import SourceText


@dataclass(frozen=True)
class Tracking:
    """What a campaign records of those who agreed to it."""

    clicks: bool
    opens: bool

    def __bool__(self) -> bool:
        return self.clicks or self.opens


def tracking_of(campaign: Campaign, printed: Mapping[str, Any]) -> Tracking:
    """Return what a campaign says itself, else what recmail.toml said when its run was planned."""
    default: Mapping[str, bool] = printed.get("tracking", {})
    own = campaign.tracking
    clicks, opens = (None, None) if own is None else (own.clicks, own.opens)
    return Tracking(
        default.get("clicks", False) if clicks is None else clicks,
        default.get("opens", False) if opens is None else opens,
    )


def untracked(campaign: Campaign, settings: Settings) -> list[Problem]:
    """Return what a campaign is to track and cannot, at the key that says so."""
    if settings.sender.public_url:
        return []
    document = read_yaml(SourceText(campaign.file, campaign.text))
    why = (
        "is on, but nothing will be recorded: [sender] public_url of recmail.toml does not say where "
        "`recmail serve --public` answers"
    )
    found = []
    for name, is_on in asdict(tracking_of(campaign, settings.printed())).items():
        if is_on and getattr(campaign.tracking, name, None) is not None:
            found.append(document.at_value(("tracking", name), f"tracking.{name}: {why}"))
        elif is_on:
            file, _, line = settings.origins[f"tracking.{name}"].partition(":")
            found.append(Problem(file, int(line or 0), 0, f"[tracking] {name}: {why}"))
    return found
