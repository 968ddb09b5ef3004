"""A number for each person that chance cannot tell from one drawn by lot, and that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def stable_hash(user_ids: Sequence[str] | np.ndarray, purpose: str) -> np.ndarray:
    """Return a number for each user_id: uint64, the same everywhere, and for another purpose quite another.

    Source: SipHash-2-4 (Aumasson and Bernstein 2012) over the UTF-8 of the user_id, keyed by the purpose;
    then the mixing of Steele, Lea and Flood 2014, as pandas has it.
    """
    import pandas as pd  # which `check` can do without, and takes a third of a second

    key = hashlib.sha256(purpose.encode()).hexdigest()[:16]
    values = np.asarray(user_ids, dtype=object)
    numbers: np.ndarray = pd.util.hash_array(values, hash_key=key, categorize=False)
    return numbers
