"""Rows that have an id of their own, people and courses: numbered densely, changed only where they differ."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import lock_people
from recmail.db.tables import users
from recmail.history.identity import wait_for_other_imports
from recmail.history.importing_checks import Checks
from recmail.history.importing_target import Counts


@dataclass(frozen=True, slots=True)
class Row:
    """One record that passed its checks: its id, the columns that its source has, and a hash of them all."""

    id: str
    values: dict[str, Any]
    row_hash: str


@dataclass(frozen=True)
class Compared:
    """Rows beside what the database holds; `numbers` of all that are known and not erased."""

    new: list[Row]
    changed: list[Row]
    numbers: dict[str, int]
    attributes: dict[str, dict[str, Any]]
    counts: Counts


def compare(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> Compared:
    """Tell new, changed, unchanged and erased rows apart."""
    number, ident = table.c[0], table.c[1]
    erased_at = users.c.erased_at if table is users else sa.null()
    attributes = users.c.attributes if table is users else sa.null()
    query = sa.select(ident, number, table.c.source_row_hash, erased_at, attributes).where(
        among(ident, [row.id for row in rows])
    )
    found = {known[0]: known for known in connection.execute(query)}
    new = [row for row in rows if row.id not in found]
    alive = [row for row in rows if row.id in found and found[row.id][3] is None]
    changed = [row for row in alive if found[row.id][2] != row.row_hash]
    counts = Counts(
        added=len(new),
        changed=len(changed),
        unchanged=len(alive) - len(changed),
        erased=len(rows) - len(new) - len(alive),
    )
    numbers = {row.id: int(found[row.id][1]) for row in alive}
    return Compared(new, changed, numbers, {row.id: found[row.id][4] or {} for row in changed}, counts)


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Row],
    *,
    stamp: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> tuple[dict[str, int], Counts]:
    """Write new and changed rows; return the numbers of those, by id, and the counts.

    New rows get the next numbers in their order; ids must differ. Columns that rows lack stay as they are.

    Args:
        stamp: columns that say who wrote the row, and when.
        defaults: columns of new rows that the source may not have.
    """
    wait_for_other_imports(connection)  # two of them must not give the same number
    compared = compare(connection, table, rows)
    number, ident = table.c[0].name, table.c[1].name
    first = connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c[0]) + 1, 0))).scalar_one()
    numbers = {row.id: place for place, row in enumerate(compared.new, first)}
    if table is users:
        # Before anything is written, ascending, as senders lock them: in the file's order the two could wait
        # for each other. With the addresses that are new here: whoever has one already is spoken for too.
        hashes = [row.values.get("email_hash") for row in (*compared.new, *compared.changed)]
        changed = [compared.numbers[row.id] for row in compared.changed]
        lock_people(connection, changed, email_hashes=[one for one in hashes if one])
    if compared.new:
        new = [
            {number: numbers[row.id], ident: row.id, **defaults, **_cells(row, {}), **stamp}
            for row in compared.new
        ]
        connection.execute(table.insert(), new)
    if compared.changed:
        _update(connection, table, compared, stamp)
    return numbers | {row.id: compared.numbers[row.id] for row in compared.changed}, compared.counts


def _update(connection: sa.Connection, table: sa.Table, compared: Compared, stamp: Mapping[str, Any]) -> None:
    statement = table.update().where(table.c[0] == sa.bindparam("this_number"))
    changes = [
        {"this_number": compared.numbers[row.id], **_cells(row, compared.attributes[row.id]), **stamp}
        for row in compared.changed
    ]
    connection.execute(statement, changes)


def _cells(row: Row, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns; attributes of other sources stay beside its own, and empty ones are left out."""
    cells = {**row.values, "source_row_hash": row.row_hash}
    if "attributes" in cells:
        merged = {**attributes, **cells["attributes"]}
        cells["attributes"] = {name: value for name, value in merged.items() if value is not None}
    return cells


def row_hashes(columns: Mapping[str, Sequence[str]], *context: str | None) -> list[str]:
    """A hash of each row's cells; `context` is what else decides how they are read."""
    names = sorted(columns)
    start = json.dumps([names, context]).encode()
    return [
        hashlib.blake2b(start + "\x1f".join(cells).encode(), digest_size=16).hexdigest()
        for cells in zip(*(columns[name] for name in names), strict=True)
    ]


class SeenIds:
    """The ids that a file has had so far, in a private temporary file: memory stays the same at any size."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("PRAGMA synchronous = OFF")

    def refuse_seconds(self, name: str, ids: Sequence[str], checks: Checks) -> None:
        """Refuse accepted rows whose id came before, and remember the others."""
        rows = checks.accepted()
        listed = json.dumps([ids[row] for row in rows])
        query = "SELECT id FROM seen WHERE id IN (SELECT value FROM json_each(?))"
        seen = {found for (found,) in self._database.execute(query, [listed])}
        again = []
        for row in rows:
            if ids[row] in seen:
                again.append(row)
            seen.add(ids[row])
        checks.reject(again, f"{name}: a second row with this id", ids)
        self._database.execute("BEGIN")
        self._database.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?)", ((ids[row],) for row in checks.accepted())
        )
        self._database.execute("COMMIT")
