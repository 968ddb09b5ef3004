"""Training: choose and measure by what people did later, fit on everything, promote what is better."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.clusters import Cluster
from recmail.db.connect import reading, writing
from recmail.db.tables import users
from recmail.evaluate.choose import Chosen, choose, fit_all, names_to_fit
from recmail.evaluate.clustering import refresh_clusters
from recmail.evaluate.evaluation import Evaluation
from recmail.evaluate.promotion import Verdict, as_json, judge
from recmail.evaluate.ratings import RatingError, rating_error, read_ratings
from recmail.evaluate.tune import is_personal, steps_to_tune, written
from recmail.history.reading import read_catalogue, read_grades
from recmail.recommend.blend import stored_settings
from recmail.recommend.models import Recipe, TrainedOn, promote, promoted_recipe, remove_old, save
from recmail.records import Catalogue, GradedTriples

Progress = Callable[[int, int], None]
"""Told the steps done and the steps in all."""


@dataclass(frozen=True)
class Training:
    """What training made.

    Attributes:
        version: of the model.
        auto: the scorer that it uses by default.
        verdict: whether campaigns use it, and why.
        counts: users, courses and pairs it learned from; people in all; measured: people whose later
            courses were looked for, 0 with too little data.
        evaluation: None with too little data.
        ratings: how well stars are predicted; None with too few.
        settings: of each scorer, as JSON.
        notes: what else there is to say, in sentences.
        clusters: of people of like interests, those with the most people first.
        took_s: seconds.
    """

    version: str
    auto: str
    verdict: Verdict
    counts: Mapping[str, int]
    evaluation: Evaluation | None
    ratings: RatingError | None
    settings: Mapping[str, Mapping[str, Any]]
    notes: Sequence[str]
    clusters: Sequence[Cluster]
    took_s: float = 0.0

    @property
    def auto_in_words(self) -> str:
        """What `auto` means, a blend with its members."""
        weights = self.settings[self.auto].get("weights")
        if not weights:
            return self.auto
        silent = [name for name, weight in weights.items() if not weight]
        return written(weights) + (f", reasons from {silent[0]}" if silent else "")

    @property
    def fallback_share(self) -> float:
        """The share of all people of whom nothing was learned: their blocks show the fallback."""
        people = self.counts["people"]
        return 1 - self.counts["users"] / people if people else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it all under stable names."""
        return {
            "model": self.version,
            "auto": self.auto,
            "promoted": self.verdict.promoted,
            "verdict": self.verdict.words,
            "counts": dict(self.counts),
            "fallback_share": self.fallback_share,
            "evaluation": self.evaluation.to_json() if self.evaluation else None,
            "ratings": self.ratings.to_json() if self.ratings else None,
            "settings": {name: dict(found) for name, found in self.settings.items()},
            "notes": list(self.notes),
            "clusters": [one.to_json() for one in self.clusters],
            "seconds": self.took_s,
        }


@dataclass(frozen=True)
class _Data:
    catalogue: Catalogue
    triples: GradedTriples
    ratings: GradedTriples
    people: int
    incumbent: Recipe | None


def train(
    engine: sa.Engine,
    *,
    now: datetime,
    seed: int,
    grades: Mapping[str, float],
    half_life: timedelta | None = None,
    scorer: str = "auto",
    only: str | None = None,
    progress: Progress | None = None,
) -> Training:
    """Fit all scorers on what happened before `now`, measure them on the latest fifth, and store them.

    Args:
        grades: by kind of interaction, [model] grades.
        half_life: people's grades fade with it when they are scored, [model] half_life.
        scorer: what campaigns are to use by default; auto: what validation says.
        only: fit nothing but this one and what it is compared with, and let campaigns use it.

    Raises:
        ConfigError: there is no scorer of that name.
        ModelError: too little to learn from.
    """
    started = time.monotonic()
    named = only or (scorer if scorer != "auto" else None)
    names = names_to_fit(only, named)
    step = _Steps(progress, steps_to_tune(names) + 2 * len(names) + 2)
    task = _Task(engine, now, seed, grades, half_life, step)
    data = _read(engine, now, grades)
    chosen = _chosen(task, data, names, named)
    trained_on = _trained_on(data, chosen)
    verdict = _judge(chosen, data, trained_on, seed=seed, scorer=scorer, only=only)
    return replace(_made(task, data, chosen, verdict, trained_on), took_s=time.monotonic() - started)


