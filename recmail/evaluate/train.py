"""Training: choose how to fit on what people did later, measure it honestly, fit on everything, promote."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.evaluate.ranking import HeldOut, hold_out, measure, popularity
from recmail.history.reading import read_catalogue, read_grades
from recmail.recommend.models import TrainedOn, promote, save
from recmail.recommend.svd import SETTINGS, Settings, Svd
from recmail.records import GradedTriples

Progress = Callable[[int, int], None]
"""Told the steps done and the steps in all."""

# nDCG@10 varies by about .2 from person to person (ML-100k .27, Udemy .2): the mean of 20, who are half
# of these, is known to within .05, about what the two settings differ by.
ENOUGH_PEOPLE = 40
MEASURED_PEOPLE = 5_000  # as many again choose; more would cost minutes and change the third digit


@dataclass(frozen=True)
class TrainedModel:
    """What training made.

    Attributes:
        version: of the model, now promoted.
        counts: users, courses and pairs it learned from; measured: people whose later courses were looked
            for, 0 with too little data.
        metrics: ndcg_at_10, recall_at_10 and hit_rate_at_10 of svd and popular; empty with too little data.
        took_s: seconds.
    """

    version: str
    counts: dict[str, int]
    metrics: dict[str, dict[str, float]]
    took_s: float


def train(
    engine: sa.Engine,
    *,
    now: datetime,
    seed: int,
    grades: Mapping[str, float],
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit SVD on everything that happened before `now`, measure it on the latest fifth, and promote it.

    Args:
        grades: by kind of interaction, [model] grades.

    Raises:
        ModelError: too little to learn from.
    """
    started = time.monotonic()
    with reading(engine) as connection:
        catalogue = read_catalogue(connection, now)
        triples = read_grades(connection, now, grades)
    courses, step = len(catalogue), _Steps(progress)
    triples = _of_catalogue(triples, courses)
    wanted = _relevant_from(triples, grades)
    cut = hold_out(triples, courses=courses, relevant_from=wanted)
    settings, metrics, measured = SETTINGS[0], {}, 0
    if len(cut.people) >= ENOUGH_PEOPLE:
        chosen = _choose(cut, courses=courses, seed=seed, relevant_from=wanted, step=step)
        settings, metrics, measured = chosen.settings, chosen.metrics, chosen.people
    scorer = Svd.fit(triples, courses=courses, seed=seed, settings=settings, epoch_done=step.done)
    trained_on = TrainedOn.of(triples, catalogue.frame["course_id"])
    counts = {**trained_on.counts, "measured": measured}
    trained_on = replace(trained_on, counts=counts)
    with writing(engine) as connection:
        version = save(connection, scorer, name="svd", trained_on=trained_on, metrics=metrics, now=now)
        promote(connection, version)
    return TrainedModel(version, counts, metrics, time.monotonic() - started)


def _of_catalogue(triples: GradedTriples, courses: int) -> GradedTriples:
    """Leave out courses that another program imported after the catalogue was read."""
    kept = triples.course_no < courses
    return GradedTriples(
        triples.user_no[kept], triples.course_no[kept], triples.grade[kept], triples.at[kept]
    )


class _Steps:
    """Counts epochs: of one fit for each of the settings, and one more on everything."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress, self._done = progress, 0

    def done(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, sum(settings.epochs for settings in SETTINGS) + SETTINGS[0].epochs)


def _relevant_from(triples: GradedTriples, grades: Mapping[str, float]) -> float:
    """What the hold-out looks for: courses people enrolled in, or, where nobody did, all they dealt with.

    [model] grades need not have `enrolled`; then it is all they dealt with, too.
    """
    enrolled = grades.get("enrolled", 0.0)
    return enrolled if (triples.grade >= enrolled).any() else 0.0


@dataclass(frozen=True)
class _Choice:
    settings: Settings
    metrics: dict[str, dict[str, float]]
    people: int


def _choose(cut: HeldOut, *, courses: int, seed: int, relevant_from: float, step: _Steps) -> _Choice:
    """Choose between SETTINGS on one half of the people, and measure the choice on the other."""
    rows = np.random.default_rng(seed).permutation(len(cut.people))[: 2 * MEASURED_PEOPLE]
    choosing, measuring = (cut.of(np.sort(half)) for half in np.array_split(rows, 2))
    fitted = [
        Svd.fit(cut.earlier, courses=courses, seed=seed, settings=settings, epoch_done=step.done)
        for settings in SETTINGS
    ]
    winner = max(fitted, key=lambda scorer: measure(scorer.score, choosing)["ndcg_at_10"])
    popular = popularity(cut, relevant_from=relevant_from)
    metrics = {
        "svd": measure(winner.score, measuring),
        "popular": measure(lambda _: popular, measuring),
    }
    return _Choice(winner.settings, metrics, len(measuring.people))
