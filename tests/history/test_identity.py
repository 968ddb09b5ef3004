"""Events find their person by any id, in any order; nobody becomes somebody else; what waits is bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.db.connect import writing
from recmail.db.tables import aliases, interactions, pending_events, users
from recmail.history.importing_interactions import CONFLICT
from recmail.history.importing_target import Counts
from tests.history.imported import COURSES, USERS, Import, everything
from tests.history.joined import (
    Bring,
    bring_calls,
    bring_csv,
    identify,
    persons,
    seen,
    view,
    waiting,
)

# --- one after the other --------------------------------------------------------------------------


def test_anonymous_history_is_joined_at_login(database: sa.Engine, filled: Import, calls: Bring) -> None:
    first = calls(view(1, anonymous="x"), view(2, anonymous="y"), view(3, user="a"))
    assert first.counts == Counts(added=1, pending=2)
    second = calls(identify("x", "a"), view(4, anonymous="x"))
    assert second.counts == Counts(added=1, linked=1, settled=1)
    assert persons(database) == {"m1": "a", "m3": "a", "m4": "a"}
    assert waiting(database) == 1
    assert everything(database, aliases, "source", "other_id", "user_no") == [("web", "x", 0)]


def test_the_same_calls_again_change_nothing(database: sa.Engine, filled: Import, calls: Bring) -> None:
    file = [view(1, anonymous="x"), view(2, anonymous="y"), identify("x", "a"), view(3, user="gone")]
    assert calls(*file).counts == Counts(added=1, pending=2, linked=1)
    before = seen(database), waiting(database)
    assert calls(*file).counts == Counts(unchanged=3)
    assert calls(*reversed(file)).counts == Counts(unchanged=3)
    assert (seen(database), waiting(database)) == before


def test_events_wait_for_people_who_are_imported_later(
    database: sa.Engine, bring: Import, calls: Bring
) -> None:
    bring("courses", COURSES)
    result = calls(view(1, user="a"), view(2, anonymous="x"), identify("x", "a"), view(3, anonymous="x"))
    assert result.counts == Counts(pending=3)
    assert waiting(database) == 4  # and the link
    assert bring("users", USERS).counts == Counts(added=2, consents=2, linked=1, settled=3)
    assert persons(database) == {"m1": "a", "m2": "a", "m3": "a"}
    assert waiting(database) == 0


def test_all_fields_survive_the_wait(database: sa.Engine, filled: Import, tmp_path: Path) -> None:
    header = "event_id,other_id,course_id,kind,at,value,amount,currency,seconds,query\n"
    rows = (
        "1,x,sql,enrolled,2026-10-01T10:00:00.123456Z,,49.5,EUR,,\n"
        "2,x,py,rated,2026-10-01,4,,,,\n"
        '3,x,,searched,2026-10-01,,,,1.5,"ä ""\N{SNOWMAN}"\n'
    )
    names = [column.name for column in interactions.c if column.name != "interaction_no"]
    filled("interactions", header + rows, source="web")
    assert everything(database, interactions, "kind") == []
    bring_calls(database, tmp_path, [identify("x", "a")])
    waited = everything(database, interactions, *names)
    with writing(database) as connection:
        connection.execute(interactions.delete())
    filled("interactions", header + rows, source="web")
    assert len(waited) == 3
    assert everything(database, interactions, *names) == waited


def test_links_of_links_lead_to_the_person(database: sa.Engine, bring: Import, calls: Bring) -> None:
    bring("courses", COURSES)
    calls(view(1, anonymous="phone"), identify("phone", "tablet"), identify("tablet", "desk"))
    calls(identify("desk", "a"), view(2, anonymous="tablet"))
    bring("users", USERS)
    assert persons(database) == {"m1": "a", "m2": "a"}
    assert waiting(database) == 0


def test_the_first_link_stays_and_the_second_is_counted(
    database: sa.Engine, filled: Import, calls: Bring
) -> None:
    calls(identify("x", "a"), view(1, anonymous="x"))
    result = calls(identify("x", "b"), view(2, anonymous="x"), view(3, user="b", anonymous="x"))
    assert result.warnings == {CONFLICT: 1}
    assert persons(database) == {"m1": "a", "m2": "a", "m3": "b"}


def test_a_user_id_is_never_another_ones(database: sa.Engine, filled: Import, calls: Bring) -> None:
    result = calls(identify("b", "a"), view(1, user="b"), view(2, anonymous="b"))
    assert result.warnings == {CONFLICT: 1}
    assert result.counts == Counts(added=2)
    assert persons(database) == {"m1": "b", "m2": "b"}
    assert everything(database, aliases, "other_id") == []


def test_ids_of_one_source_mean_nothing_in_another(database: sa.Engine, filled: Import, calls: Bring) -> None:
    calls(identify("x", "a"))
    assert calls(view(1, anonymous="x"), source="app").counts == Counts(pending=1)
    assert calls(identify("x", "b"), source="app").counts == Counts(linked=1, settled=1)
    assert [row[:2] for row in seen(database)] == [("app:m1", "b")]


def test_ids_that_no_database_can_hold_link_nobody(database: sa.Engine, filled: Import, calls: Bring) -> None:
    result = calls(
        identify("x" * 300, "a"),
        identify("x", "u" * 300),
        identify(" \0 ", "a"),
        identify("a", "a"),
        identify("y\0\n", "\ud800a "),
        view(1, anonymous="y\0\ud800"),
        view(2, anonymous="\0"),
    )
    assert result.counts == Counts(added=1, linked=1)
    assert result.rejects == {"user_id or other_id: empty": 1}
    assert persons(database) == {"m1": "a"}


def test_a_file_without_other_ids_only_counts_unknown_people(database: sa.Engine, filled: Import) -> None:
    rows = "user_id,course_id,kind,at\nzoe,sql,viewed,2026-10-01\na,sql,viewed,2026-10-01\n"
    assert filled("interactions", rows).counts == Counts(added=1, unknown_people=1)
    assert waiting(database) == 0
    assert filled("interactions", rows, section="sources.log").counts == Counts(unchanged=1, pending=1)
    assert waiting(database) == 1


def test_without_any_column_of_ids_the_file_is_refused(filled: Import) -> None:
    with pytest.raises(Exception, match="user_id or other_id: this column is missing"):
        filled("interactions", "course_id,kind,at\n")


def test_a_rehearsal_counts_and_keeps_nothing(database: sa.Engine, filled: Import, calls: Bring) -> None:
    calls(view(1, anonymous="x"))
    file = [view(1, anonymous="x"), view(2, anonymous="x"), view(3, user="a"), identify("x", "a")]
    assert calls(*file, dry_run=True).counts == Counts(added=1, pending=1, unchanged=1)
    assert waiting(database) == 1
    assert seen(database) == []


# --- any order ------------------------------------------------------------------------------------

STEPS: list[dict[str, Any] | str] = [
    "users",
    *(view(number, user=user) for number, user in enumerate(("a", "b", "never"))),
    *(view(10 + number, anonymous=one, course="py") for number, one in enumerate(("x", "y", "z", "w", "v"))),
    view(20, user="b", anonymous="x"),
    identify("x", "a"),
    identify("y", "b"),
    identify("w", "y"),
    identify("v", "w"),
    identify("z", "never"),
]
EXPECTED = {"m0": "a", "m1": "b", "m10": "a", "m11": "b", "m13": "b", "m14": "b", "m20": "b"}


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_order_of_files_and_any_repetition_gives_the_same(
    database: sa.Engine, tmp_path: Path, data: st.DataObject
) -> None:
    steps = data.draw(st.permutations(range(len(STEPS))))
    steps += data.draw(st.lists(st.sampled_from(range(len(STEPS))), max_size=4))
    cuts = data.draw(st.sets(st.integers(1, len(steps) - 1), max_size=5))
    with writing(database) as connection:
        for table in (interactions, pending_events, aliases):
            connection.execute(table.delete())
        connection.exec_driver_sql("DELETE FROM consent")
        connection.execute(users.delete())
    bring_csv(database, tmp_path, "courses", COURSES)
    file: list[dict[str, Any]] = []
    for place, step in enumerate([*map(STEPS.__getitem__, steps), "users"]):
        if isinstance(step, str):
            bring_calls(database, tmp_path, file)
            bring_csv(database, tmp_path, "users", USERS)
            file = []
            continue
        file.append(step)
        if place in cuts:
            bring_calls(database, tmp_path, file)
            file = []
    bring_calls(database, tmp_path, file)
    assert persons(database) == EXPECTED
    kept = {str(key) for (key,) in everything(database, pending_events, "event_key")}
    assert kept == {"web:m2", "web:m12", ":web\x1fz\x1fnever"}
