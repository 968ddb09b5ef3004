"""The catalogue as segments ask for it: column by column, and its categories by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from recmail.db.types import to_microseconds
from recmail.records import category_key

if TYPE_CHECKING:
    import pandas as pd


class Courses:
    """All courses, row i being course_no i; None where nothing is known, times as microseconds since 1970.

    Args:
        column: from a name of Catalogue.frame to its values.
        clusters: the names of the clusters that training found.
    """

    def __init__(
        self, size: int, column: Callable[[str], Sequence[Any]], clusters: Sequence[str] = ()
    ) -> None:
        self._size, self.column, self.clusters = size, column, clusters

    @classmethod
    def of_frame(cls, frame: pd.DataFrame) -> Courses:
        """The courses of a Catalogue."""

        def column(name: str) -> Sequence[Any]:
            values = frame[name]
            if values.dtype.kind == "M":
                values = values.dt.as_unit("us").astype("int64").astype(object).where(values.notna(), None)
            return list(values)

        return cls(len(frame), column)

    @classmethod
    def of_columns(cls, columns: Mapping[str, Sequence[Any]], clusters: Sequence[str] = ()) -> Courses:
        """Courses as the database has them, read without pandas, which takes half a second to import."""

        def column(name: str) -> Sequence[Any]:
            return [to_microseconds(one) if isinstance(one, datetime) else one for one in columns[name]]

        return cls(len(columns["course_id"]), column, clusters)

    def __len__(self) -> int:
        return self._size

    @cached_property
    def categories(self) -> dict[str, int]:
        """The number of each category as it is spelt, alike for two spellings, in the order of names."""
        spelt = {name for name in self.column("category") if isinstance(name, str)}
        keys = {name: key for name in spelt if (key := category_key(name))}
        order = {key: number for number, key in enumerate(sorted(set(keys.values())))}
        return {name: order[key] for name, key in sorted(keys.items())}

    def category_numbers(self, keys: Sequence[str]) -> list[int]:
        """The numbers of the categories with these names, case and spaces aside; unknown ones have none."""
        wanted = set(keys)
        return sorted({number for name, number in self.categories.items() if category_key(name) in wanted})
