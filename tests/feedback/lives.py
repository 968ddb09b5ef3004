"""A project with one person about whom everything is known that can be known, and another beside them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.learned_tables import clusters, people_clusters
from recmail.db.tables import (
    aliases,
    courses,
    events,
    ledger,
    ledger_context,
    ledger_events,
    metadata,
    preferences,
    runs,
)
from recmail.deliver.esp.files import Files
from recmail.feedback.accesses import EXPORT, PREVIEW, record_access
from recmail.history.identity import COURSE, Kept, keep
from recmail.history.importing import ImportOptions, import_file
from recmail.records import Outgoing
from recmail.runs.project import Project, open_project
from recmail.tokens import email_hash
from tests.conftest import NOW
from tests.rows import course_row, empty_project, run_row

ID, ADDRESS, OLD_ADDRESS = "ana-4711", "Ana.Quill@example.org", "ana.before@example.net"
FIRST, LAST, OLD_LAST, COOKIE = "Anastasia", "Quillfeather", "Goosefeather", "cookie-8842"
NAMES = (ID, ADDRESS, ADDRESS.lower(), OLD_ADDRESS, FIRST, LAST, OLD_LAST, COOKIE)
USERS = "user_id,email,first_name,last_name,email_consent,email_consent_source\n{},{},{},{},yes,call of {}\n"
OTHER = "bo,bo@example.org,Bo,Other,yes,form\n"


def people(address: str = ADDRESS, last: str = LAST, user_id: str = ID) -> str:
    """A file of users: her, and somebody else."""
    return USERS.format(user_id, address, FIRST, last, FIRST) + OTHER


def bring(project: Project, kind: str, text: str, *, source: str = "crm", **more: Any) -> Any:
    """Import a text as a file of the company's own, outside the project."""
    file = project.folder.parent / f"{kind}.csv"
    file.write_text(text, "utf-8")
    options = ImportOptions(source=source, section=f"sources.{source}", project=project.folder, **more)
    result = import_file(
        project.engine, kind, file, now=NOW, key=project.settings.address_key, options=options
    )
    file.unlink()
    return result


