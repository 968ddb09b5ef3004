"""Files that import tests share, and how they read what became of them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.history.importing import ImportResult

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KEY = b"k" * 32
Import = Callable[..., ImportResult]

USERS = "user_id,email,email_consent\na,ana@example.org,yes\nb,ben@example.org,yes\n"
COURSES = "course_id,title\nsql,SQL from Zero to Useful\npy,Python\n"
EVENTS = (
    "event_id,user_id,course_id,kind,at,value,amount,currency,seconds,query\n"
    "1,a,sql,enrolled,2026-10-01T10:00:00Z,,49.5,EUR,,\n"
    ",a,sql,progressed,2026-10-02T10:00:00.25+02:00,0.5,,,90.5,\n"
    ",b,,searched,2026-10-03 08:00,,,,,excel   pivot\n"
    ",b,py,rated,2026-10-04,4,,,,\n"
)


def rejected(result: ImportResult) -> list[tuple[int, str]]:
    """Line and reason of each row in the file of rejects, without what was found."""
    assert result.rejects_file is not None
    with result.rejects_file.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["reject_line"]), row["reject_reason"]) for row in csv.DictReader(file)]
    return [(line, reason.partition(", found ")[0]) for line, reason in rows]


def everything(engine: sa.Engine, table: sa.Table, *columns: str) -> list[tuple[object, ...]]:
    """These columns of a whole table, by primary key."""
    query = sa.select(*(table.c[name] for name in columns)).order_by(*table.primary_key)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]
