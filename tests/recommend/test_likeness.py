"""Likeness of courses, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recmail.recommend.likeness import Content
from tests.shards import make_catalogue


def alike(content: Content, one: int, other: int) -> float:
    return float(content.alike(np.array(one), np.array(other)))


def test_category_and_labels_count_half_each() -> None:
    """Course 0 and 1 share one of two and one label; 0 and 2 the category alone; 0 and 3 all labels."""
    content = Content.of(
        make_catalogue(
            5,
            category_no=[0, 0, 0, 1, 1],
            topics=[["SQL"], ["sql "], ["Charts"], ["SQL"], ["charts"]],
            tags=[["machine-learning"], [], [], ["Machine  Learning"], []],
        )
    )
    assert alike(content, 0, 1) == pytest.approx((1 + 1 / np.sqrt(2)) / 2)
    assert alike(content, 0, 2) == 0.5
    assert alike(content, 0, 3) == pytest.approx(0.5)
    assert alike(content, 2, 4) == pytest.approx(0.5)
    assert alike(content, 0, 4) == 0
    assert alike(content, 0, 0) == pytest.approx(1)


def test_without_labels_the_category_decides() -> None:
    content = Content.of(make_catalogue(4, category_no=[0, 0, -1, -1], tags=[["a"], [], ["a"], []]))
    assert alike(content, 0, 1) == 1
    assert alike(content, 2, 3) == 0  # to have no category is not to be of one
    assert alike(content, 0, 2) == 0.5


def test_labels_that_are_everywhere_say_nothing() -> None:
    """`short` is in six categories, its two most frequent ones have two of six; `sql` in one."""
    content = Content.of(
        make_catalogue(6, category_no=range(6), tags=[["short", "sql"], ["short", "sql"], *[["short"]] * 4])
    )
    assert content.sizes.tolist() == [1, 1, 0, 0, 0, 0]


def test_a_label_of_one_course_joins_nothing() -> None:
    assert Content.of(make_catalogue(2, tags=[["a"], ["b"]])).sizes.tolist() == [0, 0]


def test_more_labels_than_bits_keep_the_most_frequent() -> None:
    tags = [[f"tag {number}" for number in range(600)]] * 2 + [["tag 599"]]
    content = Content.of(make_catalogue(3, tags=tags))
    assert content.sizes.tolist() == [512, 512, 1]


def test_compares_many_at_once() -> None:
    content = Content.of(make_catalogue(4, category_no=[0, 0, 1, 1]))
    assert content.alike(np.array([[0], [3]]), np.arange(4)).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert content.alike(np.empty((0, 1), dtype=int), np.arange(4)).shape == (0, 4)
