"""Surprise's SVD as a scorer: Surprise fits course factors, people are folded in from their own history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse

from recmail.errors import DataError, ModelError
from recmail.recommend import graded_pairs
from recmail.records import GradedTriples

if TYPE_CHECKING:
    import surprise

# Rows scored by one matrix product. Always this many, the last ones padded with zeros: a product's last
# bits may depend on its shape, and a person's scores must not depend on the shard they are in.
PEOPLE_AT_ONCE = 256
TRIPLES_AT_ONCE = 20_000  # graded pairs turned into Python numbers together; bounds the fit's memory


@dataclass(frozen=True)
class Settings:
    """How Surprise fits, and how people are folded in.

    nDCG@10 on validation cuts by time (Udemy: 24,036 learners, 5 courses each; ML-100k: 943 people, 80
    films each, 3 stars and more relevant); 64 factors, 20 epochs, 10 negatives, people by ridge 50:

                                               Udemy          ML-100k
        popularity                             .021           .080
        rate .03, reg .01, with biases         .022           .098
        rate .03, reg .01                      .044           .155
        rate .07, reg .03                      .072           .106
        rate .10, reg .03                      .077           .089
        5 / 20 negatives (.03, .01)            .039 / .050    .153 / .149
        32 / 128 factors (.03, .01)            .036 / .053    .150 / -
        all grades 1, not stars (.03, .01)     -              .144

    So biases are never fitted, not even to ratings (observed ratings alone rank below popularity: .10
    against .25 on ML-100k by a random cut), and what is best turns on how much is known of each person:
    evaluate/train.py lets a hold-out choose between SETTINGS. Fresh negatives in each epoch beat fixed ones
    (.050 against .045, test cut of Udemy) and need no memory. A ridge from 5 to 100 moves the result by at
    most 5 %.
    """

    learning_rate: float
    regularization: float
    factors: int = 64
    epochs: int = 20
    negatives: int = 10
    ridge: float = 50.0


SETTINGS = (
    Settings(learning_rate=0.03, regularization=0.01),  # much is known of each person
    Settings(learning_rate=0.1, regularization=0.03),  # little is
)


class ArrayTrainset:
    """What Surprise's SVD.fit asks of a trainset, over numpy arrays sorted by user.

    The factors are those of Surprise's own Trainset for the same order and seed; at 1,000,000 ratings it
    takes a third of the time and 40 % of the memory, because Surprise's holds a boxed tuple for each.
    """

    def __init__(
        self,
        users: np.ndarray,
        items: np.ndarray,
        ratings: np.ndarray,
        *,
        epoch_done: Callable[[], None] = lambda: None,
    ) -> None:
        self.epoch_done = epoch_done
        self.users, self.items, self.ratings = users, items, ratings
        self.n_users, self.n_items = int(users.max()) + 1, int(items.max()) + 1
        self.global_mean = float(ratings.mean(dtype=np.float64))

    def knows_user(self, user: int) -> bool:
        """Tell whether there are factors for this user."""
        return 0 <= user < self.n_users

    def knows_item(self, item: int) -> bool:
        """Tell whether there are factors for this item."""
        return 0 <= item < self.n_items

    def all_ratings(self) -> Iterator[tuple[int, int, float]]:
        """Yield every (user, item, rating); Surprise asks once an epoch."""
        for users, items, ratings in self.chunks():
            yield from zip(users.tolist(), items.tolist(), ratings.tolist(), strict=True)
        self.epoch_done()

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the arrays in pieces, in order."""
        for start in range(0, len(self.users), TRIPLES_AT_ONCE):
            piece = slice(start, start + TRIPLES_AT_ONCE)
            yield self.users[piece], self.items[piece], self.ratings[piece]


