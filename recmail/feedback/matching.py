"""Whose message an event is about: by a token that we signed, our Message-ID, or the provider's own id."""

from __future__ import annotations

from collections.abc import Iterable
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
    """A message that left, and the address that its person has now."""

    run_no: int
    user_no: int
    email_hash: str | None


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
            tuple(name): Message(run_no, user_no, email_hash)
            for run_no, user_no, email_hash, *name in connection.execute(query, {"rows": rows})
        }


_FOUND = (ledger.c.run_no, ledger.c.user_no, users.c.email_hash)


@lru_cache(maxsize=2)
def _by_row(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, KEY_COLUMNS)
    return _query(rows, same_key(ledger, rows), [rows.c.run_no, rows.c.user_no])


@lru_cache(maxsize=2)
def _by_message_id(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, {**KEY_COLUMNS, "message_id": sa.Text()})
    mine = sa.and_(same_key(ledger, rows), ledger.c.message_id == rows.c.message_id)
    return _query(rows, mine, [rows.c.message_id])


@lru_cache(maxsize=2)
def _by_provider_id(dialect: str) -> sa.Select[Any]:
    rows = batch(dialect, {"provider_id": sa.Text()})
    named = ledger.c.provider_id != sa.literal_column("''")  # as the index has it, to the letter
    found = _query(rows, sa.and_(ledger.c.provider_id == rows.c.provider_id, named), [rows.c.provider_id])
    return found.order_by(ledger.c.intent_at)  # of an id that was given twice, the newest message is meant


def _query(
    rows: sa.FromClause, condition: sa.ColumnElement[bool], names: list[sa.ColumnElement[Any]]
) -> sa.Select[Any]:
    """Joined from the names outward: each is one look-up by an index, however large the ledger is."""
    return (
        sa.select(*_FOUND, *names)
        .select_from(rows)
        .join(ledger, condition)
        .join(users, users.c.user_no == ledger.c.user_no)
    )
