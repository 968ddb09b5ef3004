"""Events find their person by any id, in any order; nobody becomes somebody else; what waits is bounded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.db.connect import connect, reading, writing
from recmail.db.tables import aliases, courses, interactions, pending_events, users
from recmail.history import identity, settling
from recmail.history.identity import Due, KnownPeople, add_links
from recmail.history.importers import Piece
from recmail.history.importers.segment import Segment
from recmail.history.importing import ImportOptions, ImportResult, import_file, import_piece
from recmail.history.importing_interactions import CONFLICT
from recmail.history.importing_target import Counts
from recmail.history.settling import settle
from tests.history.imported import COURSES, KEY, NOW, USERS, Import, everything
from tests.history.importers.exported import options_of, write_lines

Bring = Callable[..., ImportResult]
_numbers = itertools.count()


def view(number: int, *, user: str = "", anonymous: str = "", course: str = "sql") -> dict[str, Any]:
    """A view, at some second of October."""
    return {
        "type": "track",
        "event": "Viewed",
        "messageId": f"m{number}",
        "timestamp": f"2026-10-01T10:{number // 60 % 60:02}:{number % 60:02}Z",
        "userId": user,
        "anonymousId": anonymous,
        "properties": {"course_id": course},
    }


def identify(anonymous: str, user: str) -> dict[str, Any]:
    return {"type": "identify", "anonymousId": anonymous, "userId": user}


def bring_calls(
    engine: sa.Engine, folder: Path, calls: Sequence[dict[str, Any]], **options: Any
) -> ImportResult:
    """Bring in a file of Segment's calls as a source of recmail.toml does."""
    path = write_lines(folder / f"calls{next(_numbers)}", calls)
    segment = options_of(Segment, kinds={"Viewed": "viewed"})
    piece = Piece(path.name, path, None, lambda knows: segment.open(path, knows))
    found = ImportOptions(**{"source": "web", "section": "sources.web", "project": folder} | options)
    return import_piece(engine, "interactions", piece, now=NOW, key=KEY, options=found)


@pytest.fixture
def calls(database: sa.Engine, tmp_path: Path) -> Bring:
    """How to bring in Segment's calls."""
    return lambda *found, **options: bring_calls(database, tmp_path, found, **options)


def seen(engine: sa.Engine) -> list[tuple[object, ...]]:
    """Key, person and course of all interactions."""
    query = (
        sa.select(interactions.c.event_key, users.c.user_id, courses.c.course_id, interactions.c.at)
        .join(users, users.c.user_no == interactions.c.user_no)
        .join(courses, courses.c.course_no == interactions.c.course_no)
        .order_by(interactions.c.event_key)
    )
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def persons(engine: sa.Engine) -> dict[object, object]:
    return {str(row[0]).removeprefix("web:"): row[1] for row in seen(engine)}


def waiting(engine: sa.Engine) -> int:
    return len(everything(engine, pending_events, "event_key"))


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


# --- people who were erased -----------------------------------------------------------------------


def erase(engine: sa.Engine, user_id: str) -> None:
    with writing(engine) as connection:
        connection.execute(users.update().where(users.c.user_id == user_id).values(erased_at=NOW))


def test_what_waits_for_people_who_were_erased_goes_for_good(
    database: sa.Engine, filled: Import, calls: Bring
) -> None:
    calls(view(1, anonymous="x"), view(2, anonymous="x"))
    erase(database, "a")
    assert calls(identify("x", "a"), view(3, anonymous="x"), view(4, user="a")).counts == Counts(
        erased=2, linked=1
    )
    assert waiting(database) == 0
    assert seen(database) == []
    assert calls(view(1, anonymous="x")).counts == Counts(erased=1)


# --- crashes and sizes ----------------------------------------------------------------------------


def test_what_a_killed_import_left_is_brought_in_by_the_same_one(
    database: sa.Engine, filled: Import, calls: Bring
) -> None:
    calls(view(1, anonymous="x"))
    with writing(database) as connection:  # and killed before it settled
        add_links(connection, "web", [("x", "a")], now=NOW, due={})
    assert seen(database) == []
    calls(identify("x", "a"))
    assert persons(database) == {"m1": "a"}


