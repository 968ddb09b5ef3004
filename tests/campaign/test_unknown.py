"""Courses and categories that nobody has are said before anything is planned, at their places in the file."""

from __future__ import annotations

import pytest

from recmail.campaign import parse_frozen, unknown
from recmail.segment import Courses

COURSES = Courses.of_columns(
    {
        "course_id": ["python-101", "excel", "sql", "statistics"],
        "category": ["Data science", "DATA science", None, "Data science"],
    }
)


def places(who: str, where: str = "staff_pick") -> list[str]:
    text = (
        f"subject: x\naudience: |\n  {who}\nblocks:\n  - text: Hi\n"
        f"  - popular:\n      where: |\n        {where}\n"
    )
    problems = unknown(parse_frozen(text, "spring"), COURSES, {"category": "text"})
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (
            'not completed("pyton-101")',
            ["3:17 audience: there is no course 'pyton-101'; did you mean python-101?"],
        ),
        ('completed("zzz")', ["3:13 audience: there is no course 'zzz'"]),
        (
            'everyone or viewed(course_id in ["excel", "exzel"] or title has "x")',
            ["3:45 audience: there is no course 'exzel'; did you mean excel?"],
        ),
        (
            'favourite_category == "Data Siense"',
            ["3:25 audience: no course has the category 'Data Siense'; did you mean Data science?"],
        ),
        (
            'viewed(category == "Cooking")',
            ["3:22 audience: no course has the category 'Cooking'; there are: Data science"],
        ),
        ('viewed(category == " DATA science", tags has "new")', []),
        ('category == "an attribute of ours"', []),
    ],
)
def test_unknown_names_of_the_audience(who: str, expected: list[str]) -> None:
    assert places(who) == expected


def test_a_cluster_is_known_by_its_name_whatever_case_and_spaces() -> None:
    who = "in_cluster('data  +  sql')\n    and not in_cluster('Musik')"
    campaign = parse_frozen(f"subject: x\naudience: |\n    {who}\nblocks:\n  - popular\n", "spring")
    found = Courses.of_columns({"course_id": [], "category": []}, ["Data + SQL", "Music"])
    assert [(one.line, one.message) for one in unknown(campaign, found, {})] == [
        (4, "audience: there is no cluster 'Musik'; did you mean Music?")
    ]
    none = Courses.of_columns({"course_id": [], "category": []})
    why = "as no model has found any yet; run: recmail train"
    assert [one.message for one in unknown(campaign, none, {})] == [
        f"audience: there is no cluster 'data  +  sql', {why}",
        f"audience: there is no cluster 'Musik', {why}",
    ]


def test_unknown_names_of_a_where() -> None:
    found = places("everyone", 'category not in ["Data Science", "Music"]')
    assert found == [
        "8:42 blocks[1].popular.where: no course has the category 'Music'; there are: Data science"
    ]


def test_any_course_may_be_named_while_there_are_none() -> None:
    campaign = parse_frozen("subject: x\naudience: completed('zzz')\nblocks:\n  - popular\n", "spring")
    none = Courses.of_columns({"course_id": [], "category": []})
    assert unknown(campaign, none, {}) == []
    assert len(unknown(campaign, COURSES, {})) == 1
