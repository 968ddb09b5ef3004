"""What a person did with a course of their history, in a word for a reason."""

from __future__ import annotations

import numpy as np

from recmail.records import Shard


def what_they_did(shard: Shard, people: np.ndarray, courses: np.ndarray) -> list[str]:
    """Return "took", "looked at" or "rated" for each pair of a person and a course of their history."""
    width = shard.grades.shape[1]
    known = shard.pairs["person"].to_numpy() * width + shard.pairs["course_no"].to_numpy()
    place = np.searchsorted(known, people * width + courses)
    took = shard.pairs["taken_at"].notna().to_numpy()[place]
    looked = shard.pairs["viewed_at"].notna().to_numpy()[place]
    return [
        "took" if one_took else "looked at" if one_looked else "rated"
        for one_took, one_looked in zip(took.tolist(), looked.tolist(), strict=True)
    ]
