"""Several scorers as one: what each says of a person's courses, standardised and added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from recmail import plugins
from recmail.recommend import Scorer
from recmail.records import GradedTriples

PEOPLE_AT_ONCE = 256


@dataclass(frozen=True)
class Settings:
    """What is blended.

    Attributes:
        weights: by the scorers' names; only their proportions matter. One with 0 only gives the reasons.
        members: the members' own settings as JSON; one that is missing has its defaults.
    """

    weights: Mapping[str, float]
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Blend:
    """The weighted sum of its members' scores, each in standard deviations from that person's mean.

    Its reasons are those of its member with the largest weight whose score is a sum over the history.
    """

    choices: ClassVar[tuple[Settings, ...]] = (Settings({"ease": 1.0, "als": 0.5}),)
    personal: ClassVar[bool] = True

    members: Mapping[str, Scorer]
    settings: Settings

    @classmethod
    def fit(cls, triples: GradedTriples, *, courses: int, seed: int, settings: Settings = choices[0]) -> Self:
        """Fit every member.

        Raises:
            ConfigError: there is no scorer of that name.
            DataError: a grade is not a number.
            ModelError: too little to learn from, or too little memory.
        """
        members = {}
        for name in settings.weights:
            member: Any = plugins.load("recommend", name)
            own = stored_settings(name, settings.members.get(name))
            members[name] = member.fit(triples, courses=courses, seed=seed, settings=own)
        return cls(members, settings)

    @property
    def known(self) -> np.ndarray:
        """Bool per course: all members know it."""
        known: np.ndarray = np.logical_and.reduce([member.known for member in self.members.values()])
        return known

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for every person; see Scorer.score."""
        scores = np.empty(grades.shape, dtype=np.float32)
        for start in range(0, grades.shape[0], PEOPLE_AT_ONCE):
            some = slice(start, start + PEOPLE_AT_ONCE)
            rows, hinted = grades[some], None if hints is None else hints[some]
            standard = {
                name: standardised(self.members[name].score(rows, hinted))
                for name, weight in self.settings.weights.items()
                if weight
            }
            scores[some] = blended(standard, self.settings.weights)
        return scores

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray | None:
        """Return what its additive member says; None without one. See Scorer.weights."""
        return self._additive.weights(taken, offered) if self._additive else None

    @cached_property
    def _additive(self) -> Scorer | None:
        none = np.empty(0, dtype=np.int64)
        by_weight = sorted(self.members, key=lambda name: -self.settings.weights[name])
        additive = [name for name in by_weight if self.members[name].weights(none, none) is not None]
        return self.members[additive[0]] if additive else None

    def parts(self) -> dict[str, np.ndarray]:
        """Return the members' arrays to store."""
        return {
            f"{name}.{part}": array
            for name, member in self.members.items()
            for part, array in member.parts().items()
        }

    def params(self) -> dict[str, Any]:
        """Return the settings and the members' params, as JSON."""
        members = {name: member.params() for name, member in self.members.items()}
        return {"settings": asdict(self.settings), "members": members}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        members = {}
        for name, own in params["members"].items():
            member: Any = plugins.load("recommend", name)
            mine = {
                part.removeprefix(f"{name}."): array
                for part, array in parts.items()
                if part.startswith(f"{name}.")
            }
            members[name] = member.from_parts(mine, own)
        return cls(members, Settings(**params["settings"]))


def stored_settings(name: str, stored: Mapping[str, Any] | None) -> Any:
    """Return a scorer's settings from their JSON, its defaults for None."""
    scorer: Any = plugins.load("recommend", name)
    default = scorer.choices[len(scorer.choices) // 2]
    return default if stored is None else type(default)(**stored)


def standardised(scores: np.ndarray) -> np.ndarray:
    """Return scores in standard deviations from the mean of the person's candidates; -inf stays."""
    there = scores > -np.inf
    filled = np.where(there, scores, np.float32(0))
    count = np.maximum(there.sum(axis=1), 1)
    mean = filled.sum(axis=1, dtype=np.float64) / count
    squares = np.square(filled, dtype=np.float64).sum(axis=1) / count
    spread = np.sqrt(np.maximum(squares - mean * mean, 0))
    # Where all candidates are equal, rounding is all that is left: that says nothing.
    level = spread <= 1e-6 * np.abs(mean)
    spread[level] = 1
    standard: np.ndarray = scores * (1 / spread)[:, np.newaxis].astype(np.float32)
    standard -= (mean / spread)[:, np.newaxis].astype(np.float32)
    standard[level] = np.where(there[level], 0, -np.inf)
    return standard


def blended(standard: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """Return the weighted sum of standardised scores."""
    total = sum(np.float32(weights[name]) * scores for name, scores in standard.items() if weights.get(name))
    return np.asarray(total, dtype=np.float32)
