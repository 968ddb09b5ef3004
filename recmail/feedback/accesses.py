"""Who saw or exported personal data: written into the audit, and read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import audit, users

WHY, PREVIEW, SHOW, EXPORT, ERASE = "why", "preview", "user show", "user export", "user erase"
UNSUBSCRIBE, LISTED, EXPIRE = "user unsubscribe", "export unsubscribes", "expire"
ACTIONS = (WHY, PREVIEW, SHOW, EXPORT, ERASE, UNSUBSCRIBE, LISTED, EXPIRE)


@dataclass(frozen=True)
class Access:
    """Somebody looked at, exported, changed or erased personal data.

    Attributes:
        user_id: whose; None where it was of many people, or is not known any more.
        detail: what else was written down: the run, the file, how many.
    """

    at: datetime
    who: str
    action: str
    user_id: str | None
    detail: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The access with stable keys, for --json."""
        return asdict(self)


def record_access(
    engine: sa.Engine,
    action: str,
    user_nos: Sequence[int],
    *,
    who: str,
    now: datetime,
    **detail: str | int | None,
) -> None:
    """Write down who did what with whose data; the detail names people by their number only."""
    each: list[dict[str, Any]] = [{"user_no": number, **detail} for number in user_nos] or [dict(detail)]
    with writing(engine) as connection:
        rows = [{"at": now, "who": who, "action": action, "detail": one} for one in each]
        connection.execute(audit.insert(), rows)


def read_accesses(
    connection: sa.Connection, *, user_no: int | None = None, since: datetime | None = None, at_most: int
) -> list[Access]:
    """Read who did what with personal data, the newest first.

    Args:
        user_no: only what was done with this person's.
    """
    number = audit.c.detail["user_no"].as_integer()
    query = (
        sa.select(audit.c.at, audit.c.who, audit.c.action, users.c.user_id, audit.c.detail)
        .outerjoin(users, users.c.user_no == number)
        .where(audit.c.action.in_(ACTIONS))
        .order_by(audit.c.audit_no.desc())
        .limit(at_most)
    )
    if user_no is not None:
        query = query.where(number == user_no)
    if since is not None:
        query = query.where(audit.c.at >= since)
    found = []
    for row in connection.execute(query):
        detail = {
            name: value for name, value in row.detail.items() if name != "user_no" and value is not None
        }
        found.append(Access(row.at, row.who, row.action, row.user_id, detail))
    return found
