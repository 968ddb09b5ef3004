"""What is documented and not built is listed with its place, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from recmail.campaign import not_yet, parse_frozen

FULL = (Path(__file__).parent / "full.yaml").read_text()
BASE = "subject: Hello\naudience: everyone\nblocks:\n"


def places(text: str) -> list[str]:
    return [
        f"{problem.line}:{problem.column} {problem.message}"
        for problem in not_yet(parse_frozen(text, "spring"))
    ]


def test_the_full_example_lists_all_that_is_missing() -> None:
    assert places(FULL) == [
        "16:3 audience.control_group: is not built yet",
        "33:1 variants: is not built yet",
        "46:1 speed: is not built yet",
    ]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ("  - top_picks: {scorer: ease}\n", []),
        ("  - top_picks: {scorer: auto, fallback: [popular], variety: {per_category: 2}}\n", []),
        ("  - top_picks: {fallback: []}\n", []),
        ("  - trending_now\n", []),
        ("  - popular: {where: null, variety: {new_releases: 1}, not_again_within: 30d}\n", []),
    ],
)
def test_what_is_built_or_set_to_its_default_is_not_listed(blocks: str, expected: list[str]) -> None:
    assert places(BASE + blocks) == expected
