"""What there is and how fresh it is: counts, newest times, the last imports, and what looks wrong."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.consent import consent_reason
from recmail.db.tables import courses, imports, interactions, suppressions, users
from recmail.history.reading import category_key


@dataclass(frozen=True)
class LastImport:
    """The newest import of one kind from one source; `finished_at` is None when it stopped half-way."""

    source: str
    kind: str
    file: str | None
    watermark: str | None
    started_at: datetime
    finished_at: datetime | None
    counts: dict[str, int]
    rejects: dict[str, int]


@dataclass(frozen=True)
class DataSurvey:
    """Everything `recmail data` says.

    Attributes:
        people: known and not erased; `mailable` and `not_mailable`, by reason, add up to them.
        newest_change: when people were last added or changed.
        newest_interaction: not after now.
        categories_alike: spellings of one category that differ in case or spaces.
    """

    people: int
    erased: int
    mailable: int
    not_mailable: dict[str, int]
    newest_change: datetime | None
    courses: int
    active_courses: int
    courses_without_url: int
    courses_without_image: int
    courses_without_level: int
    courses_without_category: int
    categories_alike: list[list[str]]
    interactions: int
    newest_interaction: datetime | None
    suppressions: int
    imports: list[LastImport]

    def to_json(self) -> dict[str, Any]:
        """The same as plain values, times in ISO 8601."""
        plain = _plain(dataclasses.asdict(self))
        assert isinstance(plain, dict)
        return plain


def survey(connection: sa.Connection, now: datetime) -> DataSurvey:
    """Count and inspect all histories and courses."""
    reasons = _reasons(connection, now)
    happened = interactions.c.at <= now
    return DataSurvey(
        people=sum(reasons.values()),
        erased=_count(connection, users, users.c.erased_at.is_not(None)),
        mailable=reasons.get(None, 0),
        not_mailable={reason: people for reason, people in sorted(reasons.items(), key=str) if reason},
        newest_change=connection.scalar(sa.select(sa.func.max(users.c.imported_at))),
        courses=_count(connection, courses),
        active_courses=_count(connection, courses, courses.c.active.is_(True)),
        courses_without_url=_count(connection, courses, courses.c.url.is_(None)),
        courses_without_image=_count(connection, courses, courses.c.image_url.is_(None)),
        courses_without_level=_count(connection, courses, courses.c.level.is_(None)),
        courses_without_category=_count(connection, courses, courses.c.category.is_(None)),
        categories_alike=_categories_alike(connection),
        interactions=_count(connection, interactions),
        newest_interaction=connection.scalar(sa.select(sa.func.max(interactions.c.at)).where(happened)),
        suppressions=_count(connection, suppressions),
        imports=_last_imports(connection),
    )


def _count(connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(connection.execute(query).scalar_one())


def _reasons(connection: sa.Connection, now: datetime) -> dict[str | None, int]:
    """How many people may get email (None), and how many may not, by reason; consent to all topics."""
    reason = consent_reason(users.c.user_no, users.c.email_hash, "", now).label("reason")
    each = sa.select(reason).select_from(users).where(users.c.erased_at.is_(None)).subquery()
    query = sa.select(each.c.reason, sa.func.count()).group_by(each.c.reason)
    return {why: int(people) for why, people in connection.execute(query)}


def _categories_alike(connection: sa.Connection) -> list[list[str]]:
    spellings: defaultdict[str | None, list[str]] = defaultdict(list)
    query = sa.select(courses.c.category).where(courses.c.category.is_not(None)).distinct()
    for category in sorted(connection.scalars(query)):
        spellings[category_key(category)].append(category)
    return [alike for alike in spellings.values() if len(alike) > 1]


def _last_imports(connection: sa.Connection) -> list[LastImport]:
    newest = sa.select(sa.func.max(imports.c.import_no)).group_by(imports.c.source, imports.c.kind)
    columns = [imports.c[field.name] for field in dataclasses.fields(LastImport)]
    query = sa.select(*columns).where(imports.c.import_no.in_(newest)).order_by(imports.c.import_no)
    return [LastImport(*row) for row in connection.execute(query)]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
