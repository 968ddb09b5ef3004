"""Whose message an event is about: by a token that we signed, our Message-ID, or the provider's own id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from recmail.db.ledger import row_of_message_id
from recmail.db.ledger_rows import KEY_COLUMNS, Key, as_rows, batch, same_key
from recmail.db.tables import ledger, users


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody calls a message.

    Attributes:
        row: the ledger row, of a token that we signed.
        message_id: without angle brackets.
        provider_id: what `Esp.send` returned.
    """

    row: Key | None = None
    message_id: str | None = None
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message that left, the address that its person has now, and whether the person was erased."""

    run_no: int
    user_no: int
    email_hash: str | None
    erased: bool


class Messages:
    """The messages that some names mean."""

    def __init__(self, connection: sa.Connection, names: Iterable[Named]) -> None:
        names = list(names)
        dialect = connection.dialect.name
        self._by_row = self._read(connection, _by_row(dialect), [one.row for one in names if one.row])
        ours = {one.message_id: row_of_message_id(one.message_id) for one in names if one.message_id}
        self._by_message_id = self._read(
            connection, _by_message_id(dialect), [(*row, name) for name, row in ours.items() if row]
        )
        self._by_provider_id = self._read(
            connection, _by_provider_id(dialect), [(one.provider_id,) for one in names if one.provider_id]
        )

    def of(self, name: Named) -> Message | None:
        """Return the message; our own ids come before the provider's, which it may give twice."""
        return (
            (self._by_row.get(name.row) if name.row else None)
            or self._by_message_id.get((name.message_id,))
            or self._by_provider_id.get((name.provider_id,))
        )

    @staticmethod
    def _read(
        connection: sa.Connection, query: sa.Select[Any], wanted: list[Any]
    ) -> dict[tuple[Any, ...], Message]:
        if not wanted:
            return {}
        rows = as_rows(connection.dialect.name, sorted(set(wanted)))
        return {
            tuple(name): Message(run_no, user_no, email_hash, bool(erased))
            for run_no, user_no, email_hash, erased, *name in connection.execute(query, {"rows": rows})
        }


@lru_cache(maxsize=2)
def _by_row(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, KEY_COLUMNS)
    return _query(dialect, rows, same_key(ledger, rows))


@lru_cache(maxsize=2)
def _by_message_id(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, {**KEY_COLUMNS, "message_id": sa.Text()})
    mine = sa.and_(same_key(ledger, rows), ledger.c.message_id == rows.c.message_id)
    return _query(dialect, rows, mine)


@lru_cache(maxsize=2)
def _by_provider_id(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, {"provider_id": sa.Text()})
    named = ledger.c.provider_id != sa.literal_column("''")  # as the index has it, to the letter
    return _query(dialect, rows, sa.and_(ledger.c.provider_id == rows.c.provider_id, named))


def _query(dialect: str, rows: sa.FromClause, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Messages, oldest first, each with its name: one look-up by an index for each, however large the ledger.

    Of an id that was given twice, the newest message is meant: it comes last.
    """
    erased = users.c.erased_at.is_not(None).label("erased")
    columns = ledger.c.run_no, ledger.c.user_no, users.c.email_hash, erased
    found = sa.select(*columns, ledger.c.intent_at)
    found = found.join(users, users.c.user_no == ledger.c.user_no).where(condition)
    if dialect == "postgresql":
        # OFFSET 0 keeps it apart: without statistics PostgreSQL would read the whole ledger for every batch.
        one = found.offset(0).lateral("found")
        theirs = [one.c[column.name] for column in columns]
        query = sa.select(*theirs, *_names(rows)).select_from(rows.join(one, sa.true()))
        return query.order_by(one.c.intent_at)
    return (
        sa.select(*columns, *_names(rows))
        .select_from(rows)
        .join(ledger, condition)
        .join(users, users.c.user_no == ledger.c.user_no)
        .order_by(ledger.c.intent_at)
    )


def _names(rows: sa.FromClause) -> Sequence[sa.ColumnElement[Any]]:
    """What a batch looks for: a row, else the one id that stands in its last column."""
    columns = list(rows.c)
    return columns if len(columns) == len(KEY_COLUMNS) else columns[-1:]
