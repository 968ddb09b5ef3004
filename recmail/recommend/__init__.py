"""What each person would want: scorers, one file each, and blocks/, which turn scores into offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from recmail import plugins
from recmail.errors import ConfigError, Problem
from recmail.records import Catalogue, GradedTriples, Offer, Shard
from recmail.settings.values import duration

if TYPE_CHECKING:
    from scipy import sparse


Within = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema(
        {"type": "string", "title": "a time", "pattern": "^[1-9][0-9]{0,5}[mhdw]$", "examples": ["30d"]}
    ),
]
"""A time up to now, written 30d."""


class Scorer(Protocol):
    """Ranks courses for people by what they did before; keeps no person."""

    @classmethod
    def fit(cls, triples: GradedTriples, *, courses: int, seed: int) -> Self:
        """Learn from graded pairs; the same input and seed give the same scorer.

        Args:
            courses: how many the catalogue has; course_no is below it.

        Raises:
            DataError: a grade is not a number.
            ModelError: too little to learn from.
        """
        ...

    @property
    def known(self) -> np.ndarray:
        """Bool, one for each course of the catalogue it was fitted on: somebody had dealt with it."""
        ...

    def score(self, grades: sparse.csr_array) -> np.ndarray:
        """Score every course for every person of a shard, from that person's grades alone.

        Args:
            grades: people x courses; the catalogue may have grown since the fit.

        Returns:
            people x courses, float32, higher is better, for ranking only; -inf for courses that are not
            known, for those that the person has a grade for, and in the whole row of a person without a
            grade for a known course. A person's row does not depend on who else is in the shard.

        Raises:
            DataError: a grade is not a number.
        """
        ...

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray | None:
        """Return what a grade of 1 for the course `taken[i]` adds to the score of `offered[i]`, float32.

        None when the score is not a sum over the history. 0 where either course is not known.
        """
        ...

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        ...

    def params(self) -> dict[str, Any]:
        """Return the rest of what it needs to be itself again, as JSON."""
        ...

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        ...


class Variety(BaseModel):
    """How mixed a block has to be."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    per_category: int | None = Field(None, ge=1, le=20, description="At most so many courses of one category")
    outside_usual: int = Field(0, ge=0, le=20, description="So many from categories the person has not tried")
    new_releases: int = Field(0, ge=0, le=20, description="So many that were published lately")


class Options(BaseModel):
    """What a marketer may write under a block's name; each field of a subclass is a YAML key.

    Attributes:
        scalar: the field that is meant when the YAML has a single value: `- top_picks: 3`.
        not_yet: fields that are understood but not built: a plan refuses them when they are set; a dot leads
            into a nested option.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    scalar: ClassVar[str]
    not_yet: ClassVar[frozenset[str]] = frozenset()

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        return False


class BlockOptions(Options):
    """What all blocks of courses share."""

    scalar: ClassVar[str] = "show"
    not_yet: ClassVar[frozenset[str]] = frozenset(
        {"not_again_within", "variety.outside_usual", "variety.new_releases"}
    )

    title: str | None = Field(None, description="The heading over the courses")
    show: int = Field(3, ge=1, le=20, description="How many courses")
    at_least: int = Field(
        0,
        ge=0,
        le=20,
        description="With fewer, fallback included, the person gets no email; 0: leave the block out; with"
        " none in any block there is no email either",
    )
    fallback: list[str] = Field([], description="Blocks that fill up when this one has too little")
    variety: Variety = Field(Variety(), description="How mixed the block has to be")
    where: str | None = Field(None, description="A condition that every course meets, such as price <= 50")
    not_again_within: Within | None = Field(
        None, description="Nothing that was emailed to the person in this time"
    )

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        return any(fallback_block(name).needs_model for name in self.fallback)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if "at_least" in self.model_fields_set and self.at_least > self.show:
            raise ValueError(f"at_least is {self.at_least}, more than show, which is {self.show}")
        return self


@runtime_checkable
class Block(Protocol):
    """A titled group of courses in the email: BlockOptions and one method."""

    @property
    def show(self) -> int:
        """How many courses it wants."""
        ...

    @property
    def at_least(self) -> int:
        """How few are no email; at most `show` counts."""
        ...

    @property
    def fallback(self) -> Sequence[str]:
        """Names of blocks that fill up."""
        ...

    @property
    def variety(self) -> Variety:
        """How mixed it has to be."""
        ...

    @property
    def where(self) -> str | None:
        """A condition that every course meets, those of `fallback` too."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        ...

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Say how much each person of the shard would want each course, before any filter.

        Raises:
            ModelError: it needs a scorer that is not among `scorers`.
        """
        ...


@cache
def fallback_block(name: str) -> Block:
    """Return the block of that name with its default options, to fill up another one.

    Raises:
        ConfigError: there is no such block, or it offers no courses.
    """
    found = plugins.load("recommend.blocks", name)
    if not hasattr(found, "offer"):
        raise ConfigError(
            [Problem("recmail.recommend.blocks", 0, 0, f"{name!r} offers no courses to fall back on")]
        )
    block: Block = found()
    return block


def graded_pairs(grades: sparse.csr_array, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (person, course) indices of all grades above 0 of courses that a scorer knows."""
    counted = counts(grades, known)
    people = np.repeat(np.arange(grades.shape[0]), np.diff(grades.indptr))
    return people[counted], grades.indices[counted]


def counts(grades: sparse.csr_array, known: np.ndarray) -> np.ndarray:
    """Return bool for each stored grade: it is above 0 and of a course that a scorer knows."""
    counted: np.ndarray = (grades.data > 0) & (grades.indices < len(known))
    counted[counted] = known[grades.indices[counted]]
    return counted
