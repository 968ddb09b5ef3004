"""Which courses people were emailed: what was frozen for the messages that left, or wait in approved runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON

from recmail.db.among import in_range
from recmail.db.eligibility import GONE, OPEN_RUNS, WAITING
from recmail.db.ledger_rows import same_key
from recmail.db.tables import ledger, ledger_context, runs
from recmail.db.types import microseconds


def emailed_courses(
    connection: sa.Connection,
    low: int,
    high: int,
    *,
    since: datetime,
    now: datetime,
    few: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Read the courses in emails of the people with low <= user_no < high that left after `since` or wait.

    Waiting ones count from the time they are due, as they do for the limit of emails: two campaigns of one
    week must not show the same. What a stale course was replaced by when it was sent is not frozen, and does
    not count.

    Args:
        few: only these people of the range; all when None.

    Returns:
        user_no, course_no, at (microseconds since 1970, the newest), by user_no and course_no.
    """
    people = in_range(ledger.c.user_no, low, high, few=few)
    left = sa.select(ledger.c.run_no, ledger.c.user_no, ledger.c.intent_at.label("at")).where(
        people, GONE, ledger.c.intent_at > since, ledger.c.intent_at <= now
    )
    waiting = sa.select(ledger.c.run_no, ledger.c.user_no, ledger.c.due_at.label("at")).where(
        people,
        WAITING,
        ledger.c.run_no.in_(sa.select(runs.c.run_no).where(OPEN_RUNS)),
        ledger.c.due_at > since,
    )
    emails = sa.union_all(left, waiting).subquery("emails")
    slot, course_no = _slots(connection)
    at = microseconds(connection, sa.func.max(emails.c.at))
    query = (
        sa.select(emails.c.user_no, course_no.label("course_no"), at.label("at"))
        .join(ledger_context, same_key(ledger_context, emails))
        .join(slot, sa.true())
        .group_by(emails.c.user_no, course_no)
        .order_by(emails.c.user_no, course_no)
    )
    return pd.read_sql(query, connection)


def _slots(connection: sa.Connection) -> tuple[sa.FromClause, sa.ColumnElement[int]]:
    """The slots of a frozen context, a row each, and the course_no that is the second item of a slot."""
    context: Any = ledger_context.c.context
    if connection.dialect.name == "postgresql":
        slot = sa.func.json_array_elements(context["slots"]).table_valued(sa.column("value", JSON))
        return slot, sa.cast(slot.c.value[1].astext, sa.BigInteger)
    slot = sa.func.json_each(context, sa.literal_column("'$.slots'")).table_valued("value")
    return slot, sa.func.json_extract(slot.c.value, sa.literal_column("'$[1]'"), type_=sa.BigInteger)
