"""Surprise's SVD as a scorer: Surprise fits course factors, people are folded in from their own history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy import sparse

from recmail.errors import ModelError
from recmail.recommend.histories import Pairs, in_blocks, known_histories, place_known, score_known
from recmail.records import GradedTriples

if TYPE_CHECKING:
    import surprise

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
    evaluate/tune.py lets a validation cut choose between SETTINGS. Fresh negatives in each epoch beat fixed
    ones (.050 against .045, test cut of Udemy) and need no memory. A ridge from 5 to 100 moves the result
    by at most 5 %.
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


def estimate_ratings(learned: GradedTriples, asked: GradedTriples, *, seed: int) -> np.ndarray:
    """Predict the ratings of some pairs by Surprise's SVD with its defaults, fitted on other ratings.

    What Surprise's estimate() says, for all pairs at once: mean + biases + product of factors, what is not
    known counting nothing, clipped to the lowest and highest rating.
    """
    import surprise

    order = np.lexsort((learned.course_no, learned.user_no))
    people, users = np.unique(learned.user_no[order], return_inverse=True)
    courses, items = np.unique(learned.course_no[order], return_inverse=True)
    given = learned.grade[order].astype(np.float64)
    fitted = surprise.SVD(random_state=seed % 2**32).fit(ArrayTrainset(users, items, given))
    user = np.minimum(np.searchsorted(people, asked.user_no), len(people) - 1)
    item = np.minimum(np.searchsorted(courses, asked.course_no), len(courses) - 1)
    met, known = people[user] == asked.user_no, courses[item] == asked.course_no
    both = np.einsum("if,if->i", fitted.pu[user], fitted.qi[item])
    estimates = given.mean() + met * fitted.bu[user] + known * fitted.bi[item] + (met & known) * both
    clipped: np.ndarray = np.clip(estimates, given.min(), given.max())
    return clipped


@dataclass(frozen=True)
class Svd:
    """Course factors, and how to fold a person in; no person is kept.

    Attributes:
        item_factors: known courses x factors, float64.
        known: bool per course.
        scale: the highest grade of the fit; grades are divided by it, so that targets lie between 0 and 1.
    """

    choices: ClassVar[tuple[Settings, ...]] = SETTINGS
    personal: ClassVar[bool] = True

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
        pairs = Pairs.of(triples, courses=courses)
        trainset = SampledTrainset(
            pairs.users,
            pairs.courses,
            pairs.grades,
            negatives=settings.negatives,
            seed=seed,
            epoch_done=epoch_done,
        )
        factors = fit_surprise(trainset, settings, seed).qi
        if not np.isfinite(factors).all():
            raise ModelError(f"SVD did not converge with a learning rate of {settings.learning_rate:g}")
        return cls(factors, pairs.known, pairs.scale, settings, seed)

    @cached_property
    def fold_in(self) -> np.ndarray:
        """Known courses x factors, so that `grades / scale @ fold_in` are the factors of people.

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

    def score(self, grades: sparse.csr_array, hints: sparse.csr_array | None = None) -> np.ndarray:
        """Score every course for every person, people folded in from their grades; see Scorer.score."""
        return score_known(grades, self.known, self.scale, self._rank, hints=hints)

    def people(self, grades: sparse.csr_array) -> np.ndarray:
        """Return people x factors, everybody folded in from their own grades; zeros without any."""
        return self._fold(known_histories(grades, self.known, self.scale))

    def _fold(self, histories: sparse.csr_array) -> np.ndarray:
        folded: np.ndarray = histories.astype(np.float64) @ self.fold_in
        return folded

    def _rank(self, histories: sparse.csr_array) -> Iterator[np.ndarray]:
        return in_blocks(self._fold(histories), self._factors32)

    def weights(self, taken: np.ndarray, offered: np.ndarray) -> np.ndarray:
        """Return what a grade of 1 for `taken[i]` adds to the score of `offered[i]`; see Scorer.weights."""
        both, rows, columns = place_known(self.known, taken, offered)
        found = np.zeros(len(taken), dtype=np.float32)
        found[both] = np.einsum("if,if->i", self.fold_in[rows], self.item_factors[columns]) / self.scale
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
