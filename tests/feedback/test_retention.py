"""What is older than recmail.toml allows goes, and nothing else; a rehearsal counts the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import events, interactions, ledger, ledger_context, runs
from recmail.feedback.accesses import read_accesses
from recmail.feedback.retention import expire
from recmail.runs.expiring import expire_daily
from recmail.runs.project import Project, open_project
from tests.conftest import NOW
from tests.feedback.lives import make_life

AGES = """
[retention]
interactions = "3y"
contexts = "1 year"
raw_events = "13 months"
waiting = "10w"
rejects = "30d"
previews = "30d"
outbox = "30d"
"""
LATER = NOW + timedelta(days=366)


@pytest.fixture
def life(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Everything about two people, one of whose runs has ended."""
    made = make_life(tmp_path, database_url, monkeypatch)
    with writing(made.engine) as connection:
        connection.execute(runs.update().where(runs.c.run_no == 1).values(state="finished"))
        connection.execute(
            events.update().where(events.c.event_key == "a").values(received_at=NOW - timedelta(40))
        )
    made.engine.dispose()
    toml = made.folder / "recmail.toml"
    toml.write_text(toml.read_text("utf-8") + AGES, "utf-8")
    for path in made.folder.rglob("*"):
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    project = open_project(made.folder)
    yield project
    project.engine.dispose()


def expired(project: Project, days: int = 366, *, dry_run: bool = False) -> dict[str, int]:
    now = NOW + timedelta(days=days)
    gone = expire(project.engine, project.settings, who="me", now=now, dry_run=dry_run)
    return {one.what: one.count for one in gone}


def test_what_is_too_old_goes_once_and_the_rest_stays(life: Project) -> None:
    after_a_year = {
        "events that wait": 4,
        "printed contexts": 2,
        "raw events": 1,
        "files of rejected rows": 1,
        "previews": 1,
        "emails in Maildirs": 2,
    }
    assert expired(life, dry_run=True) == expired(life) == after_a_year
    assert expired(life) == {}
    with reading(life.engine) as connection:
        contexts = sa.select(ledger_context.c.run_no).where(ledger_context.c.context.is_not(None))
        assert set(connection.scalars(contexts)) == {2, 3}  # not of runs that may still send
        hashes = connection.scalars(sa.select(ledger.c.row_hash).where(ledger.c.run_no == 1))
        assert set(hashes) == {"hash 1"}
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == 6
        said = events.c.raw, events.c.detail, events.c.status
        assert connection.execute(sa.select(*said).where(events.c.event_key == "a")).one() == ("{}", "", "")
        [access] = [one for one in read_accesses(connection, at_most=10) if one.action == "expire"]
    assert access.detail["printed_contexts"] == 2
    assert expired(life, days=3 * 366) == {"interactions": 3, "raw events": 4}


def test_it_is_done_once_a_day_by_whoever_comes_first(life: Project) -> None:
    assert expire_daily(life, LATER, "recmail")
    assert not expire_daily(life, LATER, "recmail")
    with reading(life.engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(interactions)) == 3
