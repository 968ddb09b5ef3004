"""What of a source is new since it was last read: files by size and time, queries by the newest time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import imports
from recmail.history.importers import Piece
from recmail.history.importers.events import EventOptions
from recmail.history.sources import Source

GONE = "gone"
_DAY = timedelta(days=1)
_TIMED = ("interactions", "suppressions")  # their records carry a time; others are as new as their import


@dataclass(frozen=True)
class Unread:
    """The pieces that are to be read.

    Attributes:
        known: how many files are known already.
        changed: how many pieces were read when the source was described otherwise.
        gone: how many such files are not there any more.
        names: of all pieces that there are.
    """

    pieces: list[Piece]
    known: int
    names: frozenset[str]
    changed: int = 0
    gone: int = 0


def unread(engine: sa.Engine, source: Source, now: datetime) -> Unread:
    """What is new or changed since the last finished import of each piece.

    Raises:
        DataError: what there should be to read cannot be found.
    """
    with reading(engine) as connection:
        last, since, until = _last(connection, source), _since(connection, source), _until(connection, source)
    since = min(since, now) if since else None  # a clock that goes wrong must not hide what comes
    pieces = [_marked(piece, source, until) for piece in source.options.pieces(since)]
    new = [piece for piece in pieces if piece.path is None or last.get(piece.name) != piece.fingerprint]
    of_another_shape = {
        name
        for name, fingerprint in last.items()
        if "#" in fingerprint and not fingerprint.endswith(f"#{source.shape}")
    }
    names = frozenset(piece.name for piece in pieces)
    changed, gone = of_another_shape & names, of_another_shape - names
    return Unread(new, len(pieces) - len(new), names, len(changed), len(gone))


def everything(engine: sa.Engine, source: Source, _now: datetime) -> Unread:
    """All there is, read before or not.

    Raises:
        DataError: what there should be to read cannot be found.
    """
    with reading(engine) as connection:
        until = _until(connection, source)
    pieces = [_marked(piece, source, until) for piece in source.options.pieces(None)]
    return Unread(pieces, 0, frozenset(piece.name for piece in pieces))


def forget_gone(engine: sa.Engine, source: Source, names: Collection[str]) -> None:
    """Mark what the last import read and is not there any more: it is neither unfinished nor to be mended."""
    of_source = sa.and_(imports.c.source == source.name, imports.c.kind == source.table)
    begun = sa.select(sa.func.max(imports.c.started_at)).where(of_source).scalar_subquery()
    query = sa.select(imports.c.import_no, imports.c.file, imports.c.counts).where(
        of_source, imports.c.started_at == begun
    )
    with reading(engine) as connection:
        last = connection.execute(query).all()
    gone = [row for row in last if row.file not in names and GONE not in row.counts]
    if gone:
        statement = imports.update().where(imports.c.import_no == sa.bindparam("this"))
        counts = sa.bindparam("now", type_=imports.c.counts.type)
        changes = [{"this": row.import_no, "now": {**row.counts, GONE: 1}} for row in gone]
        with writing(engine) as connection:
            connection.execute(statement.values(counts=counts), changes)


def _marked(piece: Piece, source: Source, until: Mapping[str, datetime]) -> Piece:
    fingerprint = f"{piece.fingerprint or ''}#{source.shape}"
    return replace(piece, fingerprint=fingerprint, reread_until=until.get(piece.name))


def _until(connection: sa.Connection, source: Source) -> dict[str, datetime]:
    """The newest time that was read of each piece, to its end or not, when the source had another shape."""
    if source.table != "interactions":
        return {}
    query = (
        sa.select(imports.c.file, sa.func.max(imports.c.watermark))
        .where(
            imports.c.source == source.name,
            imports.c.kind == source.table,
            imports.c.watermark.is_not(None),
            ~imports.c.fingerprint.endswith(f"#{source.shape}"),
        )
        .group_by(imports.c.file)
    )
    # A vendor's files are of days that are over, and another time zone moves their events by less than a day.
    margin = _DAY if isinstance(source.options, EventOptions) else timedelta()
    return {file: datetime.fromisoformat(watermark) + margin for file, watermark in connection.execute(query)}


def _finished(source: Source) -> sa.ColumnElement[bool]:
    return sa.and_(
        imports.c.source == source.name, imports.c.kind == source.table, imports.c.finished_at.is_not(None)
    )


def _last(connection: sa.Connection, source: Source) -> dict[str, str]:
    """Name and fingerprint of each piece when it was last read to its end."""
    newest = sa.select(sa.func.max(imports.c.import_no)).where(_finished(source)).group_by(imports.c.file)
    query = sa.select(imports.c.file, imports.c.fingerprint).where(imports.c.import_no.in_(newest))
    return {file: fingerprint or "" for file, fingerprint in connection.execute(query)}


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
