"""From data to scorers with their settings: chosen on a validation cut, then measured on a later one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from recmail import plugins
from recmail.errors import ModelError
from recmail.evaluate.cut import HeldOut, hold_out
from recmail.evaluate.evaluation import NDCG, Evaluation, evaluate
from recmail.evaluate.tune import BLEND, Step, Tuned, is_personal, scorer_names, tune
from recmail.recommend import Scorer
from recmail.recommend.blend import Blend, stored_settings
from recmail.recommend.blend import Settings as BlendSettings
from recmail.records import GradedTriples

# nDCG@10 varies by about .25 from person to person (Udemy .22, ML-100k .27): the mean of 40 is known to
# within .08, more than scorers differ by; with fewer people nothing could be told apart.
ENOUGH_PEOPLE = 40
MEASURED_PEOPLE = 10_000  # more would cost minutes and change the third digit
BASELINES = ("popular", "trending")
PREFERRED = ("ease", "als", "item_knn", "svd")
"""What `auto` means, the first that could be fitted, where there is too little data to choose."""


@dataclass(frozen=True)
class Chosen:
    """What to fit on everything.

    Attributes:
        auto: what campaigns are to use by default.
        settings: by scorer.
        evaluation: None with too little data.
        measured: the cut that the evaluation, and any comparison with it, is of.
        notes: what there is to say, in sentences.
    """

    auto: str
    settings: Mapping[str, Any]
    evaluation: Evaluation | None
    measured: HeldOut
    notes: Sequence[str]


def names_to_fit(only: str | None, named: str | None) -> list[str]:
    """Return the scorers to fit.

    Args:
        only: the one that somebody wants, and nothing but what it is compared with.
        named: the one that campaigns are to use.

    Raises:
        ConfigError: there is no scorer of that name.
        ModelError: it is the same for everybody.
    """
    if named and not is_personal(named):
        raise ModelError(
            f"{named} ranks alike for everybody and is only compared with; show it by the block popular or "
            f"trending_now. There are: {', '.join(filter(is_personal, [*scorer_names(), BLEND]))}"
        )
    if only is None:
        return scorer_names()
    members = stored_settings(BLEND, None).weights if only == BLEND else (only,)
    return sorted({*members, *BASELINES})


def choose(
    triples: GradedTriples,
    names: Sequence[str],
    named: str | None,
    *,
    category_no: np.ndarray,
    relevant_from: float,
    half_life: timedelta | None,
    seed: int,
    step: Step,
) -> Chosen:
    """Choose settings and the best scorer, and measure all on the latest fifth, which chose nothing.

    Args:
        triples: all there is to learn from.
        names: what to fit.
        named: what campaigns are to use whatever is best.
        category_no: of each course of the catalogue.
        relevant_from: the lowest grade of what is looked for.
        half_life: people's grades fade with it.

    Raises:
        ModelError: too little to learn from.
    """
    courses = len(category_no)
    test, validation = _cuts(triples, courses, relevant_from, half_life)
    if min(len(test.people), len(validation.people)) < ENOUGH_PEOPLE:
        return _unmeasured(names, named, test)
    tuned = tune(validation, names, seed=seed, step=step)
    auto, settings = named or tuned.winner, dict(tuned.settings)
    if auto == BLEND and BLEND not in settings:
        settings[BLEND] = _default_blend(tuned)
    measured = test.sample(MEASURED_PEOPLE, seed)
    fitted, left_out = fit_all(settings, measured.earlier, courses=courses, seed=seed, step=step)
    auto = _there(auto, fitted)
    found = evaluate(fitted, measured, category_no=category_no, seed=seed)
    said = [tuned.blend_adds] if tuned.blend_adds else []
    said += [f"left out: {why}" for why in {**tuned.left_out, **left_out}.values()]
    kept = {name: settings[name] for name in fitted}
    return Chosen(auto, kept, found, measured, [*said, *_warnings(auto, found, seed)])


def _unmeasured(names: Sequence[str], named: str | None, test: HeldOut) -> Chosen:
    """Return the default settings, and what is best on other people's data."""
    defaults = {name: stored_settings(name, None) for name in names}
    best = next((name for name in PREFERRED if name in defaults), names[0])
    if named == BLEND:
        defaults[BLEND] = stored_settings(BLEND, None)
    note = "too little data to hold out a part and measure; the model was fitted on all of it"
    return Chosen(named or best, defaults, None, test, [note])


def _cuts(
    triples: GradedTriples, courses: int, relevant_from: float, half_life: timedelta | None
) -> tuple[HeldOut, HeldOut]:
    test = hold_out(triples, courses=courses, relevant_from=relevant_from, half_life=half_life)
    earlier = test.earlier
    return test, hold_out(earlier, courses=courses, relevant_from=relevant_from, half_life=half_life)


def _default_blend(tuned: Tuned) -> BlendSettings:
    weights = stored_settings(BLEND, None).weights
    return BlendSettings(
        weights, {name: asdict(tuned.settings[name]) for name in weights if name in tuned.settings}
    )


def _there(auto: str, fitted: Mapping[str, Scorer]) -> str:
    """Return what was chosen, or, where its memory is gone meanwhile, the next best."""
    return auto if auto in fitted else next(name for name in (*PREFERRED, *fitted) if name in fitted)


def _warnings(auto: str, found: Evaluation, seed: int) -> list[str]:
    """Say it when what everybody is shown would do as well."""
    rivals = [name for name in BASELINES if name in found.rows]
    if not rivals:
        return []
    rival = max(rivals, key=lambda name: found.rows[name].accuracy[NDCG].mean)
    gain = found.difference(auto, rival, seed=seed)
    if gain.above_zero:
        return []
    return [
        f"{auto} is not surely better than {rival}, which is the same for everybody: {gain.mean:+.4f} "
        f"nDCG@10 ({gain.low:+.4f} to {gain.high:+.4f}); blocks without a model may do"
    ]


def fit_all(
    settings: Mapping[str, Any],
    triples: GradedTriples,
    *,
    courses: int,
    seed: int,
    step: Step = lambda: None,
) -> tuple[dict[str, Scorer], dict[str, str]]:
    """Fit each scorer with its settings; a blend takes the members that are there already.

    Returns:
        the scorers, and of those that could not be fitted the reasons.

    Raises:
        ModelError: no personal scorer could be fitted.
    """
    fitted: dict[str, Scorer] = {}
    left_out: dict[str, str] = {}
    for name in sorted(settings, key=lambda name: name == BLEND):
        plugin: Any = plugins.load("recommend", name)
        try:
            ready: Scorer | None = _assembled(settings, fitted) if name == BLEND else None
            fitted[name] = ready or plugin.fit(triples, courses=courses, seed=seed, settings=settings[name])
        except ModelError as error:
            left_out[name] = str(error)
        step()
    if not any(map(is_personal, fitted)):
        raise ModelError("; ".join(dict.fromkeys(left_out.values())) or "no scorer is personal")
    return fitted, left_out


def _assembled(settings: Mapping[str, Any], fitted: Mapping[str, Scorer]) -> Blend | None:
    """Return the blend of scorers that are fitted with the members' very settings; None if one is not."""
    blend: BlendSettings = settings[BLEND]
    if not blend.weights.keys() <= fitted.keys():
        return None
    for name in blend.weights:
        own = stored_settings(name, blend.members.get(name))
        if own != settings[name]:
            return None
    return Blend({name: fitted[name] for name in blend.weights}, blend)
