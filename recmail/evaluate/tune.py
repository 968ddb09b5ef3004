"""Choosing: each scorer's settings and the weights of a blend, on a validation cut and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recmail import plugins
from recmail.errors import ModelError
from recmail.evaluate.cut import HeldOut
from recmail.evaluate.intervals import interval
from recmail.evaluate.metrics import accuracy, lists, top_lists
from recmail.recommend import Scorer
from recmail.recommend.blend import Settings as BlendSettings
from recmail.recommend.blend import blended, standardised

BLEND = "blend"
WEIGHTS = (0.25, 0.5, 1.0)  # of a member that joins; the first has 1
PEOPLE_AT_ONCE = 500
PEOPLE = 5_000  # more would cost minutes and change the third digit

Step = Callable[[], None]


@dataclass(frozen=True)
class Tried:
    """What validation found of one scorer.

    Attributes:
        settings: the best of its choices.
        ndcg: nDCG@10 of each person with these.
    """

    settings: Any
    ndcg: np.ndarray


@dataclass(frozen=True)
class Tuned:
    """What validation chose.

    Attributes:
        settings: by scorer, the blend included if it is worth having.
        winner: what ranks best of what is personal: the blend only if it adds something.
        ndcg: nDCG@10 on the validation cut.
        blend_adds: in words, what the best blend gained over the best scorer; empty with only one.
        left_out: scorers that could not be fitted, with the reason.
    """

    settings: Mapping[str, Any]
    winner: str
    ndcg: Mapping[str, float]
    blend_adds: str
    left_out: Mapping[str, str]


def scorer_names() -> list[str]:
    """Return all scorers that are fitted by themselves, in alphabetical order."""
    return [name for name in plugins.names("recommend") if name != BLEND]


def is_personal(name: str) -> bool:
    """Tell whether a scorer ranks for each person anew."""
    scorer: Any = plugins.load("recommend", name)
    return bool(scorer.personal)


def steps_to_tune(names: Sequence[str]) -> int:
    """Return how often `tune` calls `step`."""
    return sum(len(_choices(name)) for name in names) + 1


def tune(held: HeldOut, names: Sequence[str], *, seed: int, step: Step = lambda: None) -> Tuned:
    """Fit every scorer with every setting that may be best, and look for a blend.

    Args:
        held: the validation cut; no part of what is measured later.

    Raises:
        ModelError: no scorer could be fitted.
    """
    held = held.sample(PEOPLE, seed)
    tried: dict[str, Tried] = {}
    fitted: dict[str, Scorer] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            tried[name], fitted[name] = _climb(name, held, seed=seed, step=step)
        except ModelError as error:
            left_out[name] = str(error)
    personal = [name for name in fitted if is_personal(name)]
    if not personal:
        raise ModelError("; ".join(left_out.values()) or "no scorer is personal")
    best = max(personal, key=lambda name: tried[name].ndcg.mean())
    weights, ndcg, adds = _blend({name: fitted[name] for name in personal}, best, tried, held, seed)
    step()
    weights = _with_reasons(weights, fitted, tried)
    settings = {name: one.settings for name, one in tried.items()}
    means = {name: float(one.ndcg.mean()) for name, one in tried.items()}
    if len(weights) > 1:
        settings[BLEND] = BlendSettings(weights, {name: asdict(settings[name]) for name in weights})
        means[BLEND] = float(ndcg.mean())
    return Tuned(settings, BLEND if len(weights) > 1 else best, means, adds, left_out)


def _choices(name: str) -> Sequence[Any]:
    scorer: Any = plugins.load("recommend", name)
    found: Sequence[Any] = scorer.choices
    return found


def _climb(name: str, held: HeldOut, *, seed: int, step: Step) -> tuple[Tried, Scorer]:
    """Begin in the middle of a scorer's choices and go on to a neighbour while that is better."""
    choices = _choices(name)
    plugin: Any = plugins.load("recommend", name)
    found: dict[int, tuple[Tried, Scorer]] = {}
    untried = len(choices)

    def mean(place: int) -> float:
        nonlocal untried
        if not 0 <= place < len(choices):
            return -1.0
        if place not in found:
            scorer = plugin.fit(held.earlier, courses=held.courses, seed=seed, settings=choices[place])
            ndcg = accuracy(lists(scorer.score, held))["ndcg_at_10"]
            found[place] = Tried(choices[place], ndcg), scorer
            untried -= 1
            step()
        return float(found[place][0].ndcg.mean())

    best = len(choices) // 2
    while True:
        better = max((best, best - 1, best + 1), key=mean)
        if better == best:
            break
        found = {place: found[place] for place in (best, better)}  # the others' memory is free again
        best = better
    for _ in range(untried):
        step()
    return found[best]


def _blend(
    fitted: Mapping[str, Scorer], best: str, tried: Mapping[str, Tried], held: HeldOut, seed: int
) -> tuple[dict[str, float], np.ndarray, str]:
    """Let scorers join the best one while the blend is better by more than chance."""
    weights, ndcg, adds = {best: 1.0}, tried[best].ndcg, ""
    while others := [name for name in fitted if name not in weights]:
        options = [{**weights, name: weight} for name in others for weight in WEIGHTS]
        measured = _measure_blends(fitted, options, held)
        top = int(measured.mean(axis=1).argmax())
        gain = interval(measured[top] - ndcg, seed=seed)
        said = (
            f"{written(options[top])}: {gain.mean:+.4f} nDCG@10 on validation "
            f"({gain.low:+.4f} to {gain.high:+.4f})"
        )
        if not gain.above_zero:
            return weights, ndcg, adds if len(weights) > 1 else f"the blend adds nothing sure: {said}"
        weights, ndcg, adds = options[top], measured[top], f"the blend adds: {said}"
    return weights, ndcg, adds


def _with_reasons(
    weights: dict[str, float], fitted: Mapping[str, Scorer], tried: Mapping[str, Tried]
) -> dict[str, float]:
    """Add, with weight 0, the best scorer that is a sum over the history when none of them is."""
    none = np.empty(0, dtype=np.int64)
    additive = [name for name, scorer in fitted.items() if scorer.weights(none, none) is not None]
    if not additive or set(additive) & set(weights):
        return weights
    return {**weights, max(additive, key=lambda name: tried[name].ndcg.mean()): 0.0}


def _measure_blends(
    fitted: Mapping[str, Scorer], options: Sequence[Mapping[str, float]], held: HeldOut
) -> np.ndarray:
    """Return options x people, nDCG@10."""
    ndcg = np.zeros((len(options), len(held.people)))
    used = {name for weights in options for name in weights}
    for start in range(0, len(held.people), PEOPLE_AT_ONCE):
        rows = np.arange(start, min(start + PEOPLE_AT_ONCE, len(held.people)))
        part = held.of(rows)
        standard = {name: standardised(fitted[name].score(part.seen)) for name in used}
        for place, weights in enumerate(options):
            ranked = blended(standard, weights)
            ndcg[place, rows] = accuracy(top_lists(ranked, part))["ndcg_at_10"]
    return ndcg


def written(weights: Mapping[str, float]) -> str:
    """Return weights as people read them."""
    return " + ".join(
        name if weight == 1 else f"{weight:g} {name}" for name, weight in weights.items() if weight
    )
