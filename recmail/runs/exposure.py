"""Limits over the whole audience: everybody's wishes are gathered, settled, and what it cost is said."""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any
from weakref import WeakSet

import numpy as np

from recmail.engine import give_memory_back
from recmail.errors import StorageError
from recmail.filters.allocating import Allocation, allocate
from recmail.filters.everybody import Audience
from recmail.filters.limits import Exposure, course_limits, how_deep, seats_left
from recmail.filters.mixing import Tastes
from recmail.filters.settling import Settled
from recmail.filters.wishing import Wishes
from recmail.pipeline import Facts
from recmail.recommend.likeness import Content
from recmail.recommend.releases import published_within


@dataclass(frozen=True)
class Settlement:
    """An audience that was settled.

    Attributes:
        people: who may be mailed.
        not_spare: bool, one for each course: no reserve may be made of it.
        let_go: as of an Audience.
    """

    allocation: Allocation
    people: int
    not_spare: np.ndarray
    let_go: Callable[[], None]

    def of(self, low: int, high: int) -> Settled:
        """Return what the people with low <= user_no < high are shown."""
        settled = Settled.of(self.allocation.places, low, high, self.not_spare)
        self.let_go()
        return settled

    def to_json(self) -> dict[str, Any]:
        """Return what a run keeps of it: the courses that were refused to anybody, most refusals first."""
        found = self.allocation
        refused = np.flatnonzero(found.displaced)
        order = refused[np.lexsort((refused, -found.displaced[refused]))]
        columns = (order, found.limits[order], found.shown[order], found.displaced[order])
        return {
            "people": self.people,
            "displaced": int((found.refused & found.mailed).sum()),
            "unmailed": int((found.refused & ~found.mailed).sum()),
            "ideal": found.ideal,
            "worth": found.worth,
            "courses": [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)],
        }


def settle(
    facts: Facts, exposure: Exposure, brought: Iterable[Wishes | None], *, last: int, seed: int
) -> Settlement:
    """Gather everybody's wishes and settle them.

    Args:
        brought: of all shards, in any order.
        last: the highest user_no.
        seed: the run's.
    """
    blocks, catalogue = facts.campaign.blocks, facts.catalogue
    depth, files = how_deep(blocks, catalogue, exposure), _Files()
    audience = Audience.of(blocks, last + 1, depth=depth, new_array=files.array, let_go=files.let_go)
    for wishes in brought:
        if wishes is not None:
            audience.add(wishes)
    people = int(audience.asked.sum())
    allocation = allocate(
        audience,
        limits=course_limits(catalogue, people, exposure),
        category_no=catalogue.category_no,
        tastes=_tastes(audience, facts),
        seed=seed,
    )
    give_memory_back()
    not_spare = allocation.closed
    if exposure.respect_seats:
        not_spare = not_spare | ~np.isnan(seats_left(catalogue))
    return Settlement(allocation, people, not_spare, files.let_go)


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
