"""A catalogue as JSON, so that a run keeps the titles, prices and counts that it was planned with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recmail.records import Catalogue

_TIMES = ("published_at", "closes_at")
_COUNTS = ("category_no", "enrolled", "enrolled_90d", "enrolled_14d")


def freeze_catalogue(catalogue: Catalogue) -> dict[str, list[Any]]:
    """The catalogue as plain lists by column, missing values as None, times as microseconds since 1970."""
    frozen: dict[str, list[Any]] = {}
    for name in catalogue.frame.columns:
        column = catalogue.frame[name]
        if name in _TIMES:
            column = column.dt.as_unit("us").astype("int64").where(column.notna(), None)
        frozen[name] = [_plain(value) for value in column.astype(object)]
    for name in _COUNTS:
        frozen[name] = getattr(catalogue, name).tolist()
    return frozen


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return value
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def thaw_catalogue(frozen: dict[str, list[Any]]) -> Catalogue:
    """The catalogue again, as `freeze_catalogue` got it."""
    columns = {name: values for name, values in frozen.items() if name not in _COUNTS}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    for name in _TIMES:
        moments = pd.to_datetime(pd.Series(columns[name], dtype="Int64"), unit="us", utc=True)
        frame[name] = moments.dt.as_unit("us")
    frame.index.name = "course_no"
    return Catalogue(
        frame=frame,
        category_no=np.array(frozen["category_no"], dtype=np.int32),
        enrolled=np.array(frozen["enrolled"], dtype=np.int64),
        enrolled_90d=np.array(frozen["enrolled_90d"], dtype=np.int64),
        enrolled_14d=np.array(frozen["enrolled_14d"], dtype=np.int64),
    )
