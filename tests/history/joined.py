"""Segment's calls as files, and whose events they became."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.tables import courses, interactions, pending_events, users
from recmail.history.importers import Piece
from recmail.history.importers.segment import Segment
from recmail.history.importing import ImportOptions, ImportResult, import_file, import_piece
from tests.history.imported import KEY, NOW, everything
from tests.history.importers.exported import options_of, write_lines

Bring = Callable[..., ImportResult]
_numbers = itertools.count()


def view(number: int, *, user: str = "", anonymous: str = "", course: str = "sql") -> dict[str, Any]:
    """A view, at some second of October."""
    return {
        "type": "track",
        "event": "Viewed",
        "messageId": f"m{number}",
        "timestamp": f"2026-10-01T10:{number // 60 % 60:02}:{number % 60:02}Z",
        "userId": user,
        "anonymousId": anonymous,
        "properties": {"course_id": course},
    }


def identify(anonymous: str, user: str) -> dict[str, Any]:
    return {"type": "identify", "anonymousId": anonymous, "userId": user}


def bring_calls(
    engine: sa.Engine, folder: Path, calls: Sequence[dict[str, Any]], **options: Any
) -> ImportResult:
    """Bring in a file of Segment's calls as a source of recmail.toml does."""
    path = write_lines(folder / f"calls{next(_numbers)}", calls)
    segment = options_of(Segment, kinds={"Viewed": "viewed"})
    piece = Piece(path.name, path, None, lambda knows: segment.open(path, knows))
    found = ImportOptions(**{"source": "web", "section": "sources.web", "project": folder} | options)
    return import_piece(engine, "interactions", piece, now=NOW, key=KEY, options=found)


def seen(engine: sa.Engine) -> list[tuple[object, ...]]:
    """Key, person and course of all interactions."""
    query = (
        sa.select(interactions.c.event_key, users.c.user_id, courses.c.course_id, interactions.c.at)
        .join(users, users.c.user_no == interactions.c.user_no)
        .join(courses, courses.c.course_no == interactions.c.course_no)
        .order_by(interactions.c.event_key)
    )
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def persons(engine: sa.Engine) -> dict[object, object]:
    return {str(row[0]).removeprefix("web:"): row[1] for row in seen(engine)}


def waiting(engine: sa.Engine) -> int:
    return len(everything(engine, pending_events, "event_key"))


def erase(engine: sa.Engine, user_id: str) -> None:
    with writing(engine) as connection:
        connection.execute(users.update().where(users.c.user_id == user_id).values(erased_at=NOW))


def bring_csv(engine: sa.Engine, folder: Path, kind: str, text: str) -> None:
    path = folder / f"{kind}.csv"
    path.write_text(text)
    import_file(engine, kind, path, now=NOW, key=KEY, options=ImportOptions())
