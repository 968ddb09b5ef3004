"""Limits over the whole audience: everybody's wishes are gathered, settled, and what it cost is said."""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any
from weakref import WeakSet

import numpy as np

from recmail.campaign import by_blocks
from recmail.engine import give_memory_back
from recmail.errors import StorageError
from recmail.filters.allocating import Allocation, allocate
from recmail.filters.everybody import Audience
from recmail.filters.limits import NO_LIMIT, Exposure, course_limits, how_deep, seats_left
from recmail.filters.lots import lot
from recmail.filters.mixing import Tastes
from recmail.filters.settling import Settled
from recmail.pipeline import Facts, WishesBy
from recmail.recommend.likeness import Content
from recmail.recommend.releases import published_within


@dataclass(frozen=True)
class Settlement:
    """An audience that was settled, by the variant whose blocks it is; None for the campaign's own.

    Attributes:
        people: who may be mailed.
        limits: int64, how many of them each course may be shown to; NO_LIMIT where there is none.
        not_spare: bool, one for each course: no reserve may be made of it.
        let_go: as of an Audience.
    """

    allocations: Mapping[str | None, Allocation]
    people: int
    limits: np.ndarray
    not_spare: Mapping[str | None, np.ndarray]
    let_go: Callable[[], None]

    def of(self, low: int, high: int) -> dict[str | None, Settled]:
        """Return what the people with low <= user_no < high are shown, by variant."""
        settled = {
            variant: Settled.of(one.places, low, high, self.not_spare[variant])
            for variant, one in self.allocations.items()
        }
        self.let_go()
        return settled

    def to_json(self) -> dict[str, Any]:
        """Return what a run keeps of it: the courses that were refused to anybody, most refusals first."""
        every = list(self.allocations.values())
        displaced = np.sum([one.displaced for one in every], axis=0)
        shown = np.sum([one.shown for one in every], axis=0)
        refused = np.flatnonzero(displaced)
        order = refused[np.lexsort((refused, -displaced[refused]))]
        columns = (order, self.limits[order], shown[order], displaced[order])
        return {
            "people": self.people,
            "displaced": sum(int((one.refused & one.mailed).sum()) for one in every),
            "unmailed": sum(int((one.refused & ~one.mailed).sum()) for one in every),
            "ideal": sum(one.ideal for one in every),
            "worth": sum(one.worth for one in every),
            "courses": [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)],
        }


def settle(
    facts: Facts, exposure: Exposure, brought: Iterable[WishesBy], *, last: int, seed: int
) -> Settlement:
    """Gather everybody's wishes and settle them.

    People of variants with blocks of their own are settled by themselves, each such group with its part of
    the places that a course has. Otherwise the group that is asked first would get what the others are
    refused, and which variant is better could not be told.

    Args:
        brought: of all shards, in any order.
        last: the highest user_no.
        seed: the run's.
    """
    catalogue, files = facts.catalogue, _Files()
    audiences = {
        variant: Audience.of(
            campaign.blocks,
            last + 1,
            depth=how_deep(campaign.blocks, catalogue, exposure),
            new_array=files.array,
            let_go=files.let_go,
        )
        for variant, campaign in by_blocks(facts.campaign).items()
    }
    for by_variant in brought:
        for variant, wishes in by_variant.items():
            audiences[variant].add(wishes)
    people = [int(audience.asked.sum()) for audience in audiences.values()]
    limits = course_limits(catalogue, sum(people), exposure)
    allocations = {
        variant: allocate(
            audience,
            limits=part,
            category_no=catalogue.category_no,
            tastes=_tastes(audience, facts),
            seed=seed,
        )
        for (variant, audience), part in zip(
            audiences.items(), shared_out(limits, people, seed=seed), strict=True
        )
    }
    give_memory_back()
    counted = ~np.isnan(seats_left(catalogue)) & exposure.respect_seats
    not_spare = {variant: one.closed | counted for variant, one in allocations.items()}
    return Settlement(allocations, sum(people), limits, not_spare, files.let_go)


