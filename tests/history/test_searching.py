"""What searches find: whole words, begun ones, misspelt ones, in any script."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recmail.history.searching import SearchIndex, search_index, words
from tests.shards import make_catalogue

TITLES = [
    "Excel Pivot Tables",
    "Database Design",
    "Écrire en français",
    "हिन्दी में लेखन",
    "数据科学入门",
    "Packaging That Sells",
    "Go in a Weekend",
]
INDEX = SearchIndex(
    make_catalogue(
        7, title=TITLES, topics=[["Spreadsheets"], ["SQL"], *[[]] * 5], tags=[["office"], *[[]] * 6]
    )
)


def found(search: str) -> list[int]:
    ((courses, match),) = INDEX.find([search])
    assert ((match > 0) & (match <= 1)).all()
    found: list[int] = courses.tolist()
    return found


@pytest.mark.parametrize(
    ("search", "courses"),
    [
        ("excel", [0]),
        ("EXCEL  pivot!", [0]),
        ("spreadsheets", [0]),
        ("office", [0]),
        ("data", [1]),  # begun: database
        ("databases", [1]),  # of one stem
        ("francais", [2]),
        ("ecrire", [2]),
        ("हिन्दी", [3]),
        ("科学", [4]),
        ("pacckaging", [5]),  # a letter too many, missing, other, exchanged
        ("packging", [5]),
        ("packaginh", [5]),
        ("packagign", [5]),
        ("go", [6]),
        ("g", []),  # too short to be begun
        ("sqll", []),  # too short to be misspelt: it could be anything
        ("cooking", []),
        ("", []),
        ("?!", []),
    ],
)
def test_a_search_finds_what_has_its_words(search: str, courses: list[int]) -> None:
    assert found(search) == courses


def test_half_of_what_the_words_weigh_is_enough() -> None:
    """Both words are in one course each: each course has half. Of three words, one is not enough."""
    assert found("pivot design") == [0, 1]
    assert found("pivot cooking dancing") == []


def test_rare_words_weigh_more() -> None:
    """`course` is in three of four titles, `yoga` in one: yoga alone has more than half."""
    index = SearchIndex(make_catalogue(4, title=["Yoga course", "Art course", "Law course", "Rest"]))
    assert index.find(["yoga course"])[0][0].tolist() == [0]


def test_many_searches_at_once_are_told_apart() -> None:
    each = INDEX.find(["excel", "nothing", "design", "excel pivot"])
    assert [courses.tolist() for courses, _ in each] == [[0], [], [1], [0]]
    assert [match.tolist() for _, match in each] == [[1], [], [1], [1]]
    assert INDEX.find([]) == []


def test_an_empty_catalogue_has_nothing() -> None:
    assert SearchIndex(make_catalogue(0)).find(["excel"])[0][0].tolist() == []


@given(st.text(max_size=60))
@example("\U0001d54a")
def test_any_text_is_words_without_case_and_signs(text: str) -> None:
    assert all(word == word.casefold() or not word.isascii() for word in words(text))
    assert len(found(text)) <= len(TITLES)


def test_an_index_is_made_once_for_each_catalogue() -> None:
    one, other = make_catalogue(2, title=["Excel", "Yoga"]), make_catalogue(2, title=["Yoga", "Excel"])
    assert search_index(one) is search_index(one)
    assert [search_index(each).find(["excel"])[0][0].tolist() for each in (one, other, one)] == [
        [0],
        [1],
        [0],
    ]