def make_life(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project; she is user_no 0, and everything in it that names her is recmail's own."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", url)
    empty_project(folder / "acme").engine.dispose()
    project = with_a_newer_key(folder / "acme")
    with writing(project.engine) as connection:
        connection.execute(courses.insert(), [course_row(number, NOW) for number in range(2)])
    bring(project, "users", people(OLD_ADDRESS, OLD_LAST))
    bring(project, "users", people())
    did = f"user_id,kind,at,course_id,query\n{ID},viewed,2026-11-01,c0,\n{ID},searched,2026-11-01,,{LAST}\n"
    bring(project, "interactions", did + "bo,viewed,2026-11-01,c1,\n", source="web")
    with writing(project.engine) as connection:
        _add_rows(connection, email_hash(project.settings.address_key, ADDRESS.lower()))
    _add_files(project)
    return project


def with_a_newer_key(folder: Path) -> Project:
    """The project as it is when its key was changed: addresses and ids stay hashed under the old one."""
    (folder / ".recmail" / "newer").write_text("another key, of 32 letters or more", "utf-8")
    toml = folder / "recmail.toml"
    keys = 'key = "file:.recmail/newer"\nolder_keys = ["file:.recmail/key"]'
    toml.write_text(toml.read_text("utf-8").replace('key = "file:.recmail/key"', keys), "utf-8")
    project = open_project(folder)
    assert project.settings.key != project.settings.address_key
    return project


def _add_rows(connection: sa.Connection, hashed: str) -> None:
    connection.execute(aliases.insert(), {"source": "web", "other_id": COOKIE, "user_no": 0})
    waiting = {"kind": "viewed"}
    keep(connection, [Kept("1", "web", f"{COURSE}c9", 0, {"person": COOKIE, **waiting})])
    keep(connection, [Kept("2", "app", f"{COURSE}c9", 0, {"person": ID, **waiting})])
    keep(connection, [Kept("3", "web", f"{COURSE}c9", 0, {"person": "bo", **waiting})])
    keep(connection, [Kept("4", "app", "else", 0, {"link": ID})])
    cluster = {"cluster_no": 0, "name": "a", "name_key": "a", "topics": [], "courses": 1, "people": 1}
    connection.execute(clusters.insert(), {**cluster, "found_at": NOW})
    connection.execute(people_clusters.insert(), {"user_no": 0, "cluster_no": 0})
    for run_no, state in ((1, "sent"), (2, "planned"), (3, "failed")):
        connection.execute(runs.insert(), _run(run_no))
        connection.execute(ledger.insert(), [_message(run_no, user_no, state) for user_no in (0, 1)])
        connection.execute(ledger_context.insert(), [_context(run_no, user_no) for user_no in (0, 1)])
    said = f"refused_recipient – 550 {ADDRESS} is unknown"
    happened = {"run_no": 3, "user_no": 0, "at": NOW, "state": "failed", "detail": said}
    connection.execute(ledger_events.insert(), happened)
    connection.execute(preferences.insert(), {"user_no": 0, "at_most": 1, "within_days": 7, "at": NOW})
    raw = '{{"to": "{}"}}'
    back = {"provider": "ses", "kind": "bounced", "at": NOW, "received_at": NOW, "run_no": 1, "user_no": 0}
    stray = {**back, "run_no": None, "user_no": None}
    clicked = {"block": "picks", "course_no": 0, "position": 0, "is_fallback": True, "raw": ""}
    rows = [
        {**back, "event_key": "a", "raw": raw.format(ADDRESS), "detail": f"{ADDRESS} is full"},
        {**back, "event_key": "b", "kind": "clicked", "url": f"https://acme.example/?who={ID}", **clicked},
        {**back, "event_key": "c", "user_no": 1, "raw": raw.format("bo@example.org")},
        {**stray, "event_key": "d", "raw": raw.format(ADDRESS.lower()), "message_id": "m@else.example"},
        {**stray, "event_key": "e", "raw": "", "detail": f"no {ADDRESS}", "provider_id": "else"},
        {**stray, "event_key": "f", "raw": raw.format(FIRST), "email_hash": hashed},
    ]
    for row in rows:
        connection.execute(events.insert(), row)


def _run(run_no: int) -> dict[str, Any]:
    return run_row(run_no, NOW, campaign=f"c{run_no}", courses=[], seed=1)


def _message(run_no: int, user_no: int, state: str) -> dict[str, Any]:
    row = {"run_no": run_no, "user_no": user_no, "state": state, "due_at": NOW, "next_at": NOW}
    error = f"550 {ADDRESS if user_no == 0 else 'bo@example.org'}" if state == "failed" else None
    reason = "refused_recipient" if state == "failed" else None
    return {**row, "row_hash": f"hash {run_no}", "last_error": error, "reason": reason, "intent_at": NOW}


def _context(run_no: int, user_no: int) -> dict[str, Any]:
    user = {"first_name": FIRST if user_no == 0 else "Bo"}
    slots = [[0, 0, f"Because {user['first_name']} liked it", "popular", False, 1.0, 1, None]]
    return {"run_no": run_no, "user_no": user_no, "context": {"user": user, "slots": slots}, "reserves": []}


def _add_files(project: Project) -> None:
    folder = project.folder
    head = "reject_line,reject_reason,user_id,email,first_name\n"
    lines = f'2,bad,{ID},,\n3,bad,,{ADDRESS},"Ana\nQ"\n4,bad,bo,,Bo\n'
    (folder / "users.csv.crm.rejects.csv").write_text(head + lines, "utf-8")
    preview = folder / "preview" / "weekly"
    preview.mkdir(parents=True)
    (preview / "index.html").write_text(f"<td>{ID}</td>")
    (preview / "1.html").write_text(f"Hello {FIRST}")
    connection = Files(folder=folder / "outbox").connect()
    for name, address in ((FIRST, ADDRESS), ("Bo", "bo@example.org")):
        mime = f"From: a@acme.example\r\nTo: {name} <{address}>\r\nSubject: Hi {name}\r\n\r\nHi {name}\r\n"
        connection.send(_outgoing(name, mime.encode()))
    connection.close()
    copy = folder / f"person-{ID}.json"
    copy.write_text(f'"{ADDRESS}"')
    record_access(project.engine, EXPORT, [0], who="me", now=NOW, where=str(copy))
    record_access(project.engine, PREVIEW, [0, 1], who="me", now=NOW - timedelta(1), where=str(preview))


def _outgoing(name: str, mime: bytes) -> Outgoing:
    return Outgoing("a@acme.example", "x@example.org", mime, f"{name}@acme.example", "Hi")


def everything(engine: sa.Engine) -> str:
    """All rows of all tables as one text."""
    with reading(engine) as connection:
        return "\n".join(
            f"{table.name}: {tuple(row)!r}"
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        )
