"""The demo's suppressions: addresses that bounced, complained or were forbidden."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recmail.history.demo.catalogue import moments
from recmail.history.demo.people import People
from recmail.history.demo.planted import SUPPRESSED

REASONS = ("hard_bounce",) * 6 + ("complaint",) * 3 + ("manual",) * 2 + ("imported",)


def suppressions(people: People, now_s: int, rng: np.random.Generator) -> pd.DataFrame:
    """The addresses of the twelve planted users with email, reason and at; one is in other capitals."""
    emails = people.table["email"].iloc[SUPPRESSED].to_numpy(dtype=object)
    emails[0] = emails[0].upper()
    since = people.start_s[SUPPRESSED]
    at = since + (rng.random(len(emails)) * (now_s - since)).astype(np.int64)
    return pd.DataFrame({"email": emails, "reason": REASONS, "at": moments(at)})
