"""Which courses people were emailed: what was frozen for the messages that left, or wait in approved runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON

from recmail.db.among import in_range
from recmail.db.eligibility import GONE, WAITING
from recmail.db.ledger_rows import same_key
from recmail.db.runs import OPEN
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
        ledger.c.run_no.in_(sa.select(runs.c.run_no).where(OPEN)),
        ledger.c.due_at > since,
    )
    emails = sa.union_all(left, waiting).subquery("emails")
    slot, course_no, _ = _slots(connection)
    at = microseconds(connection, sa.func.max(emails.c.at))
    query = (
        sa.select(emails.c.user_no, course_no.label("course_no"), at.label("at"))
        .join(ledger_context, same_key(ledger_context, emails))
        .join(slot, sa.true())
        .group_by(emails.c.user_no, course_no)
        .order_by(emails.c.user_no, course_no)
    )
    return pd.read_sql(query, connection)


def planned_courses(connection: sa.Connection, run_no: int, low: int, high: int) -> pd.DataFrame:
    """Read the courses in the emails that a run planned for the people with low <= user_no < high.

    Returns:
        user_no, course_no, is_fallback (whether a fallback filled up with it), by user_no and course_no.
    """
    slot, course_no, is_fallback = _slots(connection)
    context = ledger_context
    query = (
        sa.select(context.c.user_no, course_no.label("course_no"), is_fallback.label("is_fallback"))
        .join(slot, sa.true())
        .where(context.c.run_no == run_no, context.c.user_no >= low, context.c.user_no < high)
        .order_by(context.c.user_no, course_no)
    )
    rows = pd.read_sql(query, connection)
    return rows.astype({"user_no": "int64", "course_no": "int64", "is_fallback": "bool"})


def _slots(
    connection: sa.Connection,
) -> tuple[sa.FromClause, sa.ColumnElement[int], sa.ColumnElement[bool]]:
    """The slots of a frozen context, a row each; and the course_no and the fallback mark of a slot."""
    context: Any = ledger_context.c.context
    if connection.dialect.name == "postgresql":
        slot = sa.func.json_array_elements(context["slots"]).table_valued(sa.column("value", JSON))
        items = slot.c.value
        return slot, sa.cast(items[1].astext, sa.BigInteger), sa.cast(items[4].astext, sa.Boolean)
    slot = sa.func.json_each(context, sa.literal_column("'$.slots'")).table_valued("value")
    course_no = sa.func.json_extract(slot.c.value, sa.literal_column("'$[1]'"), type_=sa.BigInteger)
    return slot, course_no, sa.func.json_extract(slot.c.value, sa.literal_column("'$[4]'"), type_=sa.Boolean)
