"""The block `top_picks`: what the model ranks highest for each person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from recmail.errors import ModelError
from recmail.recommend import Scorer, graded_pairs
from recmail.recommend.blocks import BlockOptions, Words
from recmail.recommend.met import what_they_did
from recmail.recommend.popularity import popularity_offer
from recmail.recommend.searched import hints_of
from recmail.recommend.words import shortened
from recmail.records import Catalogue, Offer, Shard

if TYPE_CHECKING:
    from scipy import sparse

Reasons = Callable[[np.ndarray, np.ndarray], list[str]]


class TopPicks(BlockOptions):
    """The courses that a scorer ranks highest for each person, from their own history."""

    title: Words | None = Field("Picked for you", description="The heading over the courses")
    at_least: int = Field(
        2,
        ge=0,
        le=20,
        description="With fewer, fallback included, the person gets no email; 0: leave the block out",
    )
    fallback: list[str] = Field(["popular"], description="Blocks that fill up when this one has too little")
    scorer: str = Field("auto", description="What ranks: auto, the name of a scorer, or popular")

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        return self.scorer != "popular" or super().needs_model

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Offer what the scorer knows; people without a history get nothing here."""
        if self.scorer == "popular":
            return popularity_offer(catalogue)
        if self.scorer not in scorers:
            raise ModelError(
                f"top_picks: no model has the scorer {self.scorer!r} "
                f"(there are: {', '.join(sorted(scorers)) or 'none'}); run: recmail train"
            )
        scorer = scorers[self.scorer]
        hints = hints_of(shard, catalogue)
        reasons = _named_or_counted(shard, catalogue, scorer, hints)
        return Offer(score=scorer.score(shard.grades, hints), reasons=reasons, personal=True)


def _named_or_counted(
    shard: Shard, catalogue: Catalogue, scorer: Scorer, hints: sparse.csr_array | None
) -> Reasons:
    """Name the course that brought the offered one; where none did alone, say how many it was chosen from."""
    counted = _chosen_from(shard, scorer.known, hints)

    def reasons(rows: np.ndarray, courses: np.ndarray) -> list[str]:
        # scipy comes with it, and `check` of a campaign has no need of that.
        from recmail.recommend.reasons import NO_REASON, because

        sentences = np.array(counted(rows, courses), dtype=object)
        named = because(scorer, shard.grades, rows, courses, hints=hints)
        strong = named != NO_REASON
        titles = catalogue.frame["title"].iloc[named[strong]]
        did = what_they_did(shard, rows[strong], named[strong])
        sentences[strong] = [
            f"Because you {verb} {shortened(title)}" for verb, title in zip(did, titles, strict=True)
        ]
        return list(sentences)

    return reasons


def _chosen_from(shard: Shard, known: np.ndarray, hints: sparse.csr_array | None) -> Reasons:
    """Say what went into the score: how many courses, those taken, else those looked at, and searches."""
    people, courses = graded_pairs(shard.grades, known)
    width = shard.grades.shape[1]
    taken_people = np.repeat(np.arange(len(shard)), np.diff(shard.taken.indptr))
    taken_keys = taken_people * width + shard.taken.indices
    was_taken = np.isin(people * width + courses, taken_keys)
    taken = np.bincount(people[was_taken], minlength=len(shard))
    looked_at = np.bincount(people[~was_taken], minlength=len(shard))

    searched = np.zeros(len(shard), dtype=bool)
    if hints is not None:
        searched[graded_pairs(hints, known)[0]] = True

    def reasons(rows: np.ndarray, _courses: np.ndarray) -> list[str]:
        each = zip(taken[rows].tolist(), looked_at[rows].tolist(), searched[rows].tolist(), strict=True)
        return [_sentence(*of_person) for of_person in each]

    return reasons


def _sentence(took: int, saw: int, searched: bool) -> str:
    count, what = (took, "took") if took else (saw, "looked at")
    if not count:
        return "Chosen from what you searched for"
    courses = "the course" if count == 1 else f"the {count:,} courses"
    return f"Chosen from {courses} you {what}" + (" and your searches" if searched else "")
