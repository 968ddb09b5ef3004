"""An import that is stopped, politely or not, is ended by the same command as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from recmail.db.connect import connect, reading
from recmail.db.migrate import upgrade
from recmail.db.tables import interactions, metadata
from tests.cli.conftest import AT
from tests.history.sourced import MINIMAL

ROWS = 8_000
DATABASE = 'database = "env:RECMAIL_TEST_DATABASE"\n'
NOT_COMPARED = ("imported_at", "interaction_no")  # PostgreSQL's sequences have gaps where it was killed


def write_project(folder: Path) -> Path:
    """A project with one file of events."""
    folder.mkdir()
    (folder / ".recmail").mkdir()
    (folder / ".recmail/key").write_text("k" * 32)
    text = MINIMAL.replace("[sender]", f"{DATABASE}[sender]") + '[sources.events]\nfile = "events.csv"\n'
    (folder / "recmail.toml").write_text(text)
    people = "".join(f"u{number},u{number}@example.org,yes\n" for number in range(200))
    (folder / "users.csv").write_text(f"user_id,email,email_consent\n{people}")
    (folder / "courses.csv").write_text("course_id,title\nsql,SQL\npy,Python\n")
    rows = (
        f"{'' if row % 2 else row},u{row % 200},{'sql' if row % 3 else 'py'},viewed,"
        f"2026-10-{1 + row % 28:02}T10:{row % 60:02}:00Z,{row}\n"
        for row in range(ROWS)
    )
    (folder / "events.csv").write_text("event_id,user_id,course_id,kind,at,value\n" + "".join(rows))
    return folder


@pytest.fixture
def other(tmp_path: Path, database_url: str) -> Iterator[str]:
    """A second empty database of the same kind, for the import that nothing disturbs."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    with _autocommit(database_url) as connection:
        connection.exec_driver_sql("CREATE DATABASE undisturbed")
    yield sa.make_url(database_url).set(database="undisturbed").render_as_string(hide_password=False)
    with _autocommit(database_url) as connection:
        connection.exec_driver_sql("DROP DATABASE undisturbed WITH (FORCE)")


def _autocommit(url: str) -> sa.Connection:
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool).connect()


def prepare(monkeypatch: pytest.MonkeyPatch, url: str, folder: Path) -> None:
    """Point the project to a database, with its people and courses in it."""
    monkeypatch.setenv("RECMAIL_TEST_DATABASE", url)
    engine = connect(url)
    upgrade(engine)
    engine.dispose()
    for kind in ("users", "courses"):
        run(folder, kind, folder / f"{kind}.csv")


@contextmanager
def slowly(url: str) -> Iterator[None]:
    """Let every event take half a millisecond more to write: nothing is over before it is stopped."""
    make = ["CREATE TRIGGER slow AFTER INSERT ON interactions BEGIN SELECT hex(randomblob(40000)); END"]
    drop = ["DROP TRIGGER slow"]
    if not url.startswith("sqlite"):
        make = [
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_sleep(0.0005); RETURN NEW; END'",
            "CREATE TRIGGER slow AFTER INSERT ON interactions FOR EACH ROW EXECUTE FUNCTION slow()",
        ]
        drop = ["DROP TRIGGER slow ON interactions", "DROP FUNCTION slow"]
    for statement in make:
        with _autocommit(url) as connection:
            connection.exec_driver_sql(statement)
    yield
    for statement in drop:
        with _autocommit(url) as connection:
            connection.exec_driver_sql(statement)


def begin(folder: Path, *words: object) -> subprocess.Popen[str]:
    """Start an import as a process of its own."""
    command = [sys.executable, "-m", "recmail", "import", *map(str, words)]
    command += ["--now", AT, "--project", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder: Path, *words: object) -> str:
    """An import to its end; what it prints."""
    process = begin(folder, *words)
    out, said = process.communicate()
    assert process.returncode == 0, said
    return out


def wait_for_rows(url: str, process: subprocess.Popen[str]) -> int:
    """Wait until the import has written something; how many rows."""
    engine = connect(url)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with reading(engine) as connection:
            count = connection.scalar(sa.select(sa.func.count()).select_from(interactions)) or 0
        if count:
            engine.dispose()
            return int(count)
        time.sleep(0.005)
    pytest.fail(f"nothing was written: {process.communicate()}")


def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All tables but that of the imports themselves."""
    engine = connect(url)
    found = {}
    with reading(engine) as connection:
        for table in metadata.sorted_tables:
            if table.name != "imports":
                columns = [column for column in table.c if column.name not in NOT_COMPARED]
                rows = connection.execute(sa.select(*columns))
                found[table.name] = sorted(map(tuple, rows), key=repr)
    engine.dispose()
    return found


def test_an_import_that_was_killed_is_ended_by_the_same_command(
    database_url: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_project(tmp_path / "project")
    prepare(monkeypatch, other, folder)
    run(folder)
    prepare(monkeypatch, database_url, folder)
    with slowly(database_url):
        process = begin(folder)
        written = wait_for_rows(database_url, process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert written < ROWS
    out = run(folder)
    assert f"events: {ROWS:,} rows read; " in out
    assert " 0 known already" not in out
    assert content(database_url) == content(other)
    assert "nothing new" in run(folder)


def test_ctrl_c_says_how_far_it_came_and_the_same_command_goes_on(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_project(tmp_path / "project")
    prepare(monkeypatch, database_url, folder)
    with slowly(database_url):
        process = begin(folder)
        written = wait_for_rows(database_url, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.startswith("events.csv: interrupted at row ")
    assert "what was written is kept, and the same command goes on from there" in said
    assert "Traceback" not in said
    assert written < ROWS
    out = run(folder)
    known = int(out.split(" changed, ")[1].split(" known")[0].replace(",", ""))
    assert written <= known < ROWS
    assert len(content(database_url)["interactions"]) == ROWS
