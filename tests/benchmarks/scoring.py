"""How fast and in how much memory people are scored and SVD is fitted, beside what others offer.

    python tests/benchmarks/scoring.py            # all three
    python tests/benchmarks/scoring.py --fold-in  # 100,000 people x 2,000 courses, beside implicit
    python tests/benchmarks/scoring.py --fit      # 1,000,000 shuffled ratings, beside Surprise's own way
    python tests/benchmarks/scoring.py --slates   # everybody of coco-udemy: scores, filters, quota, slots

Run with OPENBLAS_NUM_THREADS=1: one core for everybody. Each fit is a process of its own. Slates need
coco-udemy below RECMAIL_DATA. On a busy machine trust the ratios, which are of one run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from recmail.filters.best import top_columns
from recmail.filters.slate import fill
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.blocks.top_picks import TopPicks
from recmail.recommend.svd import SETTINGS, ArrayTrainset, Settings, Svd, fit_surprise
from recmail.records import (
    EMAILED_COLUMNS,
    PAIR_COLUMNS,
    SEARCH_COLUMNS,
    SHARD_SIZE,
    Catalogue,
    GradedTriples,
    Shard,
)
from tests.benchmarks.quality import coco_udemy, data_folder
from tests.benchmarks.real_variety import read_catalogue

DAY_US = 86_400 * 1_000_000
SEED = 1
PEOPLE, COURSES, FACTORS, TOP, MET = 100_000, 2_000, 64, 50, 20
RATINGS, RATERS, FILMS = 1_000_000, 6_000, 3_000
FIT_SETTINGS = Settings(learning_rate=0.005, regularization=0.02, factors=100, epochs=5)


def peak_mb() -> int:
    """Return the most memory this process has had since it began its program, in MB (Linux).

    getrusage counts what the parent had when it forked, too.
    """
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def resident_mb() -> int:
    """Return what this process has in memory just now, in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# --- fold-in ---------------------------------------------------------------------------------------


def fold_in() -> None:
    """Print both times, three rounds in turn, and how many lists are the same."""
    from implicit.cpu.als import AlternatingLeastSquares

    random = np.random.default_rng(SEED)
    factors = random.normal(size=(COURSES, FACTORS)) / np.sqrt(FACTORS)
    svd = Svd(factors, np.ones(COURSES, dtype=bool), 1.0, SETTINGS[0], SEED)
    grades = histories(random)
    theirs = AlternatingLeastSquares(factors=FACTORS, num_threads=1)
    theirs.item_factors = factors.astype(np.float32)
    theirs.user_factors = np.zeros((1, FACTORS), dtype=np.float32)
    met = sparse.csr_matrix(grades)
    lists: dict[str, np.ndarray] = {}

    def ours() -> None:
        lists["ours"] = np.vstack([top_columns(svd.score(part), TOP) for part in parts(grades)])

    def implicits() -> None:
        theirs.user_factors = (grades.astype(np.float64) @ svd.fold_in).astype(np.float32)
        found, _ = theirs.recommend(np.arange(PEOPLE), met, N=TOP, filter_already_liked_items=True)
        lists["implicit"] = found

    rounds = [(timed(ours), timed(implicits)) for _ in range(3)]
    print(f"\nfold-in and top {TOP} for {PEOPLE:,} people x {COURSES:,} courses, {FACTORS} factors, seconds")
    for mine, other in rounds:
        print(f"  recmail {mine:6.2f}   implicit {other:6.2f}   {other / mine:.2f}x")
    same = (lists["ours"] == lists["implicit"]).all(axis=1).mean()
    print(f"  best of three {min(r[1] for r in rounds) / min(r[0] for r in rounds):.2f}x, aim 1.6x")
    print(f"  the very same list for {same:.3%} of people; the same courses for {same_courses(lists):.3%}")


def same_courses(lists: dict[str, np.ndarray]) -> float:
    """Return for how many people both have the same courses, whatever the order of near-equal ones."""
    ours, others = (np.sort(found, axis=1) for found in lists.values())
    return float((ours == others).all(axis=1).mean())


def histories(random: np.random.Generator) -> sparse.csr_array:
    """Return 20 courses for each person, all grades 1."""
    courses = random.integers(0, COURSES, (PEOPLE, MET))
    people = np.repeat(np.arange(PEOPLE), MET)
    table = sparse.csr_array(
        (np.ones(PEOPLE * MET, dtype=np.float32), (people, courses.ravel())), shape=(PEOPLE, COURSES)
    )
    table.data[:] = 1
    return table


def parts(grades: sparse.csr_array) -> Iterator[sparse.csr_array]:
    """Yield shards of the usual size."""
    for low in range(0, grades.shape[0], SHARD_SIZE):
        yield grades[low : low + SHARD_SIZE]


# --- fit -------------------------------------------------------------------------------------------


def write_ratings(path: Path) -> None:
    """Write 1,000,000 different pairs in random order, user, item and rating, as a .npy file."""
    random = np.random.default_rng(SEED)
    pairs = random.permutation(random.choice(RATERS * FILMS, RATINGS, replace=False))
    users, items = (pd.factorize(numbers)[0] for numbers in (pairs // FILMS, pairs % FILMS))
    np.save(path, np.stack([users, items, random.integers(1, 6, RATINGS)]))


def fit_one(way: str, path: Path) -> None:
    """Fit in this process and print seconds, MB above what the data took, and a hash of the factors."""
    users, items, given = np.load(path)
    given = given.astype(np.float64)
    import surprise

    before, started = resident_mb(), time.perf_counter()
    if way == "surprise":
        frame = pd.DataFrame({"user": users, "item": items, "rating": given})
        own = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(1, 5)))
        algorithm = surprise.SVD(
            n_factors=FIT_SETTINGS.factors,
            n_epochs=FIT_SETTINGS.epochs,
            lr_all=FIT_SETTINGS.learning_rate,
            reg_all=FIT_SETTINGS.regularization,
            biased=False,
            random_state=SEED,
        ).fit(own.build_full_trainset())
    else:
        order = np.argsort(users, kind="stable")
        algorithm = fit_surprise(ArrayTrainset(users[order], items[order], given[order]), FIT_SETTINGS, SEED)
    took = time.perf_counter() - started
    digest = hashlib.sha256(np.ascontiguousarray(algorithm.qi).tobytes()).hexdigest()
    print(took, peak_mb() - before, digest)