@dataclass(frozen=True)
class _Task:
    engine: sa.Engine
    now: datetime
    seed: int
    grades: Mapping[str, float]
    half_life: timedelta | None
    step: Callable[[], None]


def _chosen(task: _Task, data: _Data, names: Sequence[str], named: str | None) -> Chosen:
    return choose(
        data.triples,
        names,
        named,
        category_no=data.catalogue.category_no,
        relevant_from=_relevant_from(data.triples, task.grades),
        half_life=task.half_life,
        seed=task.seed,
        step=task.step,
    )


def _made(task: _Task, data: _Data, chosen: Chosen, verdict: Verdict, trained_on: TrainedOn) -> Training:
    """Fit what was chosen on everything, store it, and find the clusters anew."""
    auto, settings = _decided(chosen, verdict)
    size, seed = len(data.catalogue), task.seed
    fitted, left_out = fit_all(settings, data.triples, courses=size, seed=seed, step=task.step)
    metrics = chosen.evaluation.to_json() if chosen.evaluation else {}
    version = save(task.engine, fitted, auto=auto, trained_on=trained_on, metrics=metrics, now=task.now)
    if verdict.promoted:
        with writing(task.engine) as connection:
            promote(connection, version)
    remove_old(task.engine)
    said = [*chosen.notes, *(f"left out: {why}" for why in left_out.values())]
    clusters, unclustered = refresh_clusters(
        task.engine, fitted, data.triples, data.catalogue, half_life=task.half_life, now=task.now, seed=seed
    )
    return Training(
        version=version,
        auto=auto,
        verdict=verdict,
        counts=trained_on.counts,
        evaluation=chosen.evaluation,
        ratings=rating_error(data.ratings, courses=size, seed=seed),
        settings={name: as_json(settings[name]) for name in fitted},
        notes=[*said, unclustered] if unclustered else said,
        clusters=clusters,
    )


def _trained_on(data: _Data, chosen: Chosen) -> TrainedOn:
    found = TrainedOn.of(data.triples, data.catalogue.frame["course_id"])
    measured = len(chosen.measured.people) if chosen.evaluation else 0
    return replace(found, counts={**found.counts, "people": data.people, "measured": measured})


def _read(engine: sa.Engine, now: datetime, grades: Mapping[str, float]) -> _Data:
    with reading(engine) as connection:
        catalogue = read_catalogue(connection, now)
        triples = read_grades(connection, now, grades)
        ratings = read_ratings(connection, now, triples)
        everybody = sa.select(sa.func.count()).select_from(users).where(users.c.erased_at.is_(None))
        people = connection.execute(everybody).scalar_one()
        incumbent = promoted_recipe(connection)
    # Without courses that another program imported after the catalogue was read.
    return _Data(catalogue, triples.where(triples.course_no < len(catalogue)), ratings, people, incumbent)


def _relevant_from(triples: GradedTriples, grades: Mapping[str, float]) -> float:
    """What the hold-out looks for: courses people enrolled in, or, where nobody did, all they dealt with.

    [model] grades need not have `enrolled`; then it is all they dealt with, too.
    """
    enrolled = grades.get("enrolled", 0.0)
    return enrolled if (triples.grade >= enrolled).any() else 0.0


def _judge(
    chosen: Chosen, data: _Data, trained_on: TrainedOn, *, seed: int, scorer: str, only: str | None
) -> Verdict:
    if only is None and data.incumbent and scorer not in ("auto", data.incumbent.auto):
        return Verdict(True, None, f"campaigns use it: [model] scorer is {scorer}")
    return judge(
        chosen.auto,
        chosen.settings[chosen.auto],
        data_hash=trained_on.data_hash,
        incumbent=data.incumbent,
        ndcg=chosen.evaluation.rows[chosen.auto].ndcg if chosen.evaluation else None,
        held=chosen.measured,
        seed=seed,
        insists=only is not None,
    )


def _decided(chosen: Chosen, verdict: Verdict) -> tuple[str, dict[str, Any]]:
    """Return what campaigns use by default and the settings of all: the recipe in use may have stayed.

    What is the same for everybody was compared with, and is no part of the model.
    """
    settings = {name: found for name, found in chosen.settings.items() if is_personal(name)}
    if verdict.recipe is None:
        return chosen.auto, settings
    auto = verdict.recipe.auto
    return auto, {**settings, auto: stored_settings(auto, verdict.recipe.settings)}


class _Steps:
    """Counts fits."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._done, self._total = progress, 0, total

    def __call__(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(min(self._done, self._total), self._total)