class SampledTrainset(ArrayTrainset):
    """Graded pairs and, new in each epoch, courses drawn at random that the person never met, graded 0.

    Without them every answer is right: a constant grade for each enrolment ranks below popularity
    (nDCG@10 .0005 on Udemy).
    """

    def __init__(
        self,
        users: np.ndarray,
        items: np.ndarray,
        ratings: np.ndarray,
        *,
        negatives: int,
        seed: int,
        epoch_done: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(users, items, ratings, epoch_done=epoch_done)
        self._keys = np.sort(users.astype(np.int64) * self.n_items + items)
        self._negatives = negatives
        self._random = np.random.default_rng(seed)

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the pairs in pieces, each person's followed by as many times `negatives` courses not met."""
        for users, items, ratings in super().chunks():
            others = np.repeat(users, self._negatives)
            drawn = self._random.integers(0, self.n_items, len(others))
            keys = others.astype(np.int64) * self.n_items + drawn
            place = np.searchsorted(self._keys, keys)
            new = self._keys[np.minimum(place, len(self._keys) - 1)] != keys
            all_users = np.concatenate([users, others[new]])
            order = np.argsort(all_users, kind="stable")
            all_items = np.concatenate([items, drawn[new]])
            all_ratings = np.concatenate([ratings, np.zeros(new.sum(), ratings.dtype)])
            yield all_users[order], all_items[order], all_ratings[order]


def fit_surprise(trainset: ArrayTrainset, settings: Settings, seed: int) -> surprise.SVD:
    """Fit Surprise's SVD, without biases."""
    import surprise

    algorithm = surprise.SVD(
        n_factors=settings.factors,
        n_epochs=settings.epochs,
        lr_all=settings.learning_rate,
        reg_all=settings.regularization,
        biased=False,
        random_state=seed % 2**32,
    )
    return algorithm.fit(trainset)


def factor_scores(people: np.ndarray, courses: np.ndarray) -> np.ndarray:
    """Score all courses for all people: what Surprise's estimate() says of each pair, in one product.

    Args:
        people: people x factors.
        courses: courses x factors.
    """
    scores: np.ndarray = people @ courses.T
    return scores


@dataclass(frozen=True)
class Svd:
    """Course factors, and how to fold a person in; no person is kept.

    Attributes:
        item_factors: courses x factors, float64; 0 where the course is not known.
        known: bool per course.
        scale: the highest grade of the fit; grades are divided by it, so that targets lie between 0 and 1.
    """

    item_factors: np.ndarray
    known: np.ndarray
    scale: float
    settings: Settings
    seed: int

    @classmethod
    def fit(
        cls,
        triples: GradedTriples,
        *,
        courses: int,
        seed: int,
        settings: Settings = SETTINGS[0],
        epoch_done: Callable[[], None] = lambda: None,
    ) -> Self:
        """Fit Surprise's SVD on graded pairs with sampled negatives, and keep the courses' side.

        Raises:
            DataError: a grade is not a number.
            ModelError: fewer than two people or courses, or the fit did not converge.
        """
        users, items, grades = _best_grades(triples)
        inner_users = np.unique(users, return_inverse=True)[1]
        courses_met, inner_items = np.unique(items, return_inverse=True)
        _check_enough(pairs=len(users), people=len(np.unique(users)), courses=len(courses_met))
        scale = float(grades.max())
        trainset = SampledTrainset(
            inner_users,
            inner_items,
            grades / scale,
            negatives=settings.negatives,
            seed=seed,
            epoch_done=epoch_done,
        )
        factors = fit_surprise(trainset, settings, seed).qi
        if not np.isfinite(factors).all():
            raise ModelError(f"SVD did not converge with a learning rate of {settings.learning_rate:g}")
        known = np.zeros(courses, dtype=bool)
        known[courses_met] = True
        item_factors = np.zeros((courses, settings.factors))
        item_factors[courses_met] = factors
        return cls(item_factors, known, scale, settings, seed)

    @cached_property
    def fold_in(self) -> np.ndarray:
        """Courses x factors, so that `grades / scale @ fold_in` are the factors of people.

        Ridge regression of a person's grades, 0 for every course not met, on the course factors:
        (Q'Q + ridge I)^-1 Q' r. All people share the one inverse, as all their courses count.
        """
        factors = self.item_factors
        gram = factors.T @ factors + self.settings.ridge * np.eye(factors.shape[1])
        solved: np.ndarray = np.linalg.solve(gram, factors.T).T
        return np.ascontiguousarray(solved)

    @cached_property
    def _factors32(self) -> np.ndarray:
        return self.item_factors.astype(np.float32)

    def score(self, grades: sparse.csr_array) -> np.ndarray:
        """Score every course for every person, people folded in from their grades; see Scorer.score."""
        if not np.isfinite(grades.data).all():
            raise DataError("a grade is not a number")
        count, width = grades.shape
        known = self.known[:width]
        scores = np.full((count, width), -np.inf, dtype=np.float32)
        folded = self._people(grades, len(known))
        for start in range(0, count, PEOPLE_AT_ONCE):
            rows = min(PEOPLE_AT_ONCE, count - start)
            block = np.zeros((PEOPLE_AT_ONCE, folded.shape[1]), dtype=np.float32)
            block[:rows] = folded[start : start + rows]
            scores[start : start + rows, : len(known)] = factor_scores(block, self._factors32[:width])[:rows]
        scores[:, : len(known)][:, ~known] = -np.inf
        people, courses = graded_pairs(grades, known)
        scores[people, courses] = -np.inf
        scores[np.bincount(people, minlength=count) == 0] = -np.inf
        return scores

    def _people(self, grades: sparse.csr_array, width: int) -> np.ndarray:
        """Return people x factors, float64; a sparse product sums each row alone, in order."""
        met = grades[:, :width].sorted_indices()
        people: np.ndarray = (met / self.scale) @ self.fold_in[:width]
        return people

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray:
        """Return what a grade of 1 for `taken[i]` adds to the score of `offered[i]`; see Scorer.weights."""
        found = np.zeros(len(taken), dtype=np.float32)
        inside = (taken < len(self.known)) & (offered < len(self.known))
        folded, factors = self.fold_in[taken[inside]], self.item_factors[offered[inside]]
        found[inside] = np.einsum("if,if->i", folded, factors) / self.scale
        return found

    def parts(self) -> dict[str, np.ndarray]:
        """Return the arrays to store."""
        return {"item_factors": self.item_factors, "known": self.known}

    def params(self) -> dict[str, Any]:
        """Return settings, seed and scale, as JSON."""
        return {"settings": asdict(self.settings), "seed": self.seed, "scale": self.scale}

    @classmethod
    def from_parts(cls, parts: Mapping[str, np.ndarray], params: Mapping[str, Any]) -> Self:
        """Return the scorer that was stored."""
        return cls(
            parts["item_factors"],
            parts["known"],
            params["scale"],
            Settings(**params["settings"]),
            params["seed"],
        )


def _best_grades(triples: GradedTriples) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return users, courses and grades above 0, sorted by both, each pair once with its best grade."""
    if not np.isfinite(triples.grade).all():
        raise DataError("a grade is not a number")
    order = np.lexsort((-triples.grade, triples.course_no, triples.user_no))
    users, courses, grades = (array[order] for array in (triples.user_no, triples.course_no, triples.grade))
    first = np.ones(len(users), dtype=bool)
    first[1:] = (users[1:] != users[:-1]) | (courses[1:] != courses[:-1])
    first &= grades > 0
    return users[first], courses[first], grades[first]


def _check_enough(*, pairs: int, people: int, courses: int) -> None:
    if people >= 2 and courses >= 2:
        return
    raise ModelError(
        f"too little to learn from: graded pairs: {pairs:,}, people: {people:,}, courses: {courses:,}; "
        "it takes at least 2 people and 2 courses (who switched personalization off is not counted); "
        "import interactions with: recmail import interactions FILE.csv"
    )
