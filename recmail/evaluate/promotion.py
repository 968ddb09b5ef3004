"""Which model campaigns use: a new recipe has to be better than the one in use, person by person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recmail import plugins
from recmail.errors import ConfigError, ModelError
from recmail.evaluate.cut import HeldOut
from recmail.evaluate.intervals import interval
from recmail.evaluate.metrics import accuracy, lists
from recmail.recommend import Scorer
from recmail.recommend.blend import stored_settings
from recmail.recommend.models import Recipe


@dataclass(frozen=True)
class Verdict:
    """What becomes of a newly trained model.

    Attributes:
        promoted: campaigns use it from now on.
        recipe: what it is fitted with when that is not what validation chose: the recipe in use.
        words: why, for people.
    """

    promoted: bool
    recipe: Recipe | None
    words: str


def judge(
    winner: str,
    settings: Any,
    *,
    data_hash: str,
    incumbent: Recipe | None,
    ndcg: np.ndarray | None,
    held: HeldOut,
    seed: int,
    insists: bool,
) -> Verdict:
    """Compare what validation chose with the recipe of the model in use, both fitted on the same cut.

    The same recipe on newer data is promoted: it knows the courses and the tastes of today. Another recipe
    is promoted when the whole 95 % interval of the paired difference in nDCG@10 lies above 0; otherwise the
    recipe in use is fitted on the newer data instead.

    Args:
        winner: the scorer that validation chose, with its settings.
        data_hash: of all that is learned from.
        ndcg: nDCG@10 of the winner for each person of the cut; None with too little data to measure.
        insists: somebody asked for this scorer: nothing else is fitted in its place.
    """
    if incumbent is None:
        return Verdict(True, None, "campaigns use it: it is the first model")
    news = data_hash != incumbent.data_hash
    if winner == incumbent.auto and as_json(settings) == incumbent.settings:
        if news:
            return Verdict(True, None, f"campaigns use it: made like {incumbent.version}, from newer data")
        return Verdict(False, None, f"campaigns stay with {incumbent.version}: nothing is new since")
    better, words = _compare(winner, incumbent, ndcg, held, seed)
    if better:
        return Verdict(True, None, f"campaigns use it: {words}")
    if not news or (insists and winner != incumbent.auto):
        return Verdict(False, None, f"campaigns stay with {incumbent.version}: {words}")
    return Verdict(
        True, incumbent, f"campaigns use it: made like {incumbent.version}, from newer data; {words}"
    )


def _compare(
    winner: str, incumbent: Recipe, ndcg: np.ndarray | None, held: HeldOut, seed: int
) -> tuple[bool, str]:
    if ndcg is None:
        return False, f"there is too little data to tell whether {winner} is better"
    try:
        old = fit_recipe(incumbent, held, seed=seed)
    except (ConfigError, ModelError, TypeError, KeyError) as error:
        return True, f"the recipe of {incumbent.version} cannot be made any more: {error}"
    gain = interval(ndcg - accuracy(lists(old.score, held))["ndcg_at_10"], seed=seed)
    words = (
        f"{winner} against {incumbent.auto} of {incumbent.version}: {gain.mean:+.4f} nDCG@10 "
        f"({gain.low:+.4f} to {gain.high:+.4f})"
    )
    how = "" if gain.above_zero else ", worse" if gain.high < 0 else ", not surely better"
    return gain.above_zero, words + how


def fit_recipe(recipe: Recipe, held: HeldOut, *, seed: int) -> Scorer:
    """Fit the recipe of a stored model on the earlier part of a cut."""
    plugin: Any = plugins.load("recommend", recipe.auto)
    settings = stored_settings(recipe.auto, recipe.settings)
    fitted: Scorer = plugin.fit(held.earlier, courses=held.courses, seed=seed, settings=settings)
    return fitted


def as_json(settings: Any) -> Mapping[str, Any]:
    """Return a scorer's settings as they come back from the database."""
    return asdict(settings)
