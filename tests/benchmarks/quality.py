"""How well all scorers rank on real data: the published comparison on ml-100k, and courses by time.

    python tests/benchmarks/quality.py            # both
    python tests/benchmarks/quality.py --films    # ml-100k: three splits, a few minutes
    python tests/benchmarks/quality.py --courses  # coco-udemy: all 24,036 learners, about ten minutes

reads ml-100k and coco-udemy below RECMAIL_DATA (default: ../shared/data from the project's root); says so and
ends with 0 when they are not there. Settings and blends are chosen as `recmail train` does, on a validation
cut inside what is learned from; the test cut is looked at once, at the end.

**Films.** The split of the Microsoft Recommenders comparison (python_stratified_split, by item, .75): a
random number for each row in the file's order, rows sorted by film and that number, the first round(.75 n) of
each film learned from. All others are relevant, whatever their stars. Validation repeats that inside it.
The best published entry, BiVAE: nDCG@10 .475, precision .412, recall .219, MAP .146; Surprise's SVD: .096.

**Courses.** The last fifth of each learner's courses by time, at least one; validation the fifth before.
Interests fade with the half-life that a new recmail.toml has.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from recmail.evaluate.choose import fit_all
from recmail.evaluate.cut import HeldOut, cut, hold_out
from recmail.evaluate.evaluation import NDCG, Evaluation, evaluate
from recmail.evaluate.metrics import ACCURACY
from recmail.evaluate.tune import BLEND, scorer_names, tune
from recmail.records import GradedTriples

SEED = 1
HALF_LIFE = timedelta(days=180)
SPLITS = (42, 1, 2)
FILMS_AT_LEAST = (0.488, 0.420, 0.229, 0.152)
BIVAE = 0.475


def data_folder() -> Path:
    """Return where the real data should be, whether or not it is there."""
    default = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    return Path(os.environ.get("RECMAIL_DATA") or default)


def coco_udemy(folder: Path) -> GradedTriples:
    """Enrolments of 24,036 learners; the rating in the files is always 1 and says nothing."""
    columns = ["user", "course", "grade", "at"]
    parts = [
        pd.read_csv(folder / "coco-udemy" / f"{name}.txt.gz", sep="\t", header=None, names=columns)
        for name in ("valid", "test")
    ]
    return triples_of(pd.concat(parts).assign(grade=3.0))


def ml_100k(folder: Path) -> GradedTriples:
    """100,000 ratings by 943 people of 1,682 films, in the file's order."""
    columns = ["user", "course", "grade", "at"]
    return triples_of(pd.read_csv(folder / "ml-100k" / "u.data.gz", sep="|", header=0, names=columns))


def triples_of(rows: pd.DataFrame) -> GradedTriples:
    """Number people and courses densely; one row for each pair, in the order given."""
    rows = rows.drop_duplicates(["user", "course"])
    numbers = {name: pd.factorize(rows[name], sort=True)[0].astype(np.int32) for name in ("user", "course")}
    at = rows["at"].to_numpy(np.int64) * 1_000_000
    return GradedTriples(numbers["user"], numbers["course"], rows["grade"].to_numpy(np.float32), at)


def stratified(triples: GradedTriples, *, courses: int, seed: int) -> HeldOut:
    """Hold out a quarter of each film's ratings at random."""
    random = np.random.RandomState(seed).random_sample(len(triples))
    order = np.lexsort((random, triples.course_no))
    _, first, counts = np.unique(triples.course_no[order], return_index=True, return_counts=True)
    place = np.arange(len(triples)) - np.repeat(first, counts)
    late = np.empty(len(triples), dtype=bool)
    late[order] = place >= np.repeat(np.round(counts * 0.75), counts)
    return cut(triples, late, courses=courses, relevant_from=0)


def measure(test: HeldOut, validation: HeldOut) -> tuple[Evaluation, str]:
    """Choose on the validation cut, fit on the test cut's earlier part, measure; returns the winner too."""
    started = time.perf_counter()
    tuned = tune(validation, scorer_names(), seed=SEED)
    tuned_s = time.perf_counter() - started
    fitted, _ = fit_all(tuned.settings, test.earlier, courses=test.courses, seed=SEED)
    nothing = np.full(test.courses, -1)
    found = evaluate(fitted, test, category_no=nothing, seed=SEED)
    for name, settings in tuned.settings.items():
        print(
            f"  {name:9} validation {tuned.ndcg[name]:.4f}  {settings.weights if name == BLEND else settings}"
        )
    print(f"  auto is {tuned.winner}; {tuned.blend_adds}; chosen in {tuned_s:,.0f} s")
    return found, tuned.winner


