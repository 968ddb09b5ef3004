"""A run is made once for a due instant and moves by the table of legal transitions only."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.runs import (
    ENDS,
    claim_shard,
    find_due_run,
    find_run,
    finish_shard,
    free_due_instant,
    insert_run,
    list_runs,
    move_run,
    run_audit,
    shard_findings,
    shard_hashes,
    write_findings,
)
from recmail.db.tables import runs
from recmail.errors import RefusedError
from recmail.records import RunState


def draft(now: datetime, campaign: str = "weekly") -> dict:
    return {
        "campaign": campaign,
        "due_instant": now,
        "campaign_yaml": "subject: Hello",
        "template_bundle": {},
        "settings": {},
        "courses": {},
        "settings_hash": "s",
        "seed": 1,
        "recmail_version": "0",
    }


@pytest.fixture
def run_no(database: sa.Engine, now: datetime) -> int:
    with writing(database) as connection:
        number = insert_run(connection, draft(now))
    assert number is not None
    return number


def set_state(database: sa.Engine, run_no: int, state: str) -> None:
    with writing(database) as connection:
        connection.execute(sa.update(runs).where(runs.c.run_no == run_no).values(state=state))


def test_a_campaign_has_one_run_for_a_due_instant(database: sa.Engine, now: datetime, run_no: int) -> None:
    with writing(database) as connection:
        assert insert_run(connection, draft(now)) is None
        next_week = insert_run(connection, draft(now + timedelta(days=7)))
        other = insert_run(connection, draft(now, "other"))
        assert [run["run_no"] for run in list_runs(connection)] == [other, next_week, run_no]
        assert len(list_runs(connection, campaign="weekly")) == 2


def test_a_run_that_ended_leaves_its_due_instant_to_another(
    database: sa.Engine, now: datetime, run_no: int
) -> None:
    for _ in range(2):
        with writing(database) as connection:
            found = find_due_run(connection, "weekly", now)
            assert found is not None
            assert (found["run_no"], found["state"]) == (run_no, RunState.BUILDING)
            assert find_due_run(connection, "other", now) is None
            free_due_instant(connection, run_no)
            assert find_due_run(connection, "weekly", now) is None
            again = insert_run(connection, draft(now))
            assert again is not None
            run_no = again
    with reading(database) as connection:
        instants = [run["due_instant"] - now for run in list_runs(connection)]
    assert instants == [timedelta(microseconds=n) for n in (0, 2, 1)]  # newest first


# SPEC section 3: approve planned; schedule approved; send approved, sending (goes on) and finished (0 more);
# pause sending; resume paused; cancel any but the ends.
LEGAL_BY_HAND = {
    ("building", "planned"),
    ("building", "failed"),
    ("planned", "approved"),
    ("approved", "scheduled"),
    ("approved", "sending"),
    ("scheduled", "sending"),
    ("sending", "sending"),
    ("finished", "sending"),
    ("paused", "sending"),
    ("sending", "paused"),
    ("sending", "finished"),
    ("planned", "expired"),
    ("approved", "expired"),
    ("scheduled", "expired"),
    *(
        (state, "cancelled")
        for state in ("building", "planned", "approved", "scheduled", "sending", "paused")
    ),
}


def test_only_legal_transitions_are_made(database: sa.Engine, now: datetime, run_no: int) -> None:
    made = set()
    for origin in RunState:
        for target in set(RunState) - {RunState.BUILDING, RunState.MISSED}:
            set_state(database, run_no, origin)
            with writing(database) as connection, suppress(RefusedError):
                move_run(connection, run_no, target, who="ana", now=now)
                made.add((str(origin), str(target)))
    assert made == LEGAL_BY_HAND
    assert {origin for origin, _ in made} & set(ENDS) == {"finished"}


def test_an_illegal_move_says_what_the_run_is(database: sa.Engine, now: datetime, run_no: int) -> None:
    with (
        writing(database) as connection,
        pytest.raises(RefusedError, match=f"run {run_no} is building; it can"),
    ):
        move_run(connection, run_no, RunState.APPROVED, who="ana", now=now)


def test_every_move_is_written_down(database: sa.Engine, now: datetime, run_no: int) -> None:
    with writing(database) as connection:
        move_run(connection, run_no, RunState.PLANNED, who="ana", now=now, content_hash="h", planned_by="ana")
        move_run(connection, run_no, RunState.CANCELLED, who="bo", now=now, reason="wrong week")
    with reading(database) as connection:
        run = find_run(connection, run_no)
        assert (run["state"], run["reason"], run["content_hash"]) == ("cancelled", "wrong week", "h")
        trail = [(row["action"], row["who"], row["detail"]) for row in run_audit(connection, run_no)]
    assert trail == [("planned", "ana", {}), ("cancelled", "bo", {"reason": "wrong week"})]


def test_an_unknown_run_is_named(database: sa.Engine) -> None:
    with reading(database) as connection, pytest.raises(RefusedError, match="there is no run 99"):
        find_run(connection, 99)


def test_a_shard_is_claimed_once(database: sa.Engine, now: datetime, run_no: int) -> None:
    with writing(database) as connection:
        assert claim_shard(connection, run_no, 0, now=now)
        finish_shard(connection, run_no, 0, rows=3, digest="abc")
    with writing(database) as connection:
        assert not claim_shard(connection, run_no, 0, now=now)
        assert shard_hashes(connection, run_no) == {0: "abc"}


def test_what_was_found_in_a_shard_is_kept_with_it(database: sa.Engine, now: datetime, run_no: int) -> None:
    found = {"recmail": "2.0", "people": 3}
    with writing(database) as connection:
        for shard in (1, 0):
            claim_shard(connection, run_no, shard, now=now)
        move_run(connection, run_no, RunState.PLANNED, who="ana", now=now)
        assert write_findings(connection, run_no, 1, {"recmail": "1.0", "people": 2})
        assert write_findings(connection, run_no, 1, found)
        assert not write_findings(connection, run_no, 1, {**found, "people": 1})
        assert shard_findings(connection, run_no) == {0: None, 1: found}


@pytest.mark.parametrize("state", sorted(set(RunState) - {RunState.PLANNED}))
def test_findings_come_too_late_for_a_run_that_is_not_planned_any_more(
    database: sa.Engine, now: datetime, run_no: int, state: str
) -> None:
    with writing(database) as connection:
        claim_shard(connection, run_no, 0, now=now)
    set_state(database, run_no, state)
    with writing(database) as connection:
        assert not write_findings(connection, run_no, 0, {"recmail": "1.0", "people": 0})
        assert shard_findings(connection, run_no) == {0: None}
