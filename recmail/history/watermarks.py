"""What of a source is new since it was last read: files by size and time, queries by the newest time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.tables import imports
from recmail.history.importers import Piece
from recmail.history.sources import Source

_TIMED = ("interactions", "suppressions")  # their records carry a time; others are as new as their import


@dataclass(frozen=True)
class Unread:
    """The pieces that are to be read, and how many files are known already."""

    pieces: list[Piece]
    known: int


def unread(engine: sa.Engine, source: Source, now: datetime) -> Unread:
    """What is new or changed since the last finished import of each piece.

    Raises:
        DataError: what there should be to read cannot be found.
    """
    with reading(engine) as connection:
        seen, since = _seen(connection, source), _since(connection, source)
    since = min(since, now) if since else None  # a clock that goes wrong must not hide what comes
    pieces = [_marked(piece, source) for piece in source.options.pieces(since)]
    new = [piece for piece in pieces if piece.path is None or (piece.name, piece.fingerprint) not in seen]
    return Unread(new, len(pieces) - len(new))


def everything(_engine: sa.Engine, source: Source, _now: datetime) -> Unread:
    """All there is, read before or not.

    Raises:
        DataError: what there should be to read cannot be found.
    """
    return Unread([_marked(piece, source) for piece in source.options.pieces(None)], 0)


def _marked(piece: Piece, source: Source) -> Piece:
    return replace(piece, fingerprint=f"{piece.fingerprint or ''}#{source.shape}")


def _finished(source: Source) -> sa.ColumnElement[bool]:
    return sa.and_(
        imports.c.source == source.name, imports.c.kind == source.table, imports.c.finished_at.is_not(None)
    )


def _seen(connection: sa.Connection, source: Source) -> set[tuple[str, str]]:
    """Name and fingerprint of each piece when it was last read to its end."""
    newest = sa.select(sa.func.max(imports.c.import_no)).where(_finished(source)).group_by(imports.c.file)
    query = sa.select(imports.c.file, imports.c.fingerprint).where(imports.c.import_no.in_(newest))
    return {(file, fingerprint) for file, fingerprint in connection.execute(query)}


def _since(connection: sa.Connection, source: Source) -> datetime | None:
    """The newest time that was read in the shape that the source has now."""
    same_shape = imports.c.fingerprint.endswith(f"#{source.shape}")
    query = sa.select(sa.func.max(imports.c.watermark), sa.func.max(imports.c.started_at)).where(
        _finished(source), same_shape
    )
    watermark, started_at = connection.execute(query).one()
    if source.table in _TIMED:
        return datetime.fromisoformat(watermark) if watermark else None
    found: datetime | None = started_at
    return found


def left_unfinished(connection: sa.Connection, started: Mapping[str, Any]) -> bool:
    """Whether the last import of the same source, kind and file did not come to its end, as after a kill."""
    same = (imports.c[name] == started[name] for name in ("source", "kind", "file"))
    last = sa.select(imports.c.finished_at).where(*same).order_by(imports.c.import_no.desc()).limit(1)
    found = connection.execute(last).first()
    return found is not None and found.finished_at is None
