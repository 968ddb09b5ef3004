"""Events about courses that are not imported yet come in with their course, in any order, once."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import interactions, pending_events, users
from recmail.history import settling
from recmail.history.freshness import survey
from recmail.history.importing import Counts, ImportOptions, ImportResult, import_file
from recmail.history.importing_interactions import WAITS
from tests.history.imported import COURSES, KEY, NOW, USERS, Import, everything

HEAD = "event_id,user_id,course_id,kind,at,value,query\n"
GO = "course_id,title\ngo,Go\n"


def bring_source(engine: sa.Engine, folder: Path, rows: str, **options: object) -> ImportResult:
    """Bring in events as [sources.web] does."""
    file = folder / "events.csv"
    file.write_text(HEAD + rows)
    found = ImportOptions(**{"source": "web", "section": "sources.web"} | options)
    return import_file(engine, "interactions", file, now=NOW, key=KEY, options=found)


def keys(engine: sa.Engine) -> list[tuple[object, ...]]:
    return sorted(everything(engine, interactions, "event_key", "user_no", "course_no", "value"), key=str)


def waiting(engine: sa.Engine) -> int:
    return len(everything(engine, pending_events, "event_key"))


ROWS = "1,a,go,progressed,2026-10-01,0.5,\n2,a,sql,viewed,2026-10-01,,\n3,z,go,viewed,2026-10-02,,\n"


def test_events_wait_for_their_course_and_then_for_their_person(
    database: sa.Engine, filled: Import, tmp_path: Path
) -> None:
    result = bring_source(database, tmp_path, ROWS)
    assert (result.counts, result.rejects) == (Counts(added=1, pending=2), {})
    assert (result.warnings, result.warned_lines) == ({WAITS: 2}, {WAITS: [2, 4]})
    assert bring_source(database, tmp_path, ROWS).counts == Counts(unchanged=3)
    assert filled("courses", GO).counts == Counts(added=1, settled=1)
    assert keys(database) == [("web:1", 0, 2, 0.5), ("web:2", 0, 0, None)]
    assert waiting(database) == 1
    assert filled("users", "user_id,email_consent\nz,yes\n").counts.settled == 1
    assert keys(database)[2] == ("web:3", 2, 2, None)
    assert waiting(database) == 0
    assert bring_source(database, tmp_path, ROWS).counts == Counts(unchanged=3)


def test_the_person_may_come_before_the_course(database: sa.Engine, bring: Import, tmp_path: Path) -> None:
    bring("courses", COURSES)
    bring_source(database, tmp_path, ROWS)
    assert bring("users", USERS).counts.settled == 1
    assert (bring("courses", GO).counts.settled, waiting(database)) == (1, 1)


def test_other_courses_bring_nothing(database: sa.Engine, filled: Import, tmp_path: Path) -> None:
    bring_source(database, tmp_path, ROWS)
    assert filled("courses", "course_id,title\ngolang,Go\n").counts == Counts(added=1)
    assert waiting(database) == 2


def test_a_rehearsal_counts_the_same(database: sa.Engine, filled: Import, tmp_path: Path) -> None:
    assert bring_source(database, tmp_path, ROWS, dry_run=True).counts == Counts(added=1, pending=2)
    assert (keys(database), waiting(database)) == ([], 0)


def test_a_file_that_somebody_names_is_told_at_once(filled: Import) -> None:
    result = filled("interactions", HEAD + ROWS)
    assert result.rejects == {"course_id: unknown course": 2}


def test_what_people_did_who_were_erased_does_not_wait(
    database: sa.Engine, filled: Import, tmp_path: Path
) -> None:
    erased = users.update().where(users.c.user_id == "a").values(erased_at=NOW)
    bring_source(database, tmp_path, "0,a,go,viewed,2026-10-01,,\n")
    with writing(database) as connection:
        connection.execute(erased)
    assert bring_source(database, tmp_path, ROWS).counts == Counts(pending=1, erased=2)
    filled("courses", GO)
    assert (keys(database), waiting(database)) == ([], 1)


def test_a_course_that_came_while_the_file_was_read_is_known(
    database: sa.Engine, filled: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recmail.history.importing_interactions import Interactions

    check = Interactions.check

    def and_then_it_comes(self: Interactions, *found: object) -> object:
        checked = check(self, *found)  # type: ignore[arg-type]  # passed on as it came
        filled("courses", GO)
        return checked

    monkeypatch.setattr(Interactions, "check", and_then_it_comes)
    assert bring_source(database, tmp_path, ROWS).counts == Counts(added=2, pending=1)


def test_many_come_in_by_steps(
    database: sa.Engine, filled: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_ROWS", 10)
    rows = "".join(f"{number},{'az'[number % 2]},go,viewed,2026-10-01,,\n" for number in range(50))
    bring_source(database, tmp_path, rows)
    assert filled("courses", GO).counts == Counts(added=1, settled=25)
    assert (len(keys(database)), waiting(database)) == (25, 25)


def test_the_survey_tells_what_waits_for_people_and_for_courses(
    database: sa.Engine, filled: Import, tmp_path: Path
) -> None:
    bring_source(database, tmp_path, ROWS + "4,z,sql,viewed,2026-10-02,,\n")
    with reading(database) as connection:
        (found,) = survey(connection, NOW).unidentified
    assert (found.pending_events, found.of_unknown_courses) == (1, 2)
