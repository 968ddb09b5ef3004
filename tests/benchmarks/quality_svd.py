"""How well SVD ranks what real people took next, beside popularity, and how fast everybody gets a slate.

    python tests/benchmarks/quality_svd.py              # quality on both sets, then the slates
    python tests/benchmarks/quality_svd.py --quality
    python tests/benchmarks/quality_svd.py --slates

reads coco-udemy and ml-100k below RECMAIL_DATA (default: ../shared/data from the project's root); says so
and ends with 0 when they are not there. The last fifth of each person's courses by time is held out; on
ml-100k only films with 3 stars and more are looked for. With OPENBLAS_NUM_THREADS=1 the slates take one core.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from recmail.evaluate.ranking import HeldOut, Rank, hold_out, measure, popularity
from recmail.filters.slate import fill
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.blocks.top_picks import TopPicks
from recmail.recommend.svd import SETTINGS, Svd
from recmail.records import SHARD_SIZE, Catalogue, GradedTriples, Shard

DAY_US = 86_400 * 1_000_000
SEED = 1


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
    """100,000 ratings by 943 people of 1,682 films."""
    return triples_of(
        pd.read_csv(
            folder / "ml-100k" / "u.data.gz", sep="|", header=0, names=["user", "course", "grade", "at"]
        )
    )


def triples_of(rows: pd.DataFrame) -> GradedTriples:
    """Number people and courses densely; one row for each pair."""
    rows = rows.drop_duplicates(["user", "course"]).assign(
        user=lambda table: pd.factorize(table["user"], sort=True)[0],
        course=lambda table: pd.factorize(table["course"], sort=True)[0],
    )
    rows = rows.sort_values(["user", "course"])
    return GradedTriples(
        rows["user"].to_numpy(np.int32),
        rows["course"].to_numpy(np.int32),
        rows["grade"].to_numpy(np.float32),
        rows["at"].to_numpy(np.int64) * 1_000_000,
    )


def rankings(cut: HeldOut, courses: int) -> Iterator[tuple[str, float, Rank]]:
    """Yield what is compared: name, seconds to fit, ranking."""
    popular = popularity(cut, relevant_from=3)
    yield "popular", 0.0, lambda _: popular
    lately = cut.earlier.at > cut.earlier.at.max() - 90 * DAY_US
    trending = np.bincount(cut.earlier.course_no[lately], minlength=courses)[np.newaxis].astype(np.float32)
    yield "trending, 90 days", 0.0, lambda _: trending
    for settings in SETTINGS:
        started = time.perf_counter()
        svd = Svd.fit(cut.earlier, courses=courses, seed=SEED, settings=settings)
        name = f"svd, rate {settings.learning_rate:g}, reg {settings.regularization:g}"
        yield name, time.perf_counter() - started, svd.score


def print_quality(name: str, triples: GradedTriples) -> None:
    """Print a row for each ranking."""
    courses = int(triples.course_no.max()) + 1
    cut = hold_out(triples, courses=courses, relevant_from=3)
    print(f"\n{name}: {len(triples):,} pairs, {len(cut.people):,} people measured")
    print(f"{'':28}{'nDCG@10':>9}{'recall':>9}{'hit rate':>9}{'fit, s':>8}")
    for ranking, fit_s, rank in rankings(cut, courses):
        found = " ".join(f"{value:8.4f}" for value in measure(rank, cut).values())
        print(f"{ranking:28} {found}{fit_s:8.1f}")


def print_slates(triples: GradedTriples) -> None:
    """Print seconds and memory to score everybody and fill 4 picks, 2 a category, and 2 popular courses."""
    courses, people = int(triples.course_no.max()) + 1, int(triples.user_no.max()) + 1
    svd = Svd.fit(triples, courses=courses, seed=SEED, settings=SETTINGS[-1])
    blocks = [
        TopPicks.model_validate({"show": 4, "variety": {"per_category": 2}}),
        Popular.model_validate({"show": 2}),
    ]
    catalogue, shards = catalogue_of(triples, courses), list(shards_of(triples, people, courses))
    before = peak_mb()
    started = time.perf_counter()
    scored = [svd.score(shard.grades).shape for shard in shards]
    score_s = time.perf_counter() - started
    slates = [fill(shard, catalogue, blocks, {"svd": svd, "auto": svd}) for shard in shards]
    both_s = time.perf_counter() - started - score_s
    filled = sum(len(slate.slots) for slate in slates)
    print(f"\n{people:,} people x {courses:,} courses in {len(scored)} shards: {filled:,} places filled")
    print(
        f"score {score_s:.1f} s; score and fill {both_s:.1f} s; peak {peak_mb():,} MB, before {before:,} MB"
    )


def catalogue_of(triples: GradedTriples, courses: int) -> Catalogue:
    """Return open courses in 70 made-up categories, with their real counts."""
    missing = pd.Series(pd.NaT, index=range(courses), dtype="datetime64[us, UTC]")
    frame = pd.DataFrame({"published_at": missing, "closes_at": missing, "active": True})
    frame["seats"] = pd.Series([None] * courses, dtype=object)
    lately = triples.at > triples.at.max() - 90 * DAY_US
    return Catalogue(
        frame,
        np.random.default_rng(SEED).integers(0, 70, courses).astype(np.int32),
        np.bincount(triples.course_no, minlength=courses),
        np.bincount(triples.course_no[lately], minlength=courses),
    )


def shards_of(triples: GradedTriples, people: int, courses: int) -> Iterator[Shard]:
    """Yield everybody in shards of the usual size."""
    table = sparse.csr_array((triples.grade, (triples.user_no, triples.course_no)), shape=(people, courses))
    for low in range(0, people, SHARD_SIZE):
        grades = table[low : low + SHARD_SIZE]
        frame = pd.DataFrame({"user_no": np.arange(low, low + grades.shape[0]), "personalization": True})
        yield Shard(frame, grades, grades.astype(bool), datetime(2017, 11, 12, tzinfo=UTC))


def peak_mb() -> int:
    """Return the most memory this process has had, in MB (Linux counts in KB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quality", action="store_true", help="only how well it ranks")
    parser.add_argument("--slates", action="store_true", help="only how fast everybody gets a slate")
    asked = parser.parse_args()
    folder = data_folder()
    if not (folder / "coco-udemy").is_dir() or not (folder / "ml-100k").is_dir():
        print(f"skipped: coco-udemy and ml-100k are not in {folder}; set RECMAIL_DATA")
        return
    udemy = coco_udemy(folder)
    if asked.quality or not asked.slates:
        print_quality("coco-udemy", udemy)
        print_quality("ml-100k", ml_100k(folder))
    if asked.slates or not asked.quality:
        print_slates(udemy)


if __name__ == "__main__":
    main()
