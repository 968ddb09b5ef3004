"""Five real learners of coco-udemy: what they took, and what recmail would show them, to be read and judged.

    python tests/benchmarks/real_picks.py [SEED]

reads coco-udemy below RECMAIL_DATA (default: ../shared/data from the project's root); says so and ends with 0
when it is not there. The learners are drawn with the seed from those with 5 to 15 courses. Their last fifth
of courses is held out: a * stands before each pick that they did take later. The picks are those of a
campaign: EASE and ALS with their default settings, six shown, two of a category at most, mix .15, every
reason checked. What it prints is of single learners: it is never committed.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy import sparse

from recmail.evaluate.cut import hold_out
from recmail.filters.slate import fill
from recmail.recommend.blend import Blend
from recmail.recommend.blocks.top_picks import TopPicks
from recmail.records import Catalogue, GradedTriples
from tests.benchmarks.quality import HALF_LIFE, SEED, coco_udemy, data_folder
from tests.benchmarks.scoring import catalogue_of, shards_of

LEARNERS, SHOWN = 5, 6
FEWEST, MOST = 5, 15


def drawn(triples: GradedTriples, seed: int) -> np.ndarray:
    """Return user_no of five learners with neither little nor much history, ascending."""
    people, counts = np.unique(triples.user_no, return_counts=True)
    some = people[(counts >= FEWEST) & (counts <= MOST)]
    return np.sort(np.random.default_rng(seed).choice(some, LEARNERS, replace=False))


def written(catalogue: Catalogue, course_no: int) -> str:
    """Write a course in a line."""
    course = catalogue.frame.iloc[course_no]
    return f"{course['title'][:70]} ({course['category'] or 'no category'})"


def main() -> None:
    """Print the five."""
    folder = data_folder()
    if not (folder / "coco-udemy").is_dir():
        print(f"skipped: coco-udemy is not in {folder}; set RECMAIL_DATA")
        return
    triples = coco_udemy(folder)
    courses = int(triples.course_no.max()) + 1
    held = hold_out(triples, courses=courses, relevant_from=0, half_life=HALF_LIFE)
    blend = Blend.fit(held.earlier, courses=courses, seed=SEED)
    catalogue = catalogue_of(held.earlier, courses)
    people = drawn(triples, int(sys.argv[1]) if len(sys.argv) > 1 else SEED)
    mine = held.earlier.where(np.isin(held.earlier.user_no, people))
    rows = np.searchsorted(people, mine.user_no)
    histories = GradedTriples(rows.astype(np.int32), mine.course_no, mine.grade, mine.at)
    shard = next(shards_of(histories, LEARNERS, courses))
    block = TopPicks.model_validate({"show": SHOWN, "variety": {"per_category": 2, "mix": 0.15}})
    slots = fill(shard, catalogue, [block], {"auto": blend}).slots
    later = held.relevant[np.searchsorted(held.people, people)]
    for row in range(LEARNERS):
        order = np.argsort(histories.at[rows == row])
        print(f"\n--- learner {people[row]}: took, the oldest first")
        for course_no in histories.course_no[rows == row][order].tolist():
            print(f"    {written(catalogue, course_no)}")
        print("  picked")
        for slot in slots[slots["person"] == row].itertuples():
            hit = "*" if later[row, slot.course_no] else " "
            print(f"  {hit} {written(catalogue, slot.course_no)}\n        {slot.reason}")
        print("  took later")
        for course_no in sparse.csr_array(later[[row]]).indices.tolist():
            print(f"    {written(catalogue, course_no)}")


if __name__ == "__main__":
    main()
