"""Histories of the demo tell what a person likes, well enough to recommend from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recmail.history.demo import DemoData


def enrolled(data: DemoData) -> pd.DataFrame:
    """All enrolments with user_no and course_no, in the order of time."""
    rows = data.interactions[data.interactions["kind"] == "enrolled"]
    return rows.assign(user_no=rows["user_id"].cat.codes, course_no=rows["course_id"].cat.codes)


def main_categories(data: DemoData) -> tuple[np.ndarray, np.ndarray]:
    """Of everybody with ten enrolments or more: main category, and people x 12 shares of the categories."""
    category, _ = pd.factorize(data.courses["category"].str.lower())
    rows = enrolled(data)
    counts = np.zeros((len(data.users), 12))
    np.add.at(counts, (rows["user_no"], category[rows["course_no"]]), 1)
    counts = np.delete(counts, 1, axis=0)  # who took everything has no main category
    counts = counts[counts.sum(axis=1) >= 10]
    return counts.argmax(axis=1), counts / counts.sum(axis=1, keepdims=True)


def test_people_have_a_main_category_and_two_neighbours(data: DemoData) -> None:
    main, share = main_categories(data)
    people = np.arange(len(main))
    neighbours = share[people, (main + 1) % 12] + share[people, (main - 1) % 12]
    assert 0.42 <= share[people, main].mean() <= 0.58
    assert 0.35 <= neighbours.mean() <= 0.52
    assert len(np.unique(main)) == 12


def split_by_time(data: DemoData) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Enrolments of people with five or more, the last 20 % of each person's kept for the test."""
    rows = enrolled(data)
    place = rows.groupby("user_id", observed=True).cumcount()
    size = rows.groupby("user_id", observed=True)["user_no"].transform("size")
    last = (size >= 5) & (place >= size - np.ceil(size * 0.2))
    shape = (len(data.users), len(data.courses))
    parts = (rows[~last], rows[last])
    train, test = (
        sparse.csr_array((np.ones(len(part)), (part["user_no"], part["course_no"])), shape=shape)
        for part in parts
    )
    return train, test


def item_knn(train: sparse.csr_array) -> np.ndarray:
    """Scores by cosine similarity of courses, shrunk where few people took both."""
    together = (train.T @ train).toarray()
    size = np.sqrt(np.diag(together)).clip(1e-9)
    similar = together / np.outer(size, size) * together / (together + 5)
    np.fill_diagonal(similar, 0)
    return np.asarray(train @ similar)


def top_ten(score: np.ndarray, train: sparse.csr_array) -> np.ndarray:
    return np.argsort(-np.where(train.toarray() > 0, -np.inf, score), axis=1, kind="stable")[:, :10]


def ndcg(top: np.ndarray, test: sparse.csr_array) -> float:
    """Mean binary nDCG@10 over people with something in the test part."""
    tested = test.sum(axis=1) > 0
    hits = np.take_along_axis(test.toarray(), top, axis=1)[tested]
    discount = 1 / np.log2(np.arange(2, 12))
    most = np.minimum(test.sum(axis=1)[tested].astype(int), 10)
    return float((hits @ discount / np.cumsum(discount)[most - 1]).mean())


def test_ndcg_of_a_hit_in_second_place_by_hand() -> None:
    # One relevant course, ranked second: 1/log2(3) against the ideal 1/log2(2).
    test = sparse.csr_array(np.eye(1, 12, k=4))
    top = np.array([[0, 4, 1, 2, 3, 5, 6, 7, 8, 9]])
    assert ndcg(top, test) == pytest.approx(1 / np.log2(3))


def test_neighbours_rank_at_least_twice_as_well_as_popularity(data: DemoData) -> None:
    train, test = split_by_time(data)
    popularity = np.broadcast_to(train.sum(axis=0), train.shape)
    popular, personal = (ndcg(top_ten(score, train), test) for score in (popularity, item_knn(train)))
    assert personal >= 2 * popular


def test_picks_are_visibly_personal(data: DemoData) -> None:
    train, test = split_by_time(data)
    category, _ = pd.factorize(data.courses["category"].str.lower())
    taken = np.zeros((train.shape[0], 12))
    entries = train.tocoo()
    np.add.at(taken, (entries.row, category[entries.col]), 1)
    people = np.flatnonzero(test.sum(axis=1))
    main = taken[people].argmax(axis=1)

    def at_home(score: np.ndarray) -> float:
        away = np.abs(category[top_ten(score, train)[people, :3]] - main[:, None])
        return float((np.minimum(away, 12 - away) <= 1).mean())

    assert at_home(item_knn(train)) > 0.85
    assert at_home(np.broadcast_to(train.sum(axis=0), train.shape)) < 0.4
    assert len(np.unique(top_ten(item_knn(train), train)[people])) > 130
