"""What can be known of a run's messages: by what came back, and by what was tracked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recmail.campaign import parse_frozen
from recmail.runs.project import Project
from recmail.runs.report.told import Told, read_told
from tests.runs.conftest import CAMPAIGN

URL = "https://mail.acme.example"
BOTH = {"tracking": {"clicks": True, "opens": True}}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # asks no database


def told(
    project: Project,
    more: str = "",
    *,
    printed: dict[str, Any] | None = None,
    kinds: str = "",
    url: str = URL,
) -> Told:
    sender = replace(project.settings.sender, public_url=url)
    project = replace(project, settings=replace(project.settings, sender=sender))
    return read_told(project, parse_frozen(CAMPAIGN + more, "spring"), printed or {}, set(kinds.split()))


@SQLITE
def test_clicks_are_known_where_the_campaign_or_else_the_frozen_settings_track_them(project: Project) -> None:
    assert (told(project).clicks, told(project).opens) == (False, False)
    assert told(project, printed=BOTH).opens
    found = told(project, "tracking: {clicks: false}\n", printed=BOTH)
    assert (found.clicks, found.opens) == (False, True)
    assert told(project, "tracking: {clicks: true}\n").clicks


@SQLITE
def test_clicks_are_not_known_where_no_link_could_lead_through_us(project: Project) -> None:
    found = told(project, printed=BOTH, url="")

    assert (found.clicks, found.opens) == (False, False)
    of_provider = told(project, kinds="clicked", url="")
    assert (of_provider.clicks, of_provider.links) == (True, False)


@SQLITE
def test_a_bounce_says_nothing_of_what_was_delivered(project: Project) -> None:
    found = told(project, kinds="bounced")

    assert (found.bounced, found.delivered) == (True, False)
    assert told(project, kinds="delivered").bounced
