"""What differs between two runs: who came and went, which courses changed, what else did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.emailed import planned_courses
from recmail.db.people import user_ids
from recmail.db.runs import find_run, list_runs
from recmail.db.tables import ledger
from recmail.errors import RefusedError
from recmail.history.reading import last_user_no
from recmail.records import SHARD_SIZE, SKIP_WORDS, RunState
from recmail.render.bundle import TemplateBundle
from recmail.runs.edits import unified
from recmail.runs.project import Project

EXAMPLES = 5
ELSEWHERE = "not in the audience"
_WITHOUT_PLAN = (RunState.BUILDING, RunState.FAILED, RunState.MISSED)
Progress = Callable[[int, int], None] | None


@dataclass(frozen=True)
class CourseChange:
    """How often a course stands in the emails of either run."""

    course_id: str
    title: str
    before: int
    after: int


@dataclass
class Diff:
    """The second run, seen from the first.

    Attributes:
        both: people who have an email in both.
        came: people who have one in the second only, by why they had none in the first.
        went: people who had one in the first only, by why they have none in the second.
        new_course: of `both`, those who get a course that they had not in the first.
        same_courses: of `both`, those whose courses are the same.
        lost_picks: of `both`, those who had courses of the campaign's blocks and now have fallbacks only.
        examples: user_id of some of them.
        courses: where the number of emails differs, the largest difference first.
        made_otherwise: what else the runs differ in, in words: campaign, templates, model, settings.
        campaign_lines: the campaign's text as a unified diff.
    """

    before: int
    after: int
    both: int = 0
    came: Counter[str] = field(default_factory=Counter)
    went: Counter[str] = field(default_factory=Counter)
    new_course: int = 0
    same_courses: int = 0
    lost_picks: int = 0
    examples: list[str] = field(default_factory=list)
    courses: list[CourseChange] = field(default_factory=list)
    made_otherwise: list[str] = field(default_factory=list)
    campaign_lines: list[str] = field(default_factory=list)

    def as_rows(self) -> list[tuple[int, str]]:
        """People and what differs for them, in words; only what occurs."""
        rows = [(self.both, f"have an email in both, run {self.before} and run {self.after}")]
        rows += [(people, f"come in; before: {why}") for why, people in self.came.most_common()]
        rows += [(people, f"go; now: {why}") for why, people in self.went.most_common()]
        rows += [
            (self.new_course, f"of those in both get a course that is new to them{self._share()}"),
            (self.same_courses, "of those in both get the same courses"),
            (self.fewer_courses, "of those in both get fewer courses, none new"),
            (self.lost_picks, "of those in both lose all that was picked for them, and get fallbacks only"),
        ]
        return [rows[0], *(row for row in rows[1:] if row[0])]

    @property
    def fewer_courses(self) -> int:
        """Of `both`, those who lose a course and get none in its place."""
        return self.both - self.same_courses - self.new_course

    def _share(self) -> str:
        return f" ({self.new_course / self.both:.1%})" if self.both else ""

    def to_dict(self) -> dict[str, Any]:
        """The difference with stable keys, for --json."""
        courses = [asdict(course) for course in self.courses]
        return {**vars(self), "fewer_courses": self.fewer_courses, "courses": courses}


def diff(project: Project, before: int, after: int, *, progress: Progress = None) -> Diff:
    """Compare two runs of a project, as `compare` does."""
    with reading(project.engine) as connection:
        return compare(connection, before, after, progress=progress)


def compare(connection: sa.Connection, before: int, after: int, *, progress: Progress = None) -> Diff:
    """Compare the emails that two runs planned, whatever became of them since; memory is that of a shard.

    Raises:
        RefusedError: there is no such run, or it was not planned to its end.
    """
    first, second = _planned(connection, before), _planned(connection, after)
    found = Diff(
        before,
        after,
        made_otherwise=list(_made_otherwise(first, second)),
        campaign_lines=_lines(first, second),
    )
    titles = _names(first) | _names(second)
    shown = np.zeros((2, len(titles)), dtype=np.int64)
    shards = last_user_no(connection) // SHARD_SIZE + 1
    for shard in range(shards):
        _compare(connection, found, shown, shard * SHARD_SIZE)
        if progress:
            progress(shard + 1, shards)
    change = np.abs(shown[1] - shown[0])
    order = np.argsort(-change, kind="stable")[: np.count_nonzero(change)]
    found.courses = [CourseChange(*titles[at], int(shown[0, at]), int(shown[1, at])) for at in order]
    return found


def previous_run(project: Project, run_no: int) -> int:
    """The newest run of the same campaign before this one that has a plan.

    Raises:
        RefusedError: there is no such run, or this is the first.
    """
    with reading(project.engine) as connection:
        campaign = find_run(connection, run_no)["campaign"]
        listed = list_runs(connection, campaign=campaign)
    earlier = (one for one in listed if one["run_no"] < run_no and one["state"] not in _WITHOUT_PLAN)
    before = next(earlier, None)
    if before is None:
        raise RefusedError(
            f"run {run_no} is the first of {campaign}; there is none before it to compare with"
        )
    return int(before["run_no"])


def _planned(connection: sa.Connection, run_no: int) -> Mapping[str, Any]:
    run = find_run(connection, run_no)
    if run["state"] in _WITHOUT_PLAN:
        raise RefusedError(f"run {run_no} is {run['state']}: it has no plan to compare")
    return run


def _names(run: Mapping[str, Any]) -> dict[int, tuple[str, str]]:
    return dict(enumerate(zip(run["courses"]["course_id"], run["courses"]["title"], strict=True)))


def _compare(connection: sa.Connection, found: Diff, shown: np.ndarray, low: int) -> None:
    """Add what differs for the people of one shard."""
    high = low + SHARD_SIZE
    first, second = (_outcomes(connection, run_no, low, high) for run_no in (found.before, found.after))
    people = first.merge(
        second, how="outer", left_index=True, right_index=True, suffixes=("_before", "_after")
    )
    had, has = people["mailed_before"].eq(True), people["mailed_after"].eq(True)
    found.both += int((had & has).sum())
    found.came.update(_why(people.loc[has & ~had, "reason_before"]))
    found.went.update(_why(people.loc[had & ~has, "reason_after"]))
    courses = [planned_courses(connection, run_no, low, high) for run_no in (found.before, found.after)]
    for row, frame in zip(shown, courses, strict=True):
        row += np.bincount(frame["course_no"], minlength=len(row))
    both = people.index[had & has]
    _compare_courses(connection, found, both, *(one[one["user_no"].isin(both)] for one in courses))


def _outcomes(connection: sa.Connection, run_no: int, low: int, high: int) -> pd.DataFrame:
    """Who of a shard was in a run: user_no as index, mailed (an email was planned), reason (words)."""
    inside = ledger.c.run_no == run_no, ledger.c.user_no >= low, ledger.c.user_no < high
    mailed = ledger.c.message_id.is_not(None).label("mailed")
    query = sa.select(ledger.c.user_no, mailed, ledger.c.reason).where(*inside).order_by(ledger.c.user_no)
    rows = pd.read_sql(query, connection, index_col="user_no")
    return rows.astype({"mailed": "object"}).assign(
        reason=rows["reason"].map(SKIP_WORDS).fillna("control group")
    )


def _why(reasons: pd.Series) -> dict[str, int]:
    counted = reasons.fillna(ELSEWHERE).value_counts()
    return {str(why): int(people) for why, people in counted.items()}


def _compare_courses(
    connection: sa.Connection, found: Diff, both: pd.Index, first: pd.DataFrame, second: pd.DataFrame
) -> None:
    """Add what differs in the courses of the people who have an email in both."""
    pairs = ["user_no", "course_no"]
    merged = first[pairs].merge(second[pairs], on=pairs, how="outer", indicator="side")
    gained = merged.loc[merged["side"] == "right_only", "user_no"]
    lost = merged.loc[merged["side"] == "left_only", "user_no"]
    found.new_course += gained.nunique()
    found.same_courses += len(both) - pd.Index(gained).union(pd.Index(lost)).nunique()
    picked = [set(one.loc[~one["is_fallback"], "user_no"]) for one in (first, second)]
    without = sorted(picked[0] - picked[1])
    found.lost_picks += len(without)
    wanted = without[: max(EXAMPLES - len(found.examples), 0)]
    if wanted:
        found.examples += user_ids(connection, wanted)


def _made_otherwise(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    if first["campaign"] != second["campaign"]:
        yield f"campaign: {first['campaign']}, then {second['campaign']}"
    elif first["campaign_yaml"] != second["campaign_yaml"]:
        yield "the campaign was edited"
    files, others = (TemplateBundle.from_json(run["template_bundle"]).files for run in (first, second))
    edited = sorted(name for name in files.keys() | others.keys() if files.get(name) != others.get(name))
    if edited:
        yield f"templates: {', '.join(edited)}"
    if first["model_version"] != second["model_version"]:
        yield f"model: {first['model_version'] or 'none'}, then {second['model_version'] or 'none'}"
    printed, other = first["settings"]["printed"], second["settings"]["printed"]
    keys = sorted(name for name in printed.keys() | other.keys() if printed.get(name) != other.get(name))
    if keys:
        yield f"what is printed from recmail.toml: {', '.join(keys)}"


def _lines(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    if first["campaign"] != second["campaign"]:
        return []
    names = (f"run {first['run_no']}", f"run {second['run_no']}")
    return unified(first["campaign_yaml"], second["campaign_yaml"], names)
