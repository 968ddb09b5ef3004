"""The places of one block for all people of a shard, as they fill up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from recmail.recommend.blocks import Block
from recmail.records import SLOT_COLUMNS, Offer

RESERVES = 2  # the next best of each block, for courses that close or are taken before sending


def spare_places(blocks: Iterable[Block]) -> int:
    """Return how many candidates a block keeps besides those shown: two are left whatever the others take."""
    return sum(block.show + RESERVES for block in blocks)


@dataclass(frozen=True)
class Source:
    """What places were filled from: a block by name, with the reasons of its offer."""

    name: str
    reasons: Callable[[np.ndarray, np.ndarray], list[str]]
    because: np.ndarray | None


@dataclass
class Places:
    """One block of all people: the places shown, then courses that may become reserves, best first.

    Attributes:
        number: the block's index in the campaign.
        course: int64, people x (show + spare); -1 where empty.
        source: int8, the same shape: index in `sources`.
        filled: int64 per person.
        ideal: float64 per person, what the best candidates would have been worth, each from 0 to 1.
        worth: float64 per person, what was chosen instead of them, so that the block is mixed.
    """

    number: int
    block: Block
    course: np.ndarray
    score: np.ndarray
    source: np.ndarray
    filled: np.ndarray
    ideal: np.ndarray
    worth: np.ndarray
    sources: list[Source] = field(default_factory=list)

    @classmethod
    def empty(cls, number: int, block: Block, *, people: int, spare: int) -> Places:
        """Make places for `people`, with room for `spare` courses besides those shown."""
        shape = (people, block.show + spare)
        return cls(
            number=number,
            block=block,
            course=np.full(shape, -1, dtype=np.int64),
            score=np.full(shape, -np.inf, dtype=np.float32),
            source=np.zeros(shape, dtype=np.int8),
            filled=np.zeros(people, dtype=np.int64),
            ideal=np.zeros(people),
            worth=np.zeros(people),
        )

    @property
    def size(self) -> int:
        """How many courses there is room for."""
        return int(self.course.shape[1])

    @property
    def shown(self) -> np.ndarray:
        """The courses shown: people x show."""
        return self.course[:, : self.block.show]

    def add_source(self, name: str, offer: Offer) -> None:
        """Say where the courses come from that are put from now on."""
        self.sources.append(Source(name, offer.reasons, offer.because))

    def put(self, people: np.ndarray, courses: np.ndarray, scores: np.ndarray) -> None:
        """Put one course into the next free place of each of these people."""
        place = people, self.filled[people]
        self.course[place] = courses
        self.score[place] = scores
        self.source[place] = len(self.sources) - 1
        self.filled[people] += 1

    def only_shown(self) -> np.ndarray:
        """Tell which places are shown and filled: people x (show + spare)."""
        kept: np.ndarray = self.course >= 0
        kept[:, self.block.show :] = False
        return kept

    def rows(self, kept: np.ndarray) -> pd.DataFrame:
        """Return the chosen places as SLOT_COLUMNS, with the reason of each."""
        person, column = np.nonzero(kept)
        place = person, column
        source, course = self.source[place], self.course[place]
        names = np.array([one.name for one in self.sources], dtype=object)
        reason = np.full(len(person), "", dtype=object)
        because = np.full(len(person), -1, dtype=np.int64)
        for number, one in enumerate(self.sources):
            mine = source == number
            reason[mine] = one.reasons(person[mine], course[mine])
            if one.because is not None:
                because[mine] = one.because[person[mine]]
        return pd.DataFrame(
            {
                "person": person,
                "block": self.number,
                "position": (kept.cumsum(axis=1) - 1)[place],
                "course_no": course,
                "score": self.score[place].astype(np.float64),
                "source": names[source] if len(names) else names,
                "fallback": source > 0,
                "reason": reason,
                "because": because,
            }
        )


def enough(filled: Sequence[Places], people: np.ndarray) -> np.ndarray:
    """Tell who of these has what every block insists on, and, where blocks offer courses, one at least."""
    has_enough = np.ones(len(people), dtype=bool)
    anything = np.full(len(people), not filled)
    for places in filled:
        found = (places.shown[people] >= 0).sum(axis=1)
        has_enough &= found >= min(places.block.at_least, places.block.show)
        anything |= found > 0
    has_enough &= anything
    return has_enough


def table(blocks: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join the rows of several blocks, sorted by person, block and position."""
    rows = [block for block in blocks if len(block)]
    if not rows:
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in SLOT_COLUMNS.items()})
    joined = pd.concat(rows, ignore_index=True).astype(SLOT_COLUMNS)
    return joined.sort_values(["person", "block", "position"], kind="stable", ignore_index=True)
