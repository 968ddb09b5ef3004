"""What a campaign was worth: people who were to get it against its control group, and variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from statistics import NormalDist
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.ledger_rows import state_is
from recmail.db.tables import interactions, ledger
from recmail.db.types import UtcTime, moved
from recmail.records import MessageState

S = MessageState
CONFIDENCE = 0.95
LEAST_PEOPLE, LEAST_ENROLLED = 100, 10
"""Fewer people in a group, or fewer of both groups who enrolled: nothing is said of the difference."""


@dataclass(frozen=True)
class Group:
    """People, what they were meant to get, and how often they enrolled after it.

    Attributes:
        people: each once.
        times: how often one of them was planned, or held out: once for each run.
        enrolled: after how many of these times the person enrolled in any course within the window.
        effective: how many times by as many different people would tell as much. Times of one person are
            alike: 1,000 people in ten runs each are not 10,000 people.
    """

    people: int
    times: int
    enrolled: int
    effective: float

    @property
    def rate(self) -> float:
        """Of all times, after how many the person enrolled."""
        return self.enrolled / self.times if self.times else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that holds the rate in 95 of 100 cases."""
        return _wilson(self, _z())


@dataclass(frozen=True)
class Comparison:
    """How a group's rate differs from that of another.

    Attributes:
        difference, low, high: of the rates, with the interval that holds it in 95 of 100 cases; None when
            there is too little to say.
    """

    base: Group
    other: Group
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def verdict(self) -> str:
        """One of not_enough_data, no_difference, more, fewer."""
        if self.low is None or self.high is None:
            return "not_enough_data"
        if self.low > 0:
            return "more"
        return "fewer" if self.high < 0 else "no_difference"

    @property
    def more_enrolled(self) -> tuple[float, float, float] | None:
        """How many more times people enrolled than at the other rate: about, at least, at most."""
        if self.difference is None or self.low is None or self.high is None:
            return None
        times = self.other.times
        return self.difference * times, self.low * times, self.high * times


def compare(base: Group, other: Group, *, comparisons: int = 1) -> Comparison:
    """Compare two groups of different people.

    Args:
        comparisons: as many are made at once; all their intervals together hold in 95 of 100 cases
            (Bonferroni).

    Source: Newcombe 1998, "Interval Estimation for the Difference Between Independent Proportions", method
    10: it keeps what it promises for small groups and rates near 0, where the usual one does not. Times of
    the same person are weighed by their design effect (Kish 1965, "Survey Sampling").
    """
    enrolled, times = base.enrolled + other.enrolled, base.times + other.times
    enough = min(enrolled, times - enrolled) >= LEAST_ENROLLED
    if not enough or min(base.people, other.people) < LEAST_PEOPLE:
        return Comparison(base, other)
    z = _z(comparisons)
    (low_base, high_base), (low, high) = _wilson(base, z), _wilson(other, z)
    difference = other.rate - base.rate
    below = sqrt((other.rate - low) ** 2 + (high_base - base.rate) ** 2)
    above = sqrt((high - other.rate) ** 2 + (base.rate - low_base) ** 2)
    return Comparison(base, other, difference, difference - below, difference + above)


def _z(comparisons: int = 1) -> float:
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / comparisons)