def shared_out(limits: np.ndarray, people: Sequence[int], *, seed: int) -> list[np.ndarray]:
    """Divide the places that courses have between groups of people: int64, groups x courses.

    Each group gets its share of every course, rounded down or up by a lot that is drawn for each course: with
    few places too, no group has more of them on the whole than belongs to it.
    """
    if len(people) == 1:
        return [limits]
    course_no = np.arange(len(limits))
    drawn = lot(seed, np.zeros_like(course_no), course_no).astype(np.float64) / 2**64
    ends = np.cumsum(people) / max(sum(people), 1)
    places = np.where(limits == NO_LIMIT, 0, limits)
    bounds = np.floor(ends[:-1, np.newaxis] * places + drawn).astype(np.int64)
    bounds = np.vstack([np.zeros_like(places), np.minimum(bounds, places), places])
    return [np.where(limits == NO_LIMIT, NO_LIMIT, part) for part in np.diff(bounds, axis=0)]


class _Files:
    """Arrays in files that have no name: they go with the arrays, or with this process, however it ends."""

    def __init__(self) -> None:
        self.folder = tempfile.gettempdir()
        self.mapped, self.size_bytes = WeakSet[mmap.mmap](), 0
        self.free_bytes = shutil.disk_usage(self.folder).free

    def array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Make an array of zeros.

        Raises:
            StorageError: there is no room for it.
        """
        size_bytes = prod(shape) * np.dtype(dtype).itemsize
        if size_bytes == 0:
            return np.zeros(shape, dtype=dtype)  # an empty file cannot be mapped
        self.size_bytes += size_bytes
        if self.size_bytes > self.free_bytes:  # whoever writes where there is no room is killed by SIGBUS
            raise StorageError(
                f"`exposure` needs more than {self.free_bytes / 1e6:,.0f} MB for everybody's wishes, and "
                f"{self.folder} has no more; make room, or set TMPDIR to another folder"
            )
        with tempfile.TemporaryFile(prefix="recmail-", dir=self.folder) as file:
            file.truncate(size_bytes)
            mapped = mmap.mmap(file.fileno(), size_bytes)
        self.mapped.add(mapped)
        return np.frombuffer(mapped, dtype=dtype).reshape(shape)

    def let_go(self) -> None:
        """Give the memory of all arrays back; the files keep what is in them."""
        for mapped in self.mapped:
            if hasattr(mapped, "madvise"):  # not on Windows, which takes it back when it is short of it
                mapped.madvise(mmap.MADV_DONTNEED)


def _tastes(audience: Audience, facts: Facts) -> Tastes | None:
    if audience.unusual is None:
        return None
    return Tastes(Content.of(facts.catalogue), audience.unusual, published_within(facts.catalogue, facts.now))


@dataclass(frozen=True)
class Exposed:
    """One course that more people would have been shown than may be.

    Attributes:
        displaced: people for whom it was the best, and who were shown another one, or none.
    """

    course_id: str
    title: str
    limit: int
    shown: int
    displaced: int


@dataclass(frozen=True)
class ExposureReport:
    """What limits over the whole audience took from people.

    Attributes:
        people: who may be mailed.
        displaced: people who were refused some course, and get an email with others, or fewer.
        unmailed: people who were refused some course, and have too few left for an email.
        given_up: the share of the score that it cost, from 0 to 1.
        courses: those that were refused to anybody, most refusals first.
    """

    people: int
    displaced: int
    unmailed: int
    given_up: float
    courses: list[Exposed]

    def in_words(self) -> str:
        """Say in one sentence what the limits did."""
        if not self.courses:
            return f"Exposure: no course was refused to any of {self.people:,} people."
        courses = "1 course" if len(self.courses) == 1 else f"{len(self.courses):,} courses"
        whose = "1 person gets" if self.unmailed == 1 else f"{self.unmailed:,} people get"
        none = f" {whose} no email because of it." if self.unmailed else ""
        return (
            f"Exposure: {courses} reached the limit; {self.displaced:,} of {self.people:,} people are shown "
            f"others instead, or fewer, and that costs {self.given_up:.1%} of the score.{none}"
        )


def read_exposure(run: Mapping[str, Any]) -> ExposureReport | None:
    """Read what a planned run keeps of its limits; None when it has none."""
    kept = run["exposure"]
    if kept is None:
        return None
    ids, titles = run["courses"]["course_id"], run["courses"]["title"]
    return ExposureReport(
        people=kept["people"],
        displaced=kept["displaced"],
        unmailed=kept.get("unmailed", 0),  # older versions counted them among the displaced
        given_up=max(0.0, 1 - kept["worth"] / kept["ideal"]) if kept["ideal"] else 0.0,
        courses=[Exposed(ids[number], titles[number], *counts) for number, *counts in kept["courses"]],
    )
