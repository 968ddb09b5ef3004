"""The control group: people who get nothing from a campaign, so that a report can say what it was worth.

Who is in it depends on the campaign's name and the user_id alone: the same people stay out of all runs of a
campaign, a larger group contains the smaller one, and whoever is imported later has the same chance. Another
campaign has other people in its group. So it is `share` of the people within chance, not to one person.

Only those are held out who would get an email otherwise, so that those whom a report compares are alike:
every reason to skip somebody goes first, the last of them being "too few courses" (of the campaign's own
blocks, whatever variants have, and without limits on exposure: the group takes no course from anybody).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recmail.segment.stable_hash import stable_hash

_BITS = 53  # a float has them all


def in_control_group(user_ids: Sequence[str] | np.ndarray, campaign: str, share: float | None) -> np.ndarray:
    """Tell who of these people is in the control group of a campaign: bool.

    Args:
        share: from 0 to 1; None for no group.
    """
    if not share:
        return np.zeros(len(user_ids), dtype=bool)
    drawn = stable_hash(user_ids, f"control group of {campaign}") >> np.uint64(64 - _BITS)
    inside: np.ndarray = drawn.astype(np.float64) < share * 2**_BITS
    return inside
