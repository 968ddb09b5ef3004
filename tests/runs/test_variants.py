"""Plans with variants and a control group: exact, the same for any workers, frozen, and each counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recmail import pipeline
from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.runs import find_run
from recmail.db.tables import ledger, ledger_context, ledger_events, run_shards
from recmail.errors import RefusedError
from recmail.filters.limits import NO_LIMIT
from recmail.records import MessageState
from recmail.runs import plan as planning
from recmail.runs import shards
from recmail.runs.diff import diff
from recmail.runs.exposure import shared_out
from recmail.runs.funnel import expect
from recmail.runs.plan import build, plan
from recmail.runs.project import Project
from recmail.runs.seal import check_unchanged
from recmail.runs.summary import summarize
from recmail.segment.control_group import in_control_group
from recmail.segment.variants import apportioned
from tests.shards import as_worker
from tests.sixty_people import APART, PEOPLE, sixty_people

S = MessageState
SUBJECT = 'subject: "{{ courses[0].title }}"\n'
OWN = "blocks:\n  - popular_in_your_category: {show: 2, fallback: [popular]}\n"
PICKS = "[{text: Look}, {staff_picks: {show: 3, at_least: 3}}]"
GROUP = "audience: {who: everyone, control_group: 20%}\n"
ALL = "audience: everyone\n"
LIMIT = "exposure: {max_share_per_course: 40%, respect_seats: true}\n"
CAMPAIGNS = {
    "ab": SUBJECT + GROUP + OWN + "variants:\n  - {name: plain, share: 30%}\n"
    f"  - {{name: picks, share: 70%, blocks: {PICKS}}}\n",
    "limited": SUBJECT + GROUP + OWN + LIMIT + "variants:\n  - {name: plain, share: 30%}\n"
    f"  - {{name: picks, share: 70%, blocks: {PICKS}}}\n",
    "alone": SUBJECT + ALL + f"blocks: {PICKS}\n",
    "own": SUBJECT + ALL + OWN,
    "short": SUBJECT + ALL + OWN + "variants:\n  - {name: plain, share: 50%}\n"
    "  - {name: needy, share: 50%, blocks: [{staff_picks: {show: 9, at_least: 9}}]}\n",
}


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    made = sixty_people(tmp_path / "acme", now)
    for name, text in CAMPAIGNS.items():
        (made.folder / "campaigns" / f"{name}.yaml").write_text(text)
    with as_worker(made):
        yield made


def rows_of(project: Project, run_no: int) -> dict[int, Any]:
    """The ledger's row of everybody, with what is frozen of them."""
    query = (
        sa.select(ledger, ledger_context.c.context)
        .outerjoin(
            ledger_context,
            (ledger_context.c.run_no == ledger.c.run_no) & (ledger_context.c.user_no == ledger.c.user_no),
        )
        .where(ledger.c.run_no == run_no)
    )
    with reading(project.engine) as connection:
        return {row.user_no: row for row in connection.execute(query)}


def slots(row: Any) -> list[list[Any]]:
    return [slot[1:] for slot in row.context["slots"]]


def test_everybody_is_in_one_place_and_the_shares_are_exact(project: Project, now: datetime) -> None:
    run_no = plan(project, "ab", now=now, who="test")
    rows = rows_of(project, run_no)
    numbers = np.array([number * APART for number in range(3, PEOPLE)])
    held = in_control_group([f"u{number}" for number in numbers], "ab", 0.2)
    assert {number for number, row in rows.items() if row.state == S.HELD_OUT} == {*numbers[held].tolist()}
    assert 5 <= held.sum() <= 20
    left = int((~held).sum())
    sizes = dict(zip(("plain", "picks"), apportioned(left, [0.3, 0.7]).tolist(), strict=True))
    assert Counter(row.variant for row in rows.values() if row.state == S.PLANNED) == sizes
    with reading(project.engine) as connection:
        counts = account(connection, run_no)
    assert counts.adds_up
    assert counts.audience == PEOPLE
    assert {name: sum(states.values()) for name, states in counts.variants.items()} == sizes
    assert counts.states[S.HELD_OUT] == held.sum()
    assert (int(held.sum()), "control group") in counts.as_rows()
    document = counts.to_dict()["variants"]
    assert {name: one["states"]["planned"] for name, one in document.items()} == sizes


