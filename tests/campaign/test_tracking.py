"""What a campaign tracks, and what is said where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.campaign import parse_campaign, parse_frozen
from recmail.campaign.tracking import Tracking, tracking_of, untracked
from recmail.errors import ConfigError
from recmail.settings.loading import parse_settings
from recmail.settings.source import SourceText
from tests.campaign.projects import TOML

CAMPAIGN = "subject: Hi\naudience: everyone\nblocks: [popular]\n"


@pytest.mark.parametrize(
    ("campaign", "settings", "expected"),
    [
        ("", {}, Tracking(clicks=False, opens=False)),
        ("", {"clicks": True}, Tracking(clicks=True, opens=False)),
        ("tracking: {clicks: true}", {}, Tracking(clicks=True, opens=False)),
        ("tracking: {clicks: false}", {"clicks": True, "opens": True}, Tracking(clicks=False, opens=True)),
    ],
)
def test_a_campaign_says_it_itself_or_as_the_settings(
    campaign: str, settings: dict[str, bool], expected: Tracking
) -> None:
    printed = {"tracking": settings} if settings else {}
    found = tracking_of(parse_frozen(CAMPAIGN + campaign, "spring"), printed)
    assert found == expected
    assert bool(found) == (expected.clicks or expected.opens)


@pytest.mark.parametrize(
    ("campaign", "toml", "places"),
    [
        ("", "", []),
        ("tracking: {clicks: true}\n", "", ["campaigns/spring.yaml:4:20: tracking.clicks: is on"]),
        (
            "tracking:\n  clicks: true\n",
            "[tracking]\nclicks = true\nopens = true\n",
            [
                "campaigns/spring.yaml:5:11: tracking.clicks: is on",
                "recmail.toml:11: [tracking] opens: is on",
            ],
        ),
        ("tracking: {opens: false}\n", "[tracking]\nopens = true\n", []),
    ],
)
def test_what_cannot_be_tracked_without_public_url_is_said_where_it_stands(
    tmp_path: Path, campaign: str, toml: str, places: list[str]
) -> None:
    settings = parse_settings(SourceText("recmail.toml", TOML + toml), tmp_path, flags={})
    source = SourceText("campaigns/spring.yaml", CAMPAIGN + campaign)
    found = untracked(parse_campaign(source, "spring", settings), settings)
    assert [str(problem).partition(", but")[0] for problem in found] == places
    reached = TOML.replace("[topics]", 'public_url = "https://mail.acme.example"\n[topics]') + toml
    settings = parse_settings(SourceText("recmail.toml", reached), tmp_path, flags={})
    assert untracked(parse_campaign(source, "spring", settings), settings) == []


def test_only_true_and_false_turn_it_on(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"recmail.toml:10:.*\[tracking\] clicks: found 'yes'; expected true"
    ):
        parse_settings(SourceText("recmail.toml", TOML + '[tracking]\nclicks = "yes"\n'), tmp_path, flags={})
