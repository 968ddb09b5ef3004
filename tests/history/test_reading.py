"""Histories are read as they were at a moment: best grades, newest ratings, nobody who does not want it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.tables import courses, interactions, users
from recmail.history.frozen import freeze_catalogue, thaw_catalogue
from recmail.history.reading import (
    last_user_no,
    read_catalogue,
    read_grades,
    read_shard,
    viewed_grade,
)
from recmail.records import EMAILED_COLUMNS, PAIR_COLUMNS, SEARCH_COLUMNS, MessageState, Shard
from tests.history.imported import NOW, Import
from tests.ledgers import add_run, set_rows

DAY = timedelta(days=1)
GRADES = {"viewed": 1, "enrolled": 3, "progressed": 4, "completed": 5}
PEOPLE = "user_id,email,first_name,email_consent\n" + "".join(
    f"{letter},{letter}@example.org,{letter.upper()},yes\n" for letter in "abcd"
)
CATALOGUE = (
    "course_id,title,category,level,tags,price,currency,published_at,seats,active\n"
    "sql,SQL,Data,beginner,db;sql,49.50,EUR,2026-01-01,20,yes\n"
    "py,Python, data ,,,,,,,yes\n"
    "ux,UX,DATA  science,all,,0,EUR,,,no\n"
    "yoga,Yoga,,all,,,,,,\n"
)


@pytest.fixture
def known(database: sa.Engine, bring: Import) -> Import:
    """People a (0) to d (3), courses sql (0), py (1), ux (2), yoga (3)."""
    bring("users", PEOPLE)
    bring("courses", CATALOGUE)
    return bring


def happened(bring: Import, *events: str) -> None:
    """Import events such as "a enrolled sql 3" (days ago; a value may follow)."""
    lines = []
    for event in events:
        who, kind, course, days, *value = event.split()
        at = NOW - timedelta(days=float(days))
        lines.append(f"{who},{course},{kind},{at.isoformat()},{''.join(value)}\n")
    result = bring(
        "interactions", "user_id,course_id,kind,at,value\n" + "".join(lines), now=NOW + timedelta(days=30)
    )
    assert result.counts.added == len(events)


def shard(engine: sa.Engine, low: int = 0, high: int = 9, **options: object) -> Shard:
    with reading(engine) as connection:
        return read_shard(
            connection, low, high, **{"courses": 4, "now": NOW, "grades": GRADES, "language": "en", **options}
        )


def searched(bring: Import, *searches: str, days: float = 30) -> None:
    """Import searches such as "a,excel"; the first that many days ago, each other a minute later."""
    lines = []
    for number, search in enumerate(searches):
        who, text = search.split(",")
        at = NOW - timedelta(days=days) + timedelta(minutes=number)
        lines.append(f"{who},searched,{at.isoformat()},{text}\n")
    bring("interactions", "user_id,kind,at,query\n" + "".join(lines), now=NOW)


def say_no(engine: sa.Engine, user_no: int) -> None:
    with writing(engine) as connection:
        record_consent(connection, [Consent(user_no, "personalization", False, NOW, "page")])


def test_the_best_grade_of_each_pair_counts_and_a_rating_replaces_it(
    database: sa.Engine, known: Import
) -> None:
    happened(
        known,
        "a viewed sql 9",
        "a enrolled sql 8",
        "a viewed sql 1",
        "a viewed py 5",
        "b completed sql 5",
        "b rated sql 4 2",
        "b viewed sql 3",
        "c rated ux 9 2",
        "c rated ux 2 4.5",
        "c rated py 3 1",
        "c rated py 3 5",
    )
    assert shard(database).grades.toarray().tolist() == [
        [3, 1, 0, 0],
        [2, 0, 0, 0],
        [0, 5, 4.5, 0],
        [0, 0, 0, 0],
    ]


def test_time_spent_looking_adds_to_a_view(database: sa.Engine, known: Import) -> None:
    seconds = {"a,sql": (90, 30), "a,py": (3600,), "a,ux": ("",), "b,sql": (600,), "c,sql": (60,)}
    views = [f"{pair},viewed,{one}" for pair, each in seconds.items() for one in each]
    at = (NOW - DAY).isoformat()
    lines = [f"{event},{number}" for number, event in enumerate([*views, "b,sql,enrolled,"])]
    text = "".join(f"{line},{at}\n" for line in lines)
    known("interactions", f"user_id,course_id,kind,seconds,event_id,at\n{text}", now=NOW)
    worth = {"viewed": 1, "minute": 0.25, "enrolled": 3}
    assert shard(database, 0, 3, grades=worth).grades.toarray()[:, :3].tolist() == [
        [1.5, 2, 1],  # two minutes over two visits; an hour, which is at most half of the way; not known
        [3, 0, 0],
        [1.25, 0, 0],
    ]
    with reading(database) as connection:
        assert read_grades(connection, NOW, worth).grade.tolist() == [1.5, 2, 1, 3, 1.25]
    assert shard(database, 0, 1, grades={"minute": 1, "enrolled": 3}).grades.nnz == 0


def test_time_spent_is_worth_at_most_half_a_view_where_views_are_the_best_there_is() -> None:
    looked_s = np.array([np.nan, 0, 60, 6000])
    found = viewed_grade(looked_s, {"viewed": 2, "minute": 0.5, "searched": 3})
    assert found.tolist()[1:] == [2, 2.5, 3]
    assert np.isnan(found[0])


def test_what_was_taken_is_known_whatever_the_grades(database: sa.Engine, known: Import) -> None:
    happened(
        known,
        "a enrolled sql 3",
        "a progressed py 3 0.5",
        "a viewed ux 3",
        "b completed yoga 3",
        "b rated ux 3 5",
    )
    say_no(database, 1)
    found = shard(database, grades={"viewed": 1})
    assert found.taken.toarray().tolist() == [
        [True, True, False, False],
        [False, False, False, True],
        [False] * 4,
        [False] * 4,
    ]
    assert found.grades.toarray()[0].tolist() == [0, 0, 1, 0]


def test_nothing_after_now_is_read(database: sa.Engine, known: Import) -> None:
    happened(known, "a enrolled sql 0", "a enrolled py -0.001", "a rated sql -1 1")
    found = shard(database)
    assert found.grades.toarray()[0].tolist() == [3, 0, 0, 0]
    assert found.taken.toarray()[0].tolist() == [True, False, False, False]
    with reading(database) as connection:
        assert read_catalogue(connection, NOW).enrolled.tolist() == [1, 0, 0, 0]


def test_people_without_personalization_have_an_empty_row(database: sa.Engine, known: Import) -> None:
    happened(known, "a enrolled sql 3", "b enrolled sql 3")
    say_no(database, 0)
    found = shard(database)
    assert found.people["personalization"].tolist() == [False, True, True, True]
    assert found.grades.toarray()[:, 0].tolist() == [0, 3, 0, 0]


def test_nothing_of_them_but_what_they_took_leaves_the_database(
    database: sa.Engine, known: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(known, "a viewed sql 3", "a enrolled py 3", "a rated py 2 5", "b viewed sql 3")
    searched(known, "a,excel", "b,pivot")
    say_no(database, 0)
    read, frames = pd.read_sql, list[pd.DataFrame]()

    def spy(*args: Any, **options: Any) -> pd.DataFrame:
        frames.append(read(*args, **options))
        return frames[-1]

    monkeypatch.setattr(pd, "read_sql", spy)
    found = shard(database)
    assert found.taken.toarray()[0].tolist() == [False, True, False, False]
    assert found.pairs["person"].tolist() == found.searches["person"].tolist() == [1]
    of_a = [frame[frame["user_no"] == 0] for frame in frames if "user_id" not in frame]
    assert [frame.to_dict("records") for frame in of_a if len(frame)] == [[{"user_no": 0, "course_no": 1}]]
    with reading(database) as connection:
        frames.clear()
        assert read_grades(connection, NOW, GRADES).user_no.tolist() == [1]
    assert all((frame["user_no"] == 1).all() for frame in frames)


def test_pairs_say_what_was_done_and_when(database: sa.Engine, known: Import) -> None:
    happened(known, "a viewed sql 9", "a viewed sql 4", "a enrolled sql 3", "a progressed sql 2 0.4")
    happened(known, "a progressed sql 1 0.25", "c completed py 5", "c progressed py 1 1", "c viewed ux -1")
    pairs = shard(database).pairs
    assert {name: str(dtype) for name, dtype in pairs.dtypes.items()} == PAIR_COLUMNS
    assert pairs.replace({np.nan: None}).to_numpy().tolist() == [
        [0, 0, NOW - 4 * DAY, NOW - DAY, None, 0.4],
        [2, 1, None, NOW - DAY, NOW - 5 * DAY, 1.0],
    ]


def test_the_newest_searches_each_text_once(database: sa.Engine, known: Import) -> None:
    searched(known, *(f"a,text {number}" for number in range(7)), "b,later", "b,", "c,old")
    searched(known, "a,text 6", "b,pivot", days=3)
    searched(known, "c,old", days=91)
    found = shard(database, 0, 3, only=np.array([0, 1])).searches
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
        name: str(pd.Series(dtype=dtype).dtype) for name, dtype in SEARCH_COLUMNS.items()
    }
    assert not found["grade"].any()
    worth = {"searched": 0.5, "viewed": 1}
    graded = shard(database, 0, 3, grades=worth, half_life=30 * DAY).searches
    fresh = graded.loc[graded["query"] == "later", "grade"].item()
    assert fresh == pytest.approx(0.25, rel=1e-3)  # 30 days ago
    assert found["query"].tolist() == [f"text {number}" for number in range(6, 1, -1)] + ["pivot", "later"]
    assert found["person"].tolist() == [0] * 5 + [1] * 2


def test_what_was_emailed_is_read_when_a_block_asks(database: sa.Engine, known: Import) -> None:
    slots = [[0, course, None, "popular", False, 1.0, None] for course in (3, 1)]
    for run_no, days in ((1, 5), (2, 2), (3, 60)):
        context = {"user": {}, "slots": slots[: 1 if run_no == 2 else 2]}
        add_run(database, run_no, NOW, people=[1, 2], context=context)
        set_rows(database, run_no, state=MessageState.SENT, intent_at=NOW - days * DAY)
    assert shard(database).emailed.empty
    found = shard(database, only=np.array([2]), emailed_within=30 * DAY).emailed
    assert found.to_numpy().tolist() == [[0, 1, NOW - 5 * DAY], [0, 3, NOW - 2 * DAY]]
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == EMAILED_COLUMNS


def test_a_shard_is_a_range_without_the_erased(database: sa.Engine, known: Import) -> None:
    happened(known, "b enrolled sql 3", "c enrolled py 3", "d enrolled ux 3")
    with writing(database) as connection:
        connection.execute(users.update().where(users.c.user_no == 2).values(erased_at=NOW))
    found = shard(database, 1, 4)
    assert found.people["user_no"].tolist() == [1, 3]
    assert found.people["user_id"].tolist() == ["b", "d"]
    assert found.grades.toarray().tolist() == [[3, 0, 0, 0], [0, 0, 3, 0]]
    assert len(shard(database, 1, 1)) == 0
    assert shard(database, 50, 60).grades.shape == (0, 4)


def test_a_shard_can_be_some_people_only(database: sa.Engine, known: Import) -> None:
    happened(known, "a enrolled sql 3", "b enrolled py 3", "d enrolled ux 3")
    found = shard(database, only=np.array([3, 0]))
    assert found.people["user_id"].tolist() == ["a", "d"]
    assert found.grades.toarray().tolist() == [[3, 0, 0, 0], [0, 0, 3, 0]]


def test_courses_that_came_after_the_catalogue_was_read_are_left_out(
    database: sa.Engine, known: Import
) -> None:
    happened(known, "a enrolled sql 3", "a enrolled yoga 3")
    found = shard(database, courses=3)
    assert found.grades.toarray()[0].tolist() == [3, 0, 0]
    assert found.taken.shape == (4, 3)


def test_missing_texts_of_people_are_none(database: sa.Engine, known: Import) -> None:
    people = shard(database).people
    assert people["country"].tolist() == [None] * 4
    assert people["email_key"].tolist()[0] == "a@example.org"
    assert len(people["email_hash"][0]) == 64
    assert (people["user_no"].dtype, people["personalization"].dtype) == (np.int64, bool)


def test_training_reads_every_graded_pair_once(database: sa.Engine, known: Import) -> None:
    happened(
        known, "a viewed sql 9", "a enrolled sql 8", "b enrolled py 3", "c enrolled py 3", "d viewed ux 2"
    )
    happened(known, "d rated ux 1 4", "d viewed ux 0.5", "a enrolled yoga -1")
    say_no(database, 1)
    with writing(database) as connection:
        connection.execute(users.update().where(users.c.user_no == 2).values(erased_at=NOW))
    with reading(database) as connection:
        triples = read_grades(connection, NOW, GRADES)
    assert triples.user_no.tolist() == [0, 3]
    assert triples.course_no.tolist() == [0, 2]
    assert triples.grade.tolist() == [3, 4]
    day = 86_400_000_000
    now = int(NOW.timestamp()) * 1_000_000
    assert triples.at.tolist() == [now - 8 * day, now - day // 2]
    dtypes = [getattr(triples, name).dtype for name in ("user_no", "course_no", "grade", "at")]
    assert dtypes == [np.int32, np.int32, np.float32, np.int64]


def test_training_reads_ranges_of_people_and_joins_them(
    database: sa.Engine, known: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(known, *(f"{who} enrolled sql 3" for who in "abcd"))
    with reading(database) as connection:
        whole = read_grades(connection, NOW, GRADES)
        monkeypatch.setattr("recmail.history.reading._TRAINING_RANGE", 3)
        parts = read_grades(connection, NOW, GRADES)
    assert whole.user_no.tolist() == parts.user_no.tolist() == [0, 1, 2, 3]


def test_an_empty_database_reads_as_nothing(database: sa.Engine) -> None:
    with reading(database) as connection:
        assert last_user_no(connection) == -1
        assert len(read_grades(connection, NOW, GRADES)) == 0
        assert len(read_catalogue(connection, NOW)) == 0
    assert shard(database).grades.shape == (0, 4)


def test_categories_are_alike_whatever_their_case_and_spaces(database: sa.Engine, known: Import) -> None:
    known("courses", "course_id,title,category\ngo,Go,Data   Science\n")
    with reading(database) as connection:
        catalogue = read_catalogue(connection, NOW)
    assert catalogue.category_no.tolist() == [0, 0, 1, -1, 1]
    assert catalogue.category_no.dtype == np.int32


def test_people_are_counted_once_for_each_course_they_enrolled_in(database: sa.Engine, known: Import) -> None:
    happened(
        known,
        "a enrolled sql 100",
        "a enrolled sql 10",
        "b enrolled sql 100",
        "b viewed py 1",
        "c enrolled sql 89",
        "c completed py 1",
    )
    with reading(database) as connection:
        catalogue = read_catalogue(connection, NOW)
    assert catalogue.enrolled.tolist() == [3, 0, 0, 0]
    assert catalogue.enrolled_90d.tolist() == [2, 0, 0, 0]
    assert catalogue.enrolled_14d.tolist() == [1, 0, 0, 0]


def test_the_catalogue_is_what_it_is_after_freezing(database: sa.Engine, known: Import) -> None:
    with reading(database) as connection:
        catalogue = read_catalogue(connection, NOW)
    frame = catalogue.frame
    assert frame["course_id"].tolist() == ["sql", "py", "ux", "yoga"]
    assert frame["price_minor"].tolist() == [4950, None, 0, None]
    assert frame["published_at"].tolist() == [pd.Timestamp(2026, 1, 1, tz=UTC), pd.NaT, pd.NaT, pd.NaT]
    assert frame["tags"].tolist() == [["db", "sql"], [], [], []]
    assert frame["active"].tolist() == [True, True, False, True]
    assert frame["level"].tolist() == ["beginner", None, "all", "all"]
    pd.testing.assert_frame_equal(thaw_catalogue(freeze_catalogue(catalogue)).frame, frame)


def test_gaps_in_course_numbers_are_a_bug(database: sa.Engine, known: Import) -> None:
    with writing(database) as connection:
        connection.execute(courses.delete().where(courses.c.course_no == 1))
    with reading(database) as connection, pytest.raises(AssertionError, match="gaps"):
        read_catalogue(connection, NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_reads_a_range_by_index(database: sa.Engine) -> None:
    seen: list[str] = []
    sa.event.listen(database, "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))
    shard(database, 0, 2000)
    asked = [(text, values) for text, values in seen if "FROM interactions" in text]
    assert len(asked) == 3  # pairs, their ratings, searches
    for text, values in asked:
        with reading(database) as connection:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
        assert "SEARCH interactions USING INDEX ix_interactions_user_no_at (user_no>? AND user_no<?)" in plan


def test_times_are_exact_to_the_microsecond(database: sa.Engine, known: Import) -> None:
    at = datetime(2026, 10, 1, 12, 34, 56, 789_123, tzinfo=UTC)
    known("interactions", f"user_id,course_id,kind,at\na,sql,viewed,{at.isoformat()}\n")
    with reading(database) as connection:
        assert read_grades(connection, NOW, GRADES).at.tolist() == [1_790_858_096_789_123]
        assert connection.scalar(sa.select(interactions.c.at)) == at


def test_grades_fade_by_half_in_each_half_life(database: sa.Engine, known: Import) -> None:
    """Graded 3: today, 10 and 20 days ago with a half-life of 10 days; a thousandth stays for ever."""
    happened(known, "a enrolled sql 0", "a enrolled py 10", "a enrolled ux 20", "b enrolled sql 400")
    found = shard(database, half_life=timedelta(days=10)).grades.toarray()
    assert found[0].tolist() == pytest.approx([3, 1.5, 0.75, 0], rel=1e-6)
    assert found[1].tolist() == pytest.approx([0.003, 0, 0, 0])
    assert shard(database).grades.toarray()[0].tolist() == [3, 3, 3, 0]