def print_table(rows: Mapping[str, list[float]]) -> None:
    """Print a row for each scorer, the best nDCG first."""
    print(f"  {'':10}" + "".join(f"{name.removesuffix('_at_10'):>11}" for name in ACCURACY))
    for name, values in sorted(rows.items(), key=lambda row: -row[1][0]):
        print(f"  {name:10}" + "".join(f"{value:11.4f}" for value in values))


def accuracy_of(found: Evaluation, name: str) -> list[float]:
    """Return a scorer's means in the order of ACCURACY."""
    return [found.rows[name].accuracy[measure].mean for measure in ACCURACY]


def films(folder: Path) -> None:
    """Print ml-100k's table, the mean over the splits, `auto` being what validation chose in each."""
    triples = ml_100k(folder)
    courses = int(triples.course_no.max()) + 1
    every: dict[str, list[list[float]]] = {}
    for seed in SPLITS:
        test = stratified(triples, courses=courses, seed=seed)
        print(
            f"\nml-100k, split {seed}: {len(test.earlier):,} learned from, {test.relevant.nnz:,} to be found"
        )
        found, auto = measure(test, stratified(test.earlier, courses=courses, seed=seed + 100))
        for name in found.rows:
            every.setdefault(name, []).append(accuracy_of(found, name))
        every.setdefault("auto", []).append(accuracy_of(found, auto))
        ndcg = found.rows[auto].accuracy[NDCG]
        print(f"  auto {ndcg.mean:.4f} ({ndcg.low:.4f} to {ndcg.high:.4f}); BiVAE as published {BIVAE}")
    means = {name: np.mean(rows, axis=0).tolist() for name, rows in every.items() if len(rows) == len(SPLITS)}
    print(f"\nml-100k, mean of the splits {SPLITS}")
    print_table(means)
    for name, at_least, value in zip(ACCURACY, FILMS_AT_LEAST, means["auto"], strict=False):
        print_aim(f"auto {name}", value, at_least)
    print_aim("svd alone ndcg_at_10", means["svd"][0], 0.44)


def courses_by_time(folder: Path) -> None:
    """Print coco-udemy's table over all learners."""
    triples = coco_udemy(folder)
    courses = int(triples.course_no.max()) + 1
    test = hold_out(triples, courses=courses, relevant_from=0, half_life=HALF_LIFE)
    validation = hold_out(test.earlier, courses=courses, relevant_from=0, half_life=HALF_LIFE)
    print(f"\ncoco-udemy: {len(triples):,} enrolments, {len(test.people):,} learners measured")
    found, auto = measure(test, validation)
    print_table({name: accuracy_of(found, name) for name in found.rows})
    for name, row in found.rows.items():
        groups = ", ".join(f"{group} {value.mean:.4f}" for group, value in row.groups.items())
        print(f"  {name:10} {groups}, coverage {row.variety['coverage']:.2f}, gini {row.variety['gini']:.2f}")
    ndcg = {name: row.accuracy[NDCG].mean for name, row in found.rows.items()}
    alike = max(ndcg["popular"], ndcg["trending"])
    print_aim("auto ndcg_at_10", ndcg[auto], 0.080)
    gain = found.difference(auto, "ease", seed=SEED)
    print(f"  auto against ease, paired: {gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})")
    print_aim("auto over the best of popular and trending", ndcg[auto] / alike, 3.5)
    print_aim("svd alone ndcg_at_10", ndcg["svd"], 0.042)
    print_aim("svd over the best of popular and trending", ndcg["svd"] / alike, 2)


def print_aim(what: str, value: float, at_least: float) -> None:
    """Print a figure beside what it should be."""
    print(f"  {what}: {value:.4f}, aim {at_least}: {'reached' if value >= at_least else 'MISSED'}")


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--films", action="store_true", help="only ml-100k")
    parser.add_argument("--courses", action="store_true", help="only coco-udemy")
    asked = parser.parse_args()
    folder = data_folder()
    if not (folder / "coco-udemy").is_dir() or not (folder / "ml-100k").is_dir():
        print(f"skipped: coco-udemy and ml-100k are not in {folder}; set RECMAIL_DATA")
        return
    if asked.films or not asked.courses:
        films(folder)
    if asked.courses or not asked.films:
        courses_by_time(folder)


if __name__ == "__main__":
    main()