def test_people_of_a_killed_import_find_their_events(
    database: sa.Engine, bring: Import, calls: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring("courses", COURSES)
    calls(view(1, user="a"))

    def killed(connection: sa.Connection, due: Due) -> Counts:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("recmail.history.importing.settle", killed)
        with pytest.raises(SystemExit):
            bring("users", USERS)
    assert seen(database) == []
    assert bring("users", USERS).counts == Counts(unchanged=2, settled=1)
    assert persons(database) == {"m1": "a"}


def test_a_link_that_waited_brings_its_events_also_after_a_kill_between_the_two(
    database: sa.Engine, bring: Import, calls: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring("courses", COURSES)
    calls(view(1, anonymous="x"), identify("x", "a"))
    steps = itertools.count()

    def killed(connection: sa.Connection, due: Due) -> Counts:
        if next(steps):
            raise SystemExit
        return settle(connection, due)

    with monkeypatch.context() as patched:
        patched.setattr("recmail.history.importing.settle", killed)
        with pytest.raises(SystemExit):
            bring("users", USERS)
    assert (persons(database), waiting(database)) == ({}, 1)
    bring("users", USERS)
    assert (persons(database), waiting(database)) == ({"m1": "a"}, 0)


def test_of_two_links_that_waited_the_first_stays(database: sa.Engine, bring: Import, calls: Bring) -> None:
    bring("courses", COURSES)
    calls(view(1, anonymous="x"), identify("x", "a"), identify("x", "b"))
    bring("users", USERS)
    assert persons(database) == {"m1": "a"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_nothing_is_kept_of_who_becomes_known_in_the_same_moment(
    database: sa.Engine, bring: Import, calls: Bring
) -> None:
    bring("courses", COURSES)
    person = {"user_no": 0, "user_id": "a", "source": "csv", "source_row_hash": "", "imported_at": NOW}
    with ThreadPoolExecutor() as thread:
        with writing(database) as importing:
            identity.wait_for_other_imports(importing)
            importing.execute(users.insert(), person)
            waits = thread.submit(calls, view(1, user="a"))
            while not importing.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar():
                assert not waits.done()
        assert waits.result(timeout=30).counts == Counts(added=1)
    assert waiting(database) == 0


def test_many_events_of_one_person_come_in_by_steps(
    database: sa.Engine, filled: Import, calls: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_ROWS", 10)
    calls(*(view(number, anonymous="x") for number in range(25)))
    due: Due = {}
    with writing(database) as connection:
        add_links(connection, "web", [("x", "a")], now=NOW, due=due)
    steps = []
    while due:
        with writing(database) as connection:
            steps.append(settle(connection, due).settled)
    assert steps == [10, 10, 5]
    assert len(seen(database)) == 25


def test_the_oldest_that_wait_make_place(
    database: sa.Engine, filled: Import, calls: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "KEPT_AT_MOST", 10)
    for start in range(0, 40, 5):
        calls(*(view(number, anonymous="x") for number in range(start, start + 5)))
    kept = [key for (key,) in everything(database, pending_events, "event_key")]
    assert kept == [f"web:m{number}" for number in range(30, 40)]


def test_nothing_is_looked_for_while_nothing_waits(database: sa.Engine, filled: Import) -> None:
    due: Due = {}
    with reading(database) as connection:
        identity.note_arrived(connection, ["a", "b"], due)
    assert due == {}


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


def bring_csv(engine: sa.Engine, folder: Path, kind: str, text: str) -> None:
    path = folder / f"{kind}.csv"
    path.write_text(text)
    import_file(engine, kind, path, now=NOW, key=KEY, options=ImportOptions())


@pytest.mark.parametrize("by", ["another connection", "the same connection"])
def test_who_is_erased_between_two_transactions_is_noticed(
    database: sa.Engine, filled: Import, by: str
) -> None:
    known = KnownPeople()
    with writing(database) as connection:
        assert dict(known.numbers(connection, ["a", "b"])) == {"a": 0, "b": 1}
        known.wrote(connection)
    with writing(database) as connection:
        assert known.numbers(connection, ["a", "nobody"])["a"] == 0
        known.wrote(connection)
    other = connect(database.url.render_as_string(hide_password=False))
    erase(other if by == "another connection" else database, "a")
    other.dispose()
    with writing(database) as connection:
        assert known.numbers(connection, ["a", "b"])["a"] == ~0
