"""Who was erased, a kill at any moment, and sizes: nothing is lost, and nothing comes back."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading, writing
from recmail.db.tables import pending_events, users
from recmail.history import identity, settling
from recmail.history.identity import Due, KnownPeople, add_links
from recmail.history.importing_target import Counts
from recmail.history.settling import settle
from tests.history.imported import COURSES, NOW, USERS, Import, everything
from tests.history.joined import (
    Bring,
    erase,
    identify,
    persons,
    seen,
    view,
    waiting,
)

# --- people who were erased -----------------------------------------------------------------------


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
