"""Clusters: who is together, what they are called, and that both last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.recommend.als import Als
from recmail.recommend.clusters import (
    Label,
    carried_over,
    directions,
    find_centres,
    free_name,
    how_many,
    moved_centres,
    nearest,
    typical_labels,
    with_factors,
)
from recmail.recommend.ease import Ease
from recmail.recommend.svd import Svd
from recmail.records import category_key
from tests.contracts import make_catalogue, table_of, two_tastes

EAST, NORTH = [1.0, 0.1], [0.1, 1.0]


def test_svd_comes_first_and_ease_has_no_factors() -> None:
    fitted = {
        name: kind.fit(two_tastes(), courses=12, seed=1)
        for name, kind in (("als", Als), ("ease", Ease), ("svd", Svd))
    }
    assert with_factors(fitted) is fitted["svd"]
    assert with_factors({"als": fitted["als"], "ease": fitted["ease"]}) is fitted["als"]
    assert with_factors({"ease": fitted["ease"]}) is None


@pytest.mark.parametrize("kind", [Svd, Als])
def test_people_of_one_taste_stand_together(kind: type[Svd] | type[Als]) -> None:
    scorer = kind.fit(two_tastes(), courses=12, seed=1)
    stand = scorer.people(table_of(two_tastes(), people=37, courses=12))
    alike = directions(stand) @ directions(stand).T
    assert alike[0, 2::2].min() > alike[0, 1::2].max()
    assert not scorer.people(table_of(two_tastes(), people=37, courses=12)[:0]).size


def test_how_many_clusters() -> None:
    assert how_many(240, 2_000) == 15
    assert how_many(8_166, 24_000) == 24
    assert how_many(8_166, 60) == 2
    assert how_many(8_166, 30) == 1


def test_length_is_no_interest() -> None:
    people = np.array([EAST, NORTH, [10.0, 0.5], [0.0, 0.01], [0.0, 0.0]])
    centres = find_centres(people, np.array([EAST, NORTH]), 2, before=None, seed=1)
    found = nearest(people, centres)
    assert found[0] == found[2] != found[1] == found[3]
    assert found[4] == -1


def test_a_cluster_without_people_or_courses_is_none() -> None:
    people = np.array([EAST] * 5 + [NORTH] * 5)
    centres = find_centres(people, np.array([NORTH, [0.0, 1.0]]), 2, before=None, seed=1)
    assert len(centres) == 1
    assert nearest(people, centres).tolist() == [0] * 10
    alike = find_centres(np.array([EAST] * 8), np.array([EAST, NORTH]), 3, before=None, seed=1)
    assert len(alike) == 1  # all people in one place: no warning, no error
    assert not len(find_centres(np.zeros((8, 2)), np.array([EAST, NORTH]), 3, before=None, seed=1))


def test_clusters_begin_where_their_people_went() -> None:
    people = np.array([EAST, NORTH, EAST, [0.0, 0.0]])
    before = moved_centres(people, np.array([7, 3, 7, 3]))
    assert before is not None
    assert before.tolist() == [
        directions(np.array([NORTH]))[0].tolist(),
        directions(np.array([EAST]))[0].tolist(),
    ]
    assert find_centres(people, people[:2], 2, before=before, seed=1) == pytest.approx(before)
    assert moved_centres(people, np.array([7, -1, 7, 3])) is None


def test_a_cluster_is_the_one_it_shares_most_with() -> None:
    new, old = np.array([0, 0, 0, 1, 1, 1, 2, 2]), np.array([5, 5, 5, 9, 9, 5, -1, -1])
    nothing = np.empty(0, dtype=np.int64)
    assert carried_over((new, old), (nothing, nothing)) == {0: 5, 1: 9}
    # Courses alone tell it too, where all people are new.
    assert carried_over((new, np.full(8, -1)), (np.array([0, 1]), np.array([9, 5]))) == {0: 9, 1: 5}
    assert carried_over((new, np.full(8, -1)), (nothing, nothing)) == {}


def test_what_shares_little_with_the_old_one_is_another() -> None:
    new, old = np.zeros(10, dtype=np.int64), np.array([4] * 2 + [-1] * 8)
    nothing = np.empty(0, dtype=np.int64)
    assert carried_over((new, old), (nothing, nothing)) == {}  # 2 of 10 are in both: .2


CATALOGUE = make_catalogue(
    6,
    category=["Data", "data", "Data", "Music", None, "Music"],
    topics=[["SQL"], ["SQL", "Excel"], ["SQL"], ["Piano"], [], ["Piano", "Short"]],
    tags=[["fun"], [], ["short"], [], ["guitar", "fun"], []],
)


def test_the_most_typical_labels_come_first() -> None:
    # SQL and Data: all of the first three, nobody else. Of the others half have Piano and Music.
    labels = typical_labels(CATALOGUE, np.array([0, 0, 0, 1, 1, 1]), 2)
    assert [label.text for label in labels[0]] == ["Data", "SQL", "Excel"]
    assert [label.text for label in labels[1]] == ["Music", "Piano", "fun", "guitar", "Short"]
    assert free_name(labels[0], set()) == "Data + SQL"


def test_a_course_in_no_cluster_says_nothing() -> None:
    labels = typical_labels(CATALOGUE, np.array([0, -1, -1, 1, -1, -1]), 2)
    assert [[label.text for label in each] for each in labels] == [["Data", "SQL"], ["Music", "Piano"]]


def test_names_are_told_apart() -> None:
    labels = [Label(text.casefold(), text) for text in ("Data", "SQL", 'The "cloud"')]
    assert free_name(labels, {"data + sql"}) == "Data + The 'cloud'"
    assert free_name(labels[:1], set()) == "Data"
    assert free_name(labels[:1], {"data"}) == "Data 2"
    assert free_name([], {"courses", "courses 2"}) == "Courses 3"
    assert free_name([Label("web", "Web"), Label("web design", "Web design")], set()) == "Web"


@given(st.lists(st.text(max_size=8), max_size=6), st.integers(1, 12))
def test_no_name_is_given_twice_and_all_can_be_written_in_a_segment(texts: list[str], times: int) -> None:
    labels = [Label(key, text) for text in texts if (key := category_key(text))]
    taken: set[str] = set()
    for _ in range(times):
        name = free_name(labels, taken)
        assert category_key(name) not in taken
        assert '"' not in name
        assert "\n" not in name
        taken.add(category_key(name) or "")
    assert len(taken) == times
