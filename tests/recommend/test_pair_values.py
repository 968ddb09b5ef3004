"""Values of some pairs."""

from __future__ import annotations

import numpy as np

from recmail.recommend.pair_values import ByPair


def arrays(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_each_pair_has_its_last_value_and_others_none() -> None:
    known = ByPair(arrays(1, 0, 1, 1), arrays(5, 5, 2, 5), arrays(10, 11, 12, 13))
    assert known.at(arrays(0, 1, 1, 0, 2), arrays(5, 5, 2, 2, 5)).tolist() == [11, 13, 12, -1, -1]


def test_no_pairs_have_no_values() -> None:
    none = ByPair(arrays(), arrays(), arrays())
    assert none.at(arrays(0), arrays(0)).tolist() == [-1]
    assert none.at(arrays(), arrays()).tolist() == []