def test_of_the_control_group_nothing_is_frozen(project: Project, now: datetime) -> None:
    rows = rows_of(project, plan(project, "ab", now=now, who="test")).values()
    held = [row for row in rows if row.state == S.HELD_OUT]
    assert [(row.context, row.message_id, row.variant, row.reason) for row in held] == [(None,) * 4] * len(
        held
    )


def test_counting_before_the_plan_says_what_the_plan_does(project: Project, now: datetime) -> None:
    campaign = project.campaign("ab")
    _, before = expect(project, campaign, now=now)
    run_no = plan(project, "ab", now=now, who="test")
    with reading(project.engine) as connection:
        after = account(connection, run_no)
    assert (before.states, before.reasons, before.variants) == (after.states, after.reasons, after.variants)


def test_each_variant_has_its_own_blocks(project: Project, now: datetime) -> None:
    """What people see is what a campaign of these blocks alone shows them; its blocks are numbered on."""
    rows = rows_of(project, plan(project, "ab", now=now, who="test"))
    alone, own = (rows_of(project, plan(project, name, now=now, who="test")) for name in ("alone", "own"))
    for number, row in rows.items():
        if row.state == S.PLANNED:
            assert slots(row) == slots((alone if row.variant == "picks" else own)[number])
            assert {slot[0] for slot in row.context["slots"]} == {2 if row.variant == "picks" else 0}
    blocks = {block.named: block for block in summarize(project, 1).blocks}
    assert blocks.keys() == {"popular_in_your_category", "staff_picks (picks)"}
    mailed = Counter(row.variant for row in rows.values())
    assert blocks["staff_picks (picks)"].people == mailed["picks"]
    assert blocks["popular_in_your_category"].people == mailed["plain"]


def test_the_control_group_stays_and_variants_are_drawn_anew(project: Project, now: datetime) -> None:
    first, second = (
        rows_of(project, plan(project, "ab", now=now + timedelta(days=day), who="test")) for day in (0, 1)
    )
    held = [{number for number, row in rows.items() if row.state == S.HELD_OUT} for rows in (first, second)]
    assert held[0] == held[1] != set()
    assert any(row.variant != second[number].variant for number, row in first.items())
    found = diff(project, 1, 2)
    assert (found.both, found.came, found.went) == (PEOPLE - 3 - len(held[0]), {}, {})


def test_who_has_too_few_courses_counts_against_the_variant(project: Project, now: datetime) -> None:
    """There are five staff picks, and one variant wants nine: its people get none, and are not moved."""
    run_no = plan(project, "short", now=now, who="test")
    with reading(project.engine) as connection:
        counts = account(connection, run_no)
    assert counts.adds_up
    assert counts.variants["plain"][S.PLANNED] == counts.states[S.PLANNED] == 29
    assert counts.variants["needy"][S.SKIPPED] == 28
    assert counts.reasons[S.SKIPPED, "too_few_courses"] == 28
    assert (28, "needy", "28 not sent") in counts.variants_as_rows()


def test_another_variant_is_another_content(project: Project, now: datetime) -> None:
    run_no = plan(project, "ab", now=now, who="test")
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        check_unchanged(connection, run)
    with writing(project.engine) as connection:
        mine = ledger.c.variant == "plain", ledger.c.run_no == run_no
        one = sa.select(sa.func.min(ledger.c.user_no)).where(*mine).scalar_subquery()
        connection.execute(sa.update(ledger).where(*mine, ledger.c.user_no == one).values(variant="picks"))
    with reading(project.engine) as connection, pytest.raises(RefusedError, match="is not what was planned"):
        check_unchanged(connection, run)


@pytest.mark.parametrize("campaign", ["ab", "limited"])
def test_workers_in_any_number_and_order_make_one_plan(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch, campaign: str
) -> None:
    """Every shard is planned twice, too, as after a crash that came too late to matter."""
    hashes = {_hash(project, plan(project, campaign, now=now, who="test"))}
    _forget_all_runs(project)
    drive, again = shards.drive, pipeline.plan_shard
    monkeypatch.setattr(planning, "plan_shard", lambda task: again(task) + again(task))
    monkeypatch.setattr(shards, "shard_executor", lambda *_: lambda: ThreadPoolExecutor(2))
    monkeypatch.setattr(
        shards, "drive", lambda maker, work, tasks, window: drive(maker, work, [*tasks][::-1], window=window)
    )
    hashes.add(_hash(project, plan(project, campaign, now=now, who="test")))
    assert len(hashes) == 1


