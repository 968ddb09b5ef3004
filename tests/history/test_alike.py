"""Names that differ in writing only are found, and those that differ in meaning are not."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recmail.history.alike import alike


@pytest.mark.parametrize(
    "names",
    [
        ["Data Science", "data  science"],
        ["Machine Learning", "machine learning", "machine-learning", "machine_learning"],
        ["Node.js", "nodejs"],
        ["R&D", "r and d"],
        ["Spreadsheet", "spreadsheets"],
        ["Categories", "category"],
        ["branch", "branches"],
        ["Modeling", "modelling"],
        ["Photograpy", "photography"],
        ["Javascripd", "javascript"],
        ["\uff21\uff29 basics", "AI basics"],
    ],
)
def test_ways_to_write_a_name_are_alike(names: list[str]) -> None:
    assert alike(names) == [sorted(names)]


@pytest.mark.parametrize(
    "names",
    [
        ["Python 2", "Python 3"],
        ["Level 10", "Level 1"],
        ["C", "C++", "C#"],
        ["Java", "Lava"],
        ["evaluation", "valuation"],
        ["news", "new"],
        ["Art", "Arts and crafts"],
        ["किताब", "कताब"],
        ["-", "--"],
        [],
    ],
)
def test_other_names_are_not_alike(names: list[str]) -> None:
    assert alike(names) == []


def test_groups_are_sorted_and_told_once() -> None:
    assert alike(["tips", "Zebras", "Tip", "zebra", "tip", "tip"]) == [
        ["Tip", "tip", "tips"],
        ["Zebras", "zebra"],
    ]


@given(st.text(string.ascii_lowercase, min_size=9, max_size=14), st.data())
def test_one_letter_too_many_or_another_is_found_anywhere_but_first(name: str, data: st.DataObject) -> None:
    assume(not name.endswith("s"))  # an ending of the plural comes off before letters are compared
    place = data.draw(st.integers(1, len(name) - 2))
    letter = data.draw(st.sampled_from(string.ascii_lowercase.replace(name[place], "")))
    mistyped = name[:place] + letter + name[place + data.draw(st.sampled_from([0, 1])) :]
    assert alike([name, mistyped]) == [sorted([name, mistyped])]


@given(st.lists(st.text(max_size=12), max_size=30))
def test_any_text_is_in_one_group_at_most(names: list[str]) -> None:
    found = [name for group in alike(names) for name in group]
    assert len(found) == len(set(found))
    assert set(found) <= set(names)
