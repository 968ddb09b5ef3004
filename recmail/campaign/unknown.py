"""Courses and categories that a campaign names and nobody knows; only with the catalogue can they be told."""

from __future__ import annotations

from collections.abc import Mapping

from recmail.campaign.blocks import every_block
from recmail.campaign.reading import Campaign
from recmail.campaign.segments import placed, who_of
from recmail.campaign.yaml import read_yaml
from recmail.errors import Problem
from recmail.segment import Courses, check_segment, check_where, unknown_names
from recmail.settings.source import SourceText


def unknown(campaign: Campaign, courses: Courses, attributes: Mapping[str, str]) -> list[Problem]:
    """Return every course and category that is not in the catalogue, in the order of the file.

    `not completed("pyton-101")` would be true of everybody, and nobody would notice.

    Args:
        attributes: types of people's declared attributes by name.
    """
    document = read_yaml(SourceText(campaign.file, campaign.text))
    problems: list[Problem] = []
    if (found := who_of(document.data)) is not None:
        path, who = found
        nodes = [rule.node for rule in check_segment(who, attributes)]
        problems += placed(document, path, unknown_names(nodes, courses))
    for block in every_block(document):
        where = getattr(block.options, "where", None)
        if where is not None:
            names = unknown_names([check_where(where)], courses)
            problems += placed(document, (*block.path, "where"), names)
    return sorted(problems)