def _forget_all_runs(project: Project) -> None:
    with writing(project.engine) as connection:
        for table in ("ledger_context", "ledger_events", "ledger", "run_shards", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    pipeline._facts.cache_clear()


def _hash(project: Project, run_no: int) -> str:
    with reading(project.engine) as connection:
        return str(find_run(connection, run_no)["content_hash"])


def test_limits_hold_over_all_variants_and_in_each(project: Project, now: datetime) -> None:
    """Course 3 has two seats; another is shown to 40 % of the people, and to so many of each variant's."""
    run_no = plan(project, "limited", now=now, who="test")
    rows = [row for row in rows_of(project, run_no).values() if row.variant]
    report = summarize(project, run_no).exposure
    assert report is not None
    assert report.people == len(rows)
    seen = {
        name: Counter(slot[0] for row in rows if row.variant == name and row.context for slot in slots(row))
        for name in ("plain", "picks")
    }
    both = seen["plain"] + seen["picks"]
    assert 0 < both[3] <= 2
    assert max(both.values()) <= int(0.4 * len(rows))
    for name, counts in seen.items():
        people = sum(row.variant == name for row in rows)
        assert max(counts.values()) < 0.4 * people + 1
    assert max(seen["picks"].values()) >= int(0.4 * sum(row.variant == "picks" for row in rows))
    assert {one.course_id: one.shown for one in report.courses} == {
        one.course_id: both[int(one.course_id[1:])] for one in report.courses
    }


@given(
    st.lists(st.integers(0, 400) | st.just(NO_LIMIT), max_size=8),
    st.lists(st.integers(0, 5_000), min_size=1, max_size=4),
    st.integers(0, 2**60),
)
def test_places_are_shared_out_and_none_is_lost(limits: list[int], people: list[int], seed: int) -> None:
    whole = np.array(limits, dtype=np.int64)
    parts = shared_out(whole, people, seed=seed)
    limited = whole != NO_LIMIT
    assert np.array_equal(np.sum(parts, axis=0)[limited], whole[limited])
    assert all((part[~limited] == NO_LIMIT).all() for part in parts)
    for part, mine in zip(parts, people, strict=True):
        wanted = whole[limited] * (mine / sum(people) if sum(people) else 0)
        assert (np.abs(part[limited] - wanted)[: len(wanted) if sum(people) else 0] < 1 + 1e-9).all()


def test_single_seats_go_to_every_group_by_its_share() -> None:
    parts = shared_out(np.ones(4_000, dtype=np.int64), [300, 100], seed=7)
    assert abs(int(parts[0].sum()) - 3_000) < 200  # the standard deviation is 27


def test_a_plan_that_is_taken_up_is_the_one_that_would_be_made_now(project: Project, now: datetime) -> None:
    """Its planner dies after three shards; before another goes on, 17 people opt out and three opt in."""

    def dies(*_progress: int) -> None:
        if planned_shards(project) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plan(project, "limited", now=now, who="test", progress=dies)
    assert planned_shards(project) == 3
    day_ago = now - timedelta(days=1)
    changed = [Consent(number * APART, "email", number < 3, day_ago, "page") for number in range(20)]
    with writing(project.engine) as connection:
        record_consent(connection, changed)
    build(project, 1, project.campaign("limited"), now=now, who="test")
    with reading(project.engine) as connection:
        events = connection.scalars(sa.select(ledger_events.c.user_no)).all()
        assert account(connection, 1).adds_up
        check_unchanged(connection, find_run(connection, 1))
    assert len(events) == len(set(events))
    taken_up = _hash(project, 1)
    _forget_all_runs(project)
    assert taken_up == _hash(project, plan(project, "limited", now=now, who="test"))


def planned_shards(project: Project) -> int:
    with reading(project.engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(run_shards)) or 0
