"""Where in a message people clicked: on which course, found by what was frozen of the message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.ledger_rows import same_key
from recmail.db.tables import events, ledger_context
from recmail.feedback.report_figures import Places
from recmail.feedback.report_shown import Blocks, Slots
from recmail.records import EventKind


def count_clicks(
    connection: sa.Connection,
    run_nos: Sequence[int],
    low: int,
    high: int,
    *,
    now: datetime,
    blocks: Blocks,
    places: Places,
) -> None:
    """Add the clicks of the people with low <= user_no < high to the places of these runs.

    A course counts once for each message, however often it was clicked; what machines did is left out. A
    course that took the place of one that had gone stale is in no place that was frozen, and is left out too.
    """
    clicks = (
        sa.select(events.c.run_no, events.c.user_no, events.c.course_no)
        .where(
            *(among(events.c.run_no, run_nos), events.c.user_no >= low, events.c.user_no < high),
            *(events.c.kind == EventKind.CLICKED, events.c.at <= now),
            *(events.c.course_no.is_not(None), ~events.c.by_machine),
        )
        .distinct()
        .subquery("clicks")
    )
    query = sa.select(clicks.c.run_no, clicks.c.course_no, ledger_context.c.context).join_from(
        clicks, ledger_context, same_key(ledger_context, clicks)
    )
    found = pd.DataFrame(connection.execute(query).mappings().all())
    if found.empty:
        return
    slots = Slots(found["context"].tolist(), found["run_no"].tolist(), blocks)
    clicked = slots.showing(found["course_no"].to_numpy())
    clicked = clicked[clicked >= 0]
    for dimension, column in slots.columns().items():
        for value, count in zip(*np.unique(column[clicked], return_counts=True), strict=True):
            places.at(dimension, slots.key(dimension, int(value))).clicked += int(count)