def fit() -> None:
    """Print both ways, each in a process of its own."""
    print(f"\nSVD fit, {RATINGS:,} ratings in random order, {FIT_SETTINGS.factors} factors, 5 epochs")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.npy"
        write_ratings(path)
        for way in ("surprise", "arrays"):
            command = [sys.executable, __file__, "--fit-one", way, str(path)]
            words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            took, peak, digest = float(words[0]), int(words[1]), words[2]
            found[way] = took, peak, digest
            print(f"  {way:9} {took:6.1f} s, peak {peak:,} MB above the data")
    theirs, ours = found["surprise"], found["arrays"]
    same = "the same" if theirs[2] == ours[2] else "OTHERS"
    print(f"  {theirs[0] / ours[0]:.1f}x faster, aim 3x; {ours[1] / theirs[1]:.0%} of the memory, aim 50 %")
    print(f"  the factors are {same}")


# --- slates ----------------------------------------------------------------------------------------


def slates() -> None:
    """Print seconds and memory to score everybody and fill 4 picks, 2 a category, and 2 popular courses."""
    triples = coco_udemy(data_folder())
    courses, people = int(triples.course_no.max()) + 1, int(triples.user_no.max()) + 1
    svd = Svd.fit(triples, courses=courses, seed=SEED, settings=SETTINGS[-1])
    blocks = [
        TopPicks.model_validate({"show": 4, "variety": {"per_category": 2}}),
        Popular.model_validate({"show": 2}),
    ]
    catalogue, shards = catalogue_of(triples, courses), list(shards_of(triples, people, courses))
    before = peak_mb()
    score_s = timed(lambda: [svd.score(shard.grades).shape for shard in shards])
    filled: list[int] = []
    both_s = timed(
        lambda: filled.extend(
            len(fill(shard, catalogue, blocks, {"svd": svd, "auto": svd}).slots) for shard in shards
        )
    )
    print(f"\n{people:,} people x {courses:,} courses, {len(shards)} shards: {sum(filled):,} places filled")
    print(f"  score {score_s:.1f} s; score and fill {both_s:.1f} s; peak {peak_mb():,} MB, before {before:,}")


def catalogue_of(triples: GradedTriples, courses: int) -> Catalogue:
    """Return open courses with their real titles, categories and counts."""
    with tempfile.TemporaryDirectory() as out:
        described = read_catalogue(data_folder(), Path(out))
    missing = pd.Series(pd.NaT, index=range(courses), dtype="datetime64[us, UTC]")
    open_to_all = {"published_at": missing, "closes_at": missing, "active": True, "seats": None}
    frame = described.frame.assign(**open_to_all, prerequisites=[[] for _ in range(courses)])
    frame["language"] = pd.Series([None] * courses, dtype=object)
    ages = (triples.at.max() - triples.at) / DAY_US
    counts = (np.bincount(triples.course_no[ages < days], minlength=courses) for days in (np.inf, 90, 14))
    return Catalogue(frame, described.category_no, *counts)


def shards_of(triples: GradedTriples, people: int, courses: int) -> Iterator[Shard]:
    """Yield everybody in shards of the usual size; all they did is to enrol."""
    table = sparse.csr_array((triples.grade, (triples.user_no, triples.course_no)), shape=(people, courses))
    now = datetime(2017, 11, 12, tzinfo=UTC)
    for low in range(0, people, SHARD_SIZE):
        grades = table[low : low + SHARD_SIZE].sorted_indices()
        frame = pd.DataFrame({"user_no": np.arange(low, low + grades.shape[0]), "personalization": True})
        frame["language"] = pd.Series([None] * len(frame), dtype=object)
        took = {
            "person": np.repeat(np.arange(len(frame)), np.diff(grades.indptr)),
            "course_no": grades.indices,
        }
        pairs = pd.DataFrame(took).assign(
            viewed_at=pd.Series(pd.NaT, index=range(grades.nnz), dtype="datetime64[us, UTC]"),
            taken_at=pd.Timestamp(now),
            completed_at=pd.Series(pd.NaT, index=range(grades.nnz), dtype="datetime64[us, UTC]"),
            progress=np.nan,
        )
        yield Shard(
            frame,
            grades,
            grades.astype(bool),
            pairs.astype(PAIR_COLUMNS),
            pd.DataFrame(columns=list(SEARCH_COLUMNS)).astype(SEARCH_COLUMNS),
            pd.DataFrame(columns=list(EMAILED_COLUMNS)).astype(EMAILED_COLUMNS),
            "en",
            now,
        )


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fold-in", action="store_true")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--slates", action="store_true")
    parser.add_argument("--fit-one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit_one:
        way, path = asked.fit_one
        fit_one(way, Path(path))
        return
    everything = not (asked.fold_in or asked.fit or asked.slates)
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        print("OPENBLAS_NUM_THREADS is not 1: the times are not of one core")
    if asked.fold_in or everything:
        fold_in()
    if asked.fit or everything:
        fit()
    if (asked.slates or everything) and (data_folder() / "coco-udemy").is_dir():
        slates()


if __name__ == "__main__":
    main()
