"""Who of the whole audience gets the courses that may only be shown so often, and who gets no email at all.

All ask at once (`claiming`). Whoever then has too few courses for an email must not hold what others would
have been shown: these people leave, and the others are settled anew, until all who are left have enough. What
is free then, nobody who gets an email was refused. Among those who left it is given out in the same way, and
again, until not one of them would have enough with all of it.

So in the end nobody without an email takes a place from anybody, whoever was refused a course was refused by
one that is full, and nobody is without an email for whom enough is free. MOST bounds how often that is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recmail.filters.all_emails import Emails
from recmail.filters.block_places import Places
from recmail.filters.claiming import Given
from recmail.filters.everybody import Audience
from recmail.filters.limits import NO_LIMIT
from recmail.filters.lots import lot
from recmail.filters.mixing import Tastes

# After so many times people who leave give back what they have without the others being asked again, and
# what is free then is left free: an end that random audiences never came to.
MOST = 20


@dataclass(frozen=True)
class Allocation:
    """What everybody is shown, row i being user_no i, and what the limits took from them.

    Attributes:
        places: of each block that offers courses, without reserves. Who gets no email has in them what they
            would be shown of what is free: too little.
        limits: int64, one for each course; NO_LIMIT where there is none.
        shown: int64, how many people each course was given to.
        displaced: int64, how many each course was refused to although it was the best for them.
        refused: bool, one for each user_no: some course was.
        mailed: bool, one for each user_no: they have enough for an email.
        ideal: what the best courses for those who are mailed would have been worth, each from 0 to 1.
        worth: what those of them that they got are worth.
    """

    places: Sequence[Places]
    limits: np.ndarray
    shown: np.ndarray
    displaced: np.ndarray
    refused: np.ndarray
    mailed: np.ndarray
    ideal: float
    worth: float

    @property
    def closed(self) -> np.ndarray:
        """Tell which courses nobody else may be shown: bool, one for each."""
        found: np.ndarray = self.shown >= self.limits
        return found


def allocate(
    audience: Audience, *, limits: np.ndarray, category_no: np.ndarray, tastes: Tastes | None, seed: int
) -> Allocation:
    """Settle who is shown what.

    Args:
        limits: int64, how many people each course may be shown to.
        tastes: of the audience; None when no block asks for variety.
        seed: of the run, for the lot.
    """
    emails = Emails.of(audience, category_no=category_no, tastes=tastes, seed=seed)
    left, displaced = limits, np.zeros(len(limits), dtype=np.int64)
    asking, waiting = audience.asked, np.zeros(len(audience.asked), dtype=bool)
    for _ in range(MOST):
        given = _settled(emails, asking, left)
        left, displaced = given.left, displaced + given.displaced
        waiting = (waiting | asking) & ~given.people
        alone = Given(emails, waiting, np.where(left > 0, NO_LIMIT, 0))
        asking = waiting & ~emails.too_short(waiting)
        if not asking.any():
            break
    emails.clear(asking)
    mailed = audience.asked & ~waiting
    return Allocation(
        places=list(emails.places.values()),
        limits=limits,
        shown=limits - left,
        displaced=displaced + alone.displaced,
        refused=emails.refused,
        mailed=mailed,
        ideal=float(emails.ideal[mailed].sum()),
        worth=float(emails.worth[mailed].sum()),
    )


def _settled(emails: Emails, people: np.ndarray, left: np.ndarray) -> Given:
    """Give these people courses until all who are still among them have enough."""
    for turn in range(MOST + 1):
        given = Given(emails, people, left)
        short = np.flatnonzero(emails.too_short(people))
        wanted = emails.held(short)[given.left == 0].any()
        if turn == MOST or not wanted:
            break
        people = people.copy()
        people[_leaving(emails, short, len(people.nonzero()[0]))] = False
    given.let_go(short)
    return given


def _leaving(emails: Emails, short: np.ndarray, people: int) -> np.ndarray:
    """Choose who leaves of those who have too few: all, or half where that is most of those who ask.

    Those with the most courses stay, among equals by lot.
    """
    if 2 * len(short) <= people:
        return short
    drawn = lot(emails.seed, short, np.full(len(short), len(emails.category_no)))
    return short[np.lexsort((short, drawn, -emails.filled(short)))[len(short) // 2 :]]
