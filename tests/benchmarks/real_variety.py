"""What variety costs real learners: MMR and a quota of 4 on the last courses of coco-udemy.

    python tests/benchmarks/real_variety.py

reads coco-udemy below RECMAIL_DATA (default: ../shared/data from the project's root); says so and ends with 0
when it is not there. Everybody's last fifth of courses, at least one, is to be found among ten of the best
50, by a blend of EASE and ALS with their default settings. A strength is chosen on the validation cut (the
fifth before, 5,000 learners): the smallest that makes lists a quarter more diverse with the quota, by both
measures. The test cut is looked at afterwards.

Diversity is intra-list: by category (of two courses, how often the categories differ) and by content (1 -
likeness of category and tags, which is what MMR compares).
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from recmail.evaluate.cut import HeldOut, hold_out
from recmail.evaluate.intervals import interval
from recmail.evaluate.metrics import FIRST, Lists, accuracy
from recmail.filters.best import best
from recmail.filters.block_places import Places
from recmail.filters.mixing import POOL, Tastes, choose
from recmail.recommend.blend import Blend
from recmail.recommend.blocks import Variety
from recmail.recommend.blocks.popular import Popular
from recmail.recommend.likeness import Content
from recmail.records import SHARD_SIZE, Catalogue, GradedTriples, Offer, category_key
from tests.benchmarks.coco_udemy import convert
from tests.benchmarks.quality import HALF_LIFE, SEED, coco_udemy, data_folder, print_aim

QUOTA = 4
STRENGTHS = (0.1, 0.15, 0.2, 0.25, 0.3)
MORE_DIVERSE, NDCG_KEPT = 1.25, 0.92
VALIDATED = 5_000


@dataclass(frozen=True)
class Shown:
    """What one kind of variety showed: nDCG@10 of each person, diversity by category and by content."""

    ndcg: np.ndarray
    by_category: float
    by_content: float
    empty: int

    def gain(self, none: Shown) -> float:
        """Return how many times as diverse it is, by the measure that gained less."""
        return min(self.by_category / none.by_category, self.by_content / none.by_content)

    def line(self, none: Shown) -> str:
        """Write it beside what no variety showed."""
        gain = interval(self.ndcg - none.ndcg, seed=SEED)
        mean = self.ndcg.mean()
        return (
            f"nDCG@10 {mean:.4f} ({mean / none.ndcg.mean() - 1:+.1%}; {gain.mean:+.4f}, {gain.low:+.4f} to "
            f"{gain.high:+.4f})  diversity by category {self.by_category:.3f} "
            f"({self.by_category / none.by_category - 1:+.1%}), by content {self.by_content:.3f} "
            f"({self.by_content / none.by_content - 1:+.1%})"
            + (f"  empty places {self.empty:,}" if self.empty else "")
        )


def read_catalogue(folder: Path, out: Path) -> Catalogue:
    """Return the courses in the order in which quality.py numbers them, with their real category and tags."""
    convert(folder / "coco-udemy", out)
    frame = pd.read_csv(out / "courses.csv", keep_default_na=False).sort_values(
        "course_id", ignore_index=True
    )
    for name in ("topics", "tags"):
        frame[name] = [[one for one in text.split(";") if one] for text in frame[name]]
    keys = pd.Series([category_key(name) for name in frame["category"]], dtype=object)
    nothing = np.zeros(len(frame), dtype=np.int64)
    return Catalogue(frame, pd.factorize(keys)[0].astype(np.int32), nothing, nothing, nothing)


def show(scorer: Blend, held: HeldOut, content: Content, varieties: dict[str, Variety]) -> dict[str, Shown]:
    """Choose ten of everybody's best 50 in each way."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in varieties}
    for start in range(0, len(held.people), SHARD_SIZE):
        part = held.of(np.arange(start, min(start + SHARD_SIZE, len(held.people))))
        score = scorer.score(part.seen)
        everybody = np.arange(len(score))
        offer = Offer(score, lambda rows, courses: [""] * len(rows), True)
        candidates = best(offer, np.ones(score.shape, dtype=bool), everybody, POOL)
        nobody = np.zeros((len(score), int(content.category_no.max()) + 2), dtype=bool)
        tastes = Tastes(
            content, nobody, np.zeros(held.courses, dtype=bool)
        )  # nothing has to be unusual or new
        for name, variety in varieties.items():
            places = Places.empty(0, Popular(show=FIRST, variety=variety), people=len(score), spare=0)
            few = type(candidates)(candidates.course.copy(), candidates.score.copy(), candidates.more)
            choose(places, few, everybody, variety=variety, tastes=tastes)
            found[name].append(places.shown)
    return {name: _measured(np.vstack(parts), held, content) for name, parts in found.items()}


