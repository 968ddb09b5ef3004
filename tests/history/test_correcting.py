"""A section that changed corrects the events that it brought, and doubles none."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.tables import interactions, pending_events
from recmail.history.importing import Counts
from recmail.history.importing_sources import SourceReport
from recmail.history.watermarks import everything as all_there
from tests.history.imported import COURSES, NOW, USERS
from tests.history.imported import everything as whole
from tests.history.sourced import bring_all, write_project

BASE = '[sources.users]\nfile = "users.csv"\n[sources.courses]\nfile = "courses.csv"\n'
MIXPANEL = (
    '[sources.web]\nformat = "mixpanel"\nfile = "web*"\nproject_timezone = "{zone}"\n{places}\n'
    '[sources.web.kinds]\nSeen = "{kind}"\nSearch = "searched"\n'
)
FILES = '[sources.log]\nfile = "log*.csv"\n{columns}'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with people a and b and courses sql and py."""
    (tmp_path / "users.csv").write_text(USERS)
    (tmp_path / "courses.csv").write_text(COURSES)
    return tmp_path


def web(project: Path, name: str, *events: tuple[int, str, str], **more: Any) -> None:
    """Write Mixpanel's events: their number, name and user_id."""
    lines = [
        {
            "event": event,
            "properties": {
                "time": 1_790_000_000 + number,
                "distinct_id": user,
                "$insert_id": f"i{number}",
                "course_id": "sql",
                "words": "pivot tables",
            }
            | more,
        }
        for number, event, user in events
    ]
    (project / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def bring(engine: sa.Engine, project: Path, sections: str, **options: Any) -> SourceReport:
    """Bring in everything and return what became of the source of events."""
    write_project(project, BASE + sections)
    report = bring_all(engine, project, **options)[-1]
    assert report.errors == []
    return report


def counted(report: SourceReport) -> Counts:
    return sum((result.counts for result in report.results), Counts())


def mixpanel(kind: str = "viewed", zone: str = "UTC", places: str = "") -> str:
    return MIXPANEL.format(kind=kind, zone=zone, places=places)


def there(engine: sa.Engine) -> list[tuple[object, ...]]:
    return whole(engine, interactions, "user_no", "course_no", "kind", "query")


def test_another_kind_corrects_what_is_known(database: sa.Engine, project: Path) -> None:
    web(project, "web1", (1, "Seen", "a"), (2, "Seen", "b"), (3, "Seen", "x"))
    assert counted(bring(database, project, mixpanel())) == Counts(added=2, pending=1)
    web(project, "web2", (4, "Seen", "a"))
    report = bring(database, project, mixpanel("enrolled"))
    assert (report.changed, report.gone) == (1, 0)
    assert counted(report) == Counts(added=1, changed=2, unchanged=1)
    assert {row[2] for row in there(database)} == {"enrolled"}
    assert [row[0]["kind"] for row in whole(database, pending_events, "payload")] == ["enrolled"]
    again = bring(database, project, mixpanel("enrolled"), find=all_there)
    assert counted(again) == Counts(unchanged=4)


def test_another_time_zone_moves_events(database: sa.Engine, project: Path) -> None:
    web(project, "web1", (1, "Seen", "a"), (2, "Seen", "x"))
    bring(database, project, mixpanel())
    (before,) = whole(database, interactions, "at")
    assert counted(bring(database, project, mixpanel(zone="Asia/Kolkata"))) == Counts(changed=1, unchanged=1)
    (after,) = whole(database, interactions, "at")
    assert before[0] - after[0] == timedelta(hours=5, minutes=30)  # type: ignore[operator]  # two datetimes
    assert len(whole(database, pending_events, "at")) == 1


def test_a_place_that_is_added_fills_what_is_known(database: sa.Engine, project: Path) -> None:
    web(project, "web1", (1, "Search", "a"))
    bring(database, project, mixpanel())
    assert there(database) == [(0, None, "searched", None)]
    report = bring(database, project, mixpanel(places='query = "properties.words"'), dry_run=True)
    assert counted(report) == Counts(changed=1)
    assert there(database) == [(0, None, "searched", None)]
    bring(database, project, mixpanel(places='query = "properties.words"'))
    assert there(database) == [(0, None, "searched", "pivot tables")]


def test_files_that_are_gone_are_counted(database: sa.Engine, project: Path) -> None:
    for name, number in (("web1", 1), ("web2", 2)):
        web(project, name, (number, "Seen", "a"))
    bring(database, project, mixpanel())
    (project / "web1").unlink()
    report = bring(database, project, mixpanel("enrolled"))
    assert (report.changed, report.gone) == (1, 1)
    assert [row[2] for row in there(database)] == ["viewed", "enrolled"]


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Asia/Kolkata"])
def test_events_without_an_id_are_never_doubled(database: sa.Engine, project: Path, zone: str) -> None:
    web(project, "web1", (1, "Seen", "a"), (2, "Seen", "x"), **{"$insert_id": ""})
    assert counted(bring(database, project, mixpanel())) == Counts(added=1, pending=1)
    assert counted(bring(database, project, mixpanel("enrolled", zone))) == Counts(left=2)
    assert counted(bring(database, project, mixpanel("enrolled", zone), find=all_there)) == Counts(left=2)
    assert (len(there(database)), len(whole(database, pending_events, "event_key"))) == (1, 1)
    web(project, "web2", (9, "Seen", "a"), **{"$insert_id": ""})
    assert counted(bring(database, project, mixpanel("enrolled", zone))) == Counts(added=1)


def test_new_rows_of_a_file_that_grew_come_in_beside_old_ones(database: sa.Engine, project: Path) -> None:
    head = "user_id,course_id,kind,at,stars,searched_for\n"
    old = "a,sql,viewed,2026-10-01,,\nb,,searched,2026-10-01,,excel\n"
    (project / "log.csv").write_text(head + old)
    assert counted(bring(database, project, FILES.format(columns=""))).added == 2
    (project / "log.csv").write_text(head + old + "a,py,viewed,2026-10-02,,\n")
    columns = '[sources.log.columns]\nsearched_for = "query"\n'
    report = bring(database, project, FILES.format(columns=columns))
    assert counted(report) == Counts(added=1, unchanged=1, left=1)
    (project / "log.csv").write_text(head + old + "a,py,viewed,2026-10-02,,\na,py,viewed,2026-10-03,,\n")
    report = bring(database, project, FILES.format(columns=columns))
    assert counted(report) == Counts(added=1, unchanged=2, left=1)
    assert len(there(database)) == 4


def test_events_under_other_ids_than_before_are_never_doubled(database: sa.Engine, project: Path) -> None:
    rows = ["e1,x1,a,sql,viewed,2026-10-01 10:00", "e2,x2,nobody,sql,viewed,2026-10-01 10:01"]
    head = "event_id,other,user_id,course_id,kind,at\n"
    (project / "log.csv").write_text(head + "".join(f"{row}\n" for row in rows))
    bring(database, project, FILES.format(columns=""))
    text = head.replace("event_id,other", "old,new") + "".join(f"{row}\n" for row in rows)
    (project / "log.csv").write_text(text)
    columns = '[sources.log.columns]\nnew = "event_id"\n'
    assert counted(bring(database, project, FILES.format(columns=columns))) == Counts(left=2)
    assert (len(there(database)), len(whole(database, pending_events, "event_key"))) == (1, 1)


def test_further_courses_of_a_known_event_come_in(database: sa.Engine, project: Path) -> None:
    products = [{"id": "sql"}, {"id": "py"}]
    web(project, "web1", (1, "Seen", "a"), products=products)
    bring(database, project, mixpanel())
    report = bring(database, project, mixpanel(places='course_id = "properties.products[].id"'))
    assert counted(report) == Counts(added=1, unchanged=1)


def test_what_waited_for_somebody_else_does_not_wait_on(database: sa.Engine, project: Path) -> None:
    (project / "log.csv").write_text(
        "event_id,user_id,person,course_id,kind,at\n1,u-a,a,sql,viewed,2026-10-01\n"
    )
    assert counted(bring(database, project, FILES.format(columns=""))) == Counts(pending=1)
    text = (project / "log.csv").read_text().replace("user_id,person", "crm,person")
    (project / "log.csv").write_text(text)
    columns = '[sources.log.columns]\nperson = "user_id"\n'
    assert counted(bring(database, project, FILES.format(columns=columns))) == Counts(added=1)
    assert whole(database, pending_events, "event_key") == []


def test_a_correction_that_was_interrupted_goes_on(
    database: sa.Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web(project, "web1", (1, "Seen", "a"), (2, "Seen", "b"))
    bring(database, project, mixpanel())

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("recmail.history.importing_interactions.correct", killed)
        with pytest.raises(SystemExit):
            bring(database, project, mixpanel("enrolled"))
    assert counted(bring(database, project, mixpanel("enrolled"))) == Counts(changed=2)


@pytest.mark.parametrize("event_id", ["1", ""])
def test_what_a_killed_import_left_is_known_when_the_section_changes(
    database: sa.Engine, project: Path, monkeypatch: pytest.MonkeyPatch, event_id: str
) -> None:
    web(project, "web1", (1, "Seen", "a"), (2, "Seen", "x"), **({} if event_id else {"$insert_id": ""}))

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("recmail.history.importing.recognise", killed)  # all rows are written by then
        with pytest.raises(SystemExit):
            bring(database, project, mixpanel())
    found = counted(bring(database, project, mixpanel("enrolled")))
    assert found == (Counts(changed=1, unchanged=1) if event_id else Counts(left=2))
    assert [row[2] for row in there(database)] == ["enrolled" if event_id else "viewed"]
    assert len(whole(database, pending_events, "event_key")) == 1


def test_an_unchanged_section_corrects_nothing(database: sa.Engine, project: Path) -> None:
    head = "event_id,user_id,course_id,kind,at\n"
    (project / "log.csv").write_text(f"{head}1,a,sql,viewed,2026-10-01\n")
    bring(database, project, FILES.format(columns=""))
    (project / "log.csv").write_text(f"{head}1,a,sql,enrolled,2026-10-01\n")
    report = bring(database, project, FILES.format(columns=""), now=NOW + timedelta(days=1))
    assert (report.changed, counted(report)) == (0, Counts(unchanged=1))
