"""People, histories and model: what is there, what is old, what stopped half-way."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import imports, interactions
from recmail.history.importing_sources import import_source
from recmail.history.sources import read_sources
from recmail.history.watermarks import unread
from recmail.recommend.models import Promoted
from recmail.runs.create import fill_with_demo
from recmail.runs.doctor.data import check_model
from recmail.runs.project import open_project
from tests.conftest import NOW
from tests.runs.doctor.conftest import one, report, states


def add_import(engine: sa.Engine, **values: Any) -> None:
    row = {"source": "csv", "kind": "users", "started_at": NOW, "finished_at": NOW}
    with writing(engine) as connection:
        connection.execute(sa.insert(imports).values({**row, "counts": {}, "rejects": {}, **values}))


@pytest.fixture
def on(database_url: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project on each database."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    return project


def test_an_empty_project_is_told_what_to_bring_in(on: Path) -> None:
    found = report(on)["data"]
    assert states(found) == {"people": "warning", "interactions": "warning", "model": "warning"}
    assert [finding.next for finding in found] == [
        "[sources.users] in recmail.toml, then: recmail import",
        "[sources.interactions] in recmail.toml, then: recmail import",
        "recmail train",
    ]


def test_imports_that_need_a_look_are_said(on: Path, database: sa.Engine) -> None:
    add_import(database, finished_at=None)
    add_import(database, kind="courses", counts={"rows": 100, "rejected": 6})
    add_import(database, kind="interactions", counts={"rows": 100, "rejected": 5})
    with (on / "recmail.toml").open("a") as settings:
        settings.write('[sources.events]\nformat = "csv"\nfile = "events.csv"\n')
    found = [finding.found for finding in report(on)["data"] if finding.check == "imports"]
    assert found == [
        "users from csv: the last import stopped half-way",
        "courses from csv: 6 of 100 rows were rejected",
        "[sources.events] was never imported",
    ]


def test_events_of_nobody_known_are_told_apart_from_none(on: Path, database: sa.Engine) -> None:
    (on / "users.csv").write_text("user_id,email_consent\n4711,yes\n")
    (on / "courses.csv").write_text("course_id,title\nsql,SQL\n")
    (on / "events.csv").write_text("other_id,course_id,kind,at\nanon-1,sql,viewed,2026-10-01\n")
    with (on / "recmail.toml").open("a") as settings:
        for name in ("users", "courses", "events"):
            settings.write(f'[sources.{name}]\nfile = "{name}.csv"\n')
    opened = open_project(on)
    for source in read_sources(opened.settings):
        import_source(
            opened.engine,
            source,
            opened.settings,
            find=unread,
            now=NOW,
            dry_run=False,
            watch=lambda _title: nullcontext(lambda rows, done, total: None),
        )
    opened.engine.dispose()
    found = one(report(on)["data"], "interactions")
    assert (found.state, found.found) == (
        "warning",
        "none of 1 events is of somebody known: they have ids such as anon-1",
    )
    assert "user_ids such as 4711" in found.next


def test_the_newest_interaction_says_how_fresh_everything_is(project: Path) -> None:
    opened = open_project(project)
    for _ in fill_with_demo(opened, now=NOW, seed=7, users=60):
        pass
    with reading(opened.engine) as connection:
        newest = connection.scalar(sa.select(sa.func.max(interactions.c.at)))
    fresh = report(project, now=newest + timedelta(days=3))["data"]
    assert one(fresh, "people").state == one(fresh, "interactions").state == "ok"
    assert one(fresh, "people").found.startswith("60, of whom ")
    assert one(fresh, "interactions").found.endswith("the newest 3 days ago")
    assert one(fresh, "freshness").state == "ok"
    old = one(report(project, now=newest + timedelta(days=8))["data"], "freshness")
    assert (old.state, "interactions from demo" in old.found) == ("warning", True)
    assert old.next.startswith("does its export still run")


@pytest.mark.parametrize(("behind", "state"), [(-1, "ok"), (29, "ok"), (31, "warning")])
def test_a_model_is_old_when_the_data_has_gone_on_without_it(behind: int, state: str) -> None:
    counts = {"users": 37, "courses": 10, "pairs": 1_480}
    model = Promoted("v", "svd", NOW - timedelta(days=40), counts)
    found = check_model(model, NOW - timedelta(days=40) + timedelta(days=behind), NOW)
    assert found.state == state
    assert found.found.startswith("svd, trained 40 days ago on 1,480 pairs of 37 people and 10 courses")
