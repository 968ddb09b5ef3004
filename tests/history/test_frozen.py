"""A frozen catalogue comes back as it was, also after JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from recmail.history.frozen import freeze_catalogue, thaw_catalogue
from recmail.records import Catalogue


def catalogue() -> Catalogue:
    moment = datetime(2026, 11, 2, 9, 0, 0, 123456, tzinfo=UTC)
    frame = pd.DataFrame(
        {
            "course_id": ["a", "b"],
            "title": ["Año Nuevo", "B"],
            "price_minor": pd.array([49900, None], dtype="Int64"),
            "seats": [np.nan, 12.0],
            "published_at": pd.Series([moment, None], dtype="datetime64[us, UTC]"),
            "closes_at": pd.Series([None, None], dtype="datetime64[us, UTC]"),
            "topics": [["x", "y"], []],
            "staff_pick": [True, False],
            "url": ["https://x.example", None],
        }
    )
    return Catalogue(
        frame=frame,
        category_no=np.array([0, -1], dtype=np.int32),
        enrolled=np.array([5, 0]),
        enrolled_90d=np.array([2, 0]),
        enrolled_14d=np.array([1, 0]),
    )


def test_a_catalogue_survives_json() -> None:
    thawed = thaw_catalogue(json.loads(json.dumps(freeze_catalogue(catalogue()))))
    original = catalogue()
    assert list(thawed.frame.columns) == list(original.frame.columns)
    assert thawed.frame["published_at"].tolist() == original.frame["published_at"].tolist()
    assert thawed.frame["published_at"].dtype == original.frame["published_at"].dtype
    assert thawed.frame["closes_at"].isna().all()
    assert thawed.frame["topics"].tolist() == [["x", "y"], []]
    assert thawed.frame["price_minor"].tolist() == [49900, None]
    assert thawed.frame["seats"].tolist() == [None, 12]
    assert thawed.category_no.tolist() == [0, -1]
    assert thawed.enrolled.dtype == np.int64


def test_freezing_again_gives_the_same() -> None:
    frozen = freeze_catalogue(catalogue())
    assert freeze_catalogue(thaw_catalogue(frozen)) == frozen