def _measured(course: np.ndarray, held: HeldOut, content: Content) -> Shown:
    keys = (
        np.repeat(np.arange(len(course)), np.diff(held.relevant.indptr)) * held.courses
        + held.relevant.indices
    )
    hit = np.isin(np.arange(len(course))[:, np.newaxis] * held.courses + course, keys)
    wanted = np.asarray(held.relevant.sum(axis=1))
    there = course >= 0
    differ, unlike = [], []
    for one, other in combinations(range(FIRST), 2):
        both = there[:, one] & there[:, other]
        first, second = course[both, one], course[both, other]
        same = (content.category_no[first] == content.category_no[second]) & (content.category_no[first] >= 0)
        differ.append(1 - same)
        unlike.append(1 - content.alike(first, second))
    ndcg = accuracy(Lists(course, hit & there, wanted))["ndcg_at_10"]
    by_category, by_content = (float(np.concatenate(each).mean()) for each in (differ, unlike))
    return Shown(ndcg, by_category, by_content, int((~there).sum()))


def varieties_of(strengths: tuple[float, ...]) -> dict[str, Variety]:
    """Return what is compared: nothing, the quota alone, and the quota with each strength."""
    mixed = {f"mix {mix:g}, quota {QUOTA}": Variety(mix=mix, per_category=QUOTA) for mix in strengths}
    return {"none": Variety(), f"quota {QUOTA}": Variety(per_category=QUOTA), **mixed}


def print_all(title: str, shown: dict[str, Shown]) -> None:
    """Print a line for each kind of variety."""
    print(title)
    for name, one in shown.items():
        print(f"  {name:18} {one.line(shown['none'])}", flush=True)


def measure(triples: GradedTriples, catalogue: Catalogue) -> None:
    """Choose a strength on the validation cut, and print what it does on the test cut."""
    content, courses = Content.of(catalogue), len(catalogue)
    test = hold_out(triples, courses=courses, relevant_from=0, half_life=HALF_LIFE)
    validation = hold_out(test.earlier, courses=courses, relevant_from=0, half_life=HALF_LIFE)
    scorer = Blend.fit(validation.earlier, courses=courses, seed=SEED)
    shown = show(scorer, validation.sample(VALIDATED, SEED), content, varieties_of(STRENGTHS))
    print_all("validation cut", shown)
    enough = [
        mix for mix in STRENGTHS if shown[f"mix {mix:g}, quota {QUOTA}"].gain(shown["none"]) >= MORE_DIVERSE
    ]
    chosen = min(enough, default=STRENGTHS[-1])
    print(f"chosen: mix {chosen:g}")
    scorer = Blend.fit(test.earlier, courses=courses, seed=SEED)
    shown = show(scorer, test, content, varieties_of((chosen,)))
    print_all(f"test cut, {len(test.people):,} learners", shown)
    none, mixed = shown["none"], shown[f"mix {chosen:g}, quota {QUOTA}"]
    print_aim("diversity by category, against none", mixed.by_category / none.by_category, MORE_DIVERSE)
    print_aim("diversity by content, against none", mixed.by_content / none.by_content, MORE_DIVERSE)
    print_aim("nDCG@10 kept", mixed.ndcg.mean() / none.ndcg.mean(), NDCG_KEPT)


def main() -> None:
    """Measure, where the data is."""
    folder = data_folder()
    if not (folder / "coco-udemy").is_dir():
        print(f"skipped: coco-udemy is not in {folder}; set RECMAIL_DATA")
        return
    triples = coco_udemy(folder)
    with tempfile.TemporaryDirectory() as out:
        catalogue = read_catalogue(folder, Path(out))
    ids = int(triples.course_no.max()) + 1
    if len(catalogue) != ids:
        raise SystemExit(f"{len(catalogue):,} courses are described, {ids:,} were taken")
    measure(triples, catalogue)


if __name__ == "__main__":
    main()