def _wilson(group: Group, z: float) -> tuple[float, float]:
    """The interval of one rate (Wilson 1927)."""
    size, rate = group.effective, group.rate
    if not size:
        return 0.0, 1.0
    middle = rate + z * z / (2 * size)
    reach = z * sqrt(rate * (1 - rate) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


# --- reading --------------------------------------------------------------------------------------


class Sums:
    """Sums over the people of each group, from which their rates and intervals follow."""

    def __init__(self) -> None:
        self._of: dict[tuple[bool, str | None], list[int]] = {}

    def add(self, held_out: bool, variant: str | None, times: int, enrolled: int, *, people: int) -> None:
        """Count people of a group who enrolled after so many of so many times; variant None: of any."""
        each = (1, times, enrolled, times * times, times * enrolled, enrolled * enrolled)
        mine = self._of.setdefault((held_out, variant), [0] * len(each))
        self._of[held_out, variant] = [
            before + people * more for before, more in zip(mine, each, strict=True)
        ]

    @property
    def control(self) -> Group | None:
        """The control group; None where there is none."""
        return self._group(held_out=True)

    @property
    def addressed(self) -> Group | None:
        """Everybody who was to get an email, whether or not it came to that."""
        return self._group(held_out=False)

    def of_variant(self, name: str) -> Group | None:
        """Everybody who was to get a variant; None where nobody was."""
        found = self._of.get((False, name))
        return None if found is None else _group(found)

    def _group(self, *, held_out: bool) -> Group | None:
        found = self._of.get((held_out, None))
        return None if found is None else _group(found)


def _group(sums: Sequence[int]) -> Group:
    people, times, enrolled, squares, both, enrolled_squares = sums
    rate = enrolled / times
    # The variance of a ratio over people (Cochran 1977, section 2.11), against that of as many people.
    spread = enrolled_squares - 2 * rate * both + rate * rate * squares
    alone = times * rate * (1 - rate)
    effect = max(1.0, spread / alone) if alone > 0 else max(1.0, squares / times)
    return Group(people, times, enrolled, times / effect)


def first_left(connection: sa.Connection, run_nos: Sequence[int]) -> dict[int, datetime]:
    """When the first message of each run left; runs of which none did are not in it."""
    query = (
        sa.select(ledger.c.run_no, sa.func.min(ledger.c.sent_at, type_=UtcTime()))
        .where(among(ledger.c.run_no, run_nos), ledger.c.state == S.SENT.value)
        .group_by(ledger.c.run_no)
    )
    return {int(run_no): at for run_no, at in connection.execute(query)}


def read_sums(
    connection: sa.Connection,
    first: Mapping[int, datetime],
    low: int,
    high: int,
    *,
    within: timedelta,
    now: datetime,
    sums: Sums,
) -> None:
    """Add the people with low <= user_no < high of runs that went out.

    For everybody the window begins when their message was due, but not before the first of the run left: it
    has to begin alike for people who get nothing.

    Args:
        first: when the first message of each of the runs left.
    """
    starts = sa.case(
        {run_no: sa.literal(at, UtcTime()) for run_no, at in first.items()}, value=ledger.c.run_no
    )
    begins = sa.case((ledger.c.due_at > starts, ledger.c.due_at), else_=starts)
    enrolled = sa.exists().where(
        interactions.c.user_no == ledger.c.user_no,
        interactions.c.kind == "enrolled",
        interactions.c.at > begins,
        interactions.c.at <= moved(connection, begins, within),
        interactions.c.at <= now,
    )
    is_held_out = state_is(ledger, S.HELD_OUT)
    person = ledger.c.user_no, is_held_out.label("held_out"), ledger.c.variant
    counted = sa.func.sum(sa.case((enrolled, 1), else_=0)).label("enrolled")
    each = (
        sa.select(*person, sa.func.count().label("times"), counted)
        .where(among(ledger.c.run_no, list(first)), ledger.c.user_no >= low, ledger.c.user_no < high)
        .where(sa.or_(is_held_out, ledger.c.message_id.is_not(None)))
        .group_by(*person)
        .cte("each")
    )
    for held_out, variant, times, times_enrolled, people in connection.execute(_alike(each)):
        sums.add(bool(held_out), variant, int(times), int(times_enrolled), people=int(people))


def _alike(each: sa.CTE) -> sa.CompoundSelect[Any]:
    """How many people have the same numbers of times and enrolments: by variant, and of all (NULL)."""
    summed = [sa.func.sum(each.c[name]).label(name) for name in ("times", "enrolled")]
    person = each.c.user_no, each.c.held_out
    everybody = (
        sa.select(*person, sa.null().label("variant"), *summed).group_by(*person).subquery("everybody")
    )
    parts = []
    for part, condition in ((each, each.c.variant.is_not(None)), (everybody, sa.true())):
        names = [part.c[name] for name in ("held_out", "variant", "times", "enrolled")]
        parts.append(sa.select(*names, sa.func.count()).where(condition).group_by(*names))
    return sa.union_all(*parts)
