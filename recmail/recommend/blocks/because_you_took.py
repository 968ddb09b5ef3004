"""The block `because_you_took`: what follows from one course that the person took, and says which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from recmail.errors import ModelError
from recmail.recommend import Scorer
from recmail.recommend.blocks import COURSE, BlockOptions, Within, Words
from recmail.recommend.searched import hints_of
from recmail.recommend.words import shortened
from recmail.records import Catalogue, Offer, Shard

if TYPE_CHECKING:
    from scipy import sparse

ROWS_AT_ONCE = 256  # people whose rankings are cut at once; bounds memory
_LOOKED_AT = 30  # of the person's ranking: what is further down does not follow from anything


class BecauseYouTook(BlockOptions):
    """Courses that one course of the person's own brought into their ranking; empty where no one did."""

    about_one_course: ClassVar[bool] = True

    title: Words | None = Field(
        f"Because you took {COURSE}", description=f"The heading over the courses; {COURSE} is that course"
    )
    scorer: str = Field("auto", description="What ranks: auto, or the name of a scorer that gives reasons")
    finished_within: Within | None = Field(
        None, description="Only courses that the person finished in this time count as that one course"
    )

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        return True

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer the part of the ranking to which one course contributed most."""
        if self.scorer not in scorers:
            raise ModelError(
                f"because_you_took: no model has the scorer {self.scorer!r} "
                f"(there are: {', '.join(sorted(scorers)) or 'none'}); run: recmail train"
            )
        hints = hints_of(shard, catalogue)
        score = scorers[self.scorer].score(shard.grades, hints)
        people, courses = _best(score)
        because, brought = _brought_by_one(
            scorers[self.scorer], shard, hints, (people, courses), score, own=self._own(shard)
        )
        kept = np.full(score.shape, -np.inf, dtype=np.float32)
        place = people[brought], courses[brought]
        kept[place] = score[place]

        def reasons(rows: np.ndarray, _courses: np.ndarray) -> list[str]:
            titles = catalogue.frame["title"].iloc[because[rows]]
            did = "took" if self.finished_within is None else "finished"
            return [f"Because you {did} {shortened(title)}" for title in titles]

        return Offer(score=kept, reasons=reasons, personal=True, because=because)

    def _own(self, shard: Shard) -> np.ndarray:
        """Return the places, person x course, of the courses that it may be about."""
        width = shard.grades.shape[1]
        if self.finished_within is None:
            person = np.repeat(np.arange(len(shard)), np.diff(shard.taken.indptr))
            course_no = shard.taken.indices
        else:
            done = shard.pairs[shard.pairs["completed_at"] > shard.now - self.finished_within]
            person, course_no = done["person"].to_numpy(), done["course_no"].to_numpy()
        places: np.ndarray = person * width + course_no
        return places


def _best(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first _LOOKED_AT of each person's ranking, best first: person and course_no of each."""
    depth = min(_LOOKED_AT, score.shape[1])
    top = np.empty((len(score), depth), dtype=np.int64)
    for start in range(0, len(score) if depth else 0, ROWS_AT_ONCE):  # its columns are twice the scores' size
        part = np.argpartition(-score[start : start + ROWS_AT_ONCE], depth - 1, axis=1)[:, :depth]
        top[start : start + ROWS_AT_ONCE] = np.sort(part, axis=1)
    by_score = np.argsort(-np.take_along_axis(score, top, axis=1), axis=1, kind="stable")
    order = np.take_along_axis(top, by_score, axis=1)
    people = np.repeat(np.arange(len(score)), depth)
    courses = order.ravel()
    there = score[people, courses] > -np.inf
    return people[there], courses[there]


def _brought_by_one(
    scorer: Scorer,
    shard: Shard,
    hints: sparse.csr_array | None,
    ranked: tuple[np.ndarray, np.ndarray],
    scores: np.ndarray,
    *,
    own: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose for each person which of their own courses brought most, -1: none; tell which pairs it brought.

    A pair counts the more, the higher it ranks. That the course did bring them is checked by leaving it out.
    """
    # scipy comes with it, and `check` of a campaign has no need of that.
    from recmail.recommend.reasons import NO_REASON, STRONG, because, strongest

    people, courses = ranked
    width = shard.grades.shape[1]
    named, share = strongest(scorer, shard.grades, people, courses, hints=hints)
    counts = (named != NO_REASON) & (share >= STRONG) & np.isin(people * width + named, own)
    keys, key_of = np.unique(people[counts] * width + named[counts], return_inverse=True)
    rank = np.arange(len(people)) - np.searchsorted(people, people)
    weight = np.bincount(key_of, weights=1 / np.log2(rank[counts] + 2), minlength=len(keys))
    chosen = np.full(len(shard), -1, dtype=np.int64)
    order = np.argsort(weight, kind="stable")  # the last one assigned is the heaviest
    chosen[keys[order] // width] = keys[order] % width
    brought = np.flatnonzero(counts & (named == chosen[people]))
    named_again = because(scorer, shard.grades, people[brought], courses[brought], hints=hints, scores=scores)
    brought = brought[named_again == named[brought]]
    chosen[np.setdiff1d(np.arange(len(shard)), people[brought])] = -1
    return chosen, brought
