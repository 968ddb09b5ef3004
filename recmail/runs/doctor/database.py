"""The database: can it be reached, is it ours, is it at this version's migration, does its clock agree."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import sqlalchemy as sa

from recmail.db.connect import connect, reading
from recmail.db.migrate import current_revision, newest_revision
from recmail.errors import RecmailError
from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.words import size

_UPGRADE = "recmail init --upgrade"
_CORRECT = "correct database under [project] in recmail.toml, or start its server"
_WAL = 2  # byte 18 of a SQLite file: what recmail makes of every database; 1 is the ordinary journal
_DRIFT_WARNED_S, _DRIFT_WRONG_S = 5.0, 60.0  # leases last a minute


@dataclass(frozen=True)
class Opened:
    """What was found of a database; `engine` is None where nothing of ours can be read from it."""

    engine: sa.Engine | None
    findings: tuple[Finding, ...]


def open_database(url: str) -> Opened:
    """Open a database and look at it, changing nothing: not even a file is made."""
    try:
        engine = connect(url)
        if engine.dialect.name == "sqlite":
            file = Path(engine.url.database or "")
            if not file.is_file() or not file.stat().st_size:
                found = "is empty" if file.is_file() else "is not there"
                return Opened(None, (wrong("reachable", f"{file.name} {found}", _UPGRADE),))
            if _journal(file) != _WAL:
                # Another program's file, or a copy: opened as usual, it would be given our journal.
                engine = connect(f"sqlite:///file:{quote(str(file))}?mode=ro&uri=true")
        at, findings = _look(engine)
    except RecmailError as error:
        return Opened(None, (wrong("reachable", str(error), _CORRECT),))
    return Opened(engine if at == newest_revision() else None, findings)


def _journal(file: Path) -> int:
    with file.open("rb") as stream:
        header = stream.read(19)
    return header[18] if len(header) == 19 else 0


def _look(engine: sa.Engine) -> tuple[str | None, tuple[Finding, ...]]:
    """The migration that a database is at, and what is to be said of it; no connection stays open."""
    try:
        with reading(engine) as connection:
            at = current_revision(connection)
            findings = [ok("reachable", _about(connection)), _migrations(at)]
            if engine.dialect.name == "postgresql":
                clock = connection.scalar(sa.text("SELECT clock_timestamp()"))
                findings.append(check_drift(datetime.now(UTC), clock))
            if _is_read_only(connection):
                findings.append(wrong("writable", "it can only be read", "give recmail the right to write"))
    finally:
        engine.dispose()
    return at, tuple(findings)


def _is_read_only(connection: sa.Connection) -> bool:
    """A standby, or a user who may only read; a file of another owner."""
    if connection.dialect.name == "postgresql":
        return bool(connection.scalar(sa.text("SHOW transaction_read_only")) == "on")
    url = connection.engine.url
    return "uri" not in url.query and not os.access(url.database or "", os.W_OK)


def _about(connection: sa.Connection) -> str:
    url = connection.engine.url
    if connection.dialect.name == "sqlite":
        file = Path(unquote((url.database or "").removeprefix("file:")))
        version = connection.scalar(sa.text("SELECT sqlite_version()"))
        return f"{file.name}, SQLite {version}, {size(file.stat().st_size)}"
    version = str(connection.scalar(sa.text("SHOW server_version"))).split()[0]
    bytes_used = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
    where = url.set(query={}).render_as_string(hide_password=True).partition("://")[2]
    return f"{where}, PostgreSQL {version}, {size(int(bytes_used or 0))}"


def _migrations(at: str | None) -> Finding:
    newest = newest_revision()
    if at == newest:
        return ok("migrations", f"at {at}, the newest")
    if at is None:
        return wrong("migrations", "the database has no tables of recmail", _UPGRADE)
    if at < newest:
        return wrong("migrations", f"at {at}; this version of recmail needs {newest}", _UPGRADE)
    found = f"at {at}, which is newer than this version of recmail knows ({newest})"
    return wrong("migrations", found, "pip install --upgrade recmail")


def check_drift(machine: datetime, database: datetime) -> Finding:
    """Compare the machine's clock with PostgreSQL's, which judges the leases of messages."""
    drift_s = abs((machine - database).total_seconds())
    found = f"{drift_s:.1f} s away from this machine's"
    advice = "let both machines set their clocks by NTP"
    if drift_s > _DRIFT_WRONG_S:
        return wrong("clock", found, advice)
    return warning("clock", found, advice) if drift_s > _DRIFT_WARNED_S else ok("clock", found)
