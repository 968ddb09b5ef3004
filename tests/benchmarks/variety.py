"""What variety costs: MMR and a quota for 100,000 people, from each one's best 50 of 2,000 courses.

    python tests/benchmarks/variety.py [PEOPLE]

The scores are made up: each person likes some of 70 categories, courses have up to four of 150 labels. The
figure is the time in which the places are chosen from the candidates, on one core; to find the candidates is
timed beside it, since a block without variety needs that too. Diversity is 1 - likeness over all pairs shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import pandas as pd

from recmail.filters.best import Candidates, best
from recmail.filters.block_places import Places
from recmail.filters.mixing import POOL, Tastes, choose
from recmail.recommend.blocks import Variety
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.likeness import Content
from recmail.records import SHARD_SIZE, Catalogue, Offer

COURSES, CATEGORIES, LABELS, SHOWN, SEED = 2_000, 70, 150, 10, 7
VARIETIES = {
    "none": Variety(),
    "quota 4": Variety(per_category=4),
    "mix 0.2": Variety(mix=0.2),
    "mix 0.2, quota 4": Variety(mix=0.2, per_category=4),
    "mix 0.2, quota 4, 1 outside, 1 new": Variety(mix=0.2, per_category=4, outside_usual=1, new_releases=1),
}


@dataclass
class Cost:
    """What one kind of variety took and gave."""

    seconds: float = 0.0
    score: float = 0.0
    diversity: list[float] = field(default_factory=list)


def make_catalogue(rng: np.random.Generator) -> Catalogue:
    """Courses of random categories and labels, every fiftieth of them new."""
    category = rng.integers(0, CATEGORIES, COURSES).astype(np.int32)
    labels = [
        [f"label {number}" for number in (LABELS // CATEGORIES * own + rng.integers(0, 4, count)) % LABELS]
        for own, count in zip(category, rng.integers(0, 5, COURSES), strict=True)
    ]
    now = datetime(2026, 11, 2, tzinfo=UTC)
    published = [now - pd.Timedelta(days=5 if number % 50 == 0 else 500) for number in range(COURSES)]
    frame = pd.DataFrame({"topics": [[]] * COURSES, "tags": labels, "published_at": published})
    counts = np.zeros(COURSES, dtype=np.int64)
    return Catalogue(frame, category, counts, counts, counts)


def shards(catalogue: Catalogue, people: int, rng: np.random.Generator) -> Iterator[tuple[Offer, Tastes]]:
    """Yield scores and tastes of everybody in shards of the usual size."""
    content = Content.of(catalogue)
    new = np.arange(COURSES) % 50 == 0
    for low in range(0, people, SHARD_SIZE):
        size = min(SHARD_SIZE, people - low)
        liking = rng.gamma(0.2, size=(size, CATEGORIES)).astype(np.float32)
        score = liking[:, catalogue.category_no] + rng.random((size, COURSES), dtype=np.float32)
        unusual = np.column_stack([liking < np.median(liking), np.zeros(size, dtype=bool)])
        yield Offer(score, lambda rows, courses: [""] * len(rows), True), Tastes(content, unusual, new)


def intra_list_diversity(places: Places, content: Content) -> float:
    """Return how unlike the shown courses are, over all pairs of them."""
    shown = places.shown
    pairs = [
        1 - content.alike(shown[:, one], shown[:, other]) for one, other in combinations(range(SHOWN), 2)
    ]
    return float(np.mean(pairs))


def main() -> None:
    """Measure, and print a table."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = np.random.default_rng(SEED)
    catalogue = make_catalogue(rng)
    costs = {name: Cost() for name in VARIETIES}
    found_s = 0.0
    for offer, tastes in shards(catalogue, people, rng):
        everybody = np.arange(len(offer.score))
        start = time.process_time()
        found = best(offer, np.ones(offer.score.shape, dtype=bool), everybody, POOL)
        found_s += time.process_time() - start
        for name, variety in VARIETIES.items():
            places = Places.empty(0, Popular(show=SHOWN, variety=variety), people=len(everybody), spare=0)
            candidates = Candidates(found.course.copy(), found.score.copy(), found.more)
            start = time.process_time()
            choose(places, candidates, everybody, variety=variety, tastes=tastes)
            costs[name].seconds += time.process_time() - start
            costs[name].score += places.worth.sum() / max(places.ideal.sum(), 1) * len(everybody) / people
            costs[name].diversity.append(intra_list_diversity(places, tastes.content))
    print(f"{people:,} people x {COURSES:,} courses, {SHOWN} shown of the best {POOL}, one core")
    print(f"{'to find the best ' + str(POOL):36}{found_s:6.1f} s")
    for name, cost in costs.items():
        print(
            f"{name:36}{cost.seconds:6.1f} s   diversity {np.mean(cost.diversity):.3f}"
            f"   score kept {cost.score:.1%}"
        )


if __name__ == "__main__":
    main()
