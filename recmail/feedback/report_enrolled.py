"""Which message each enrolment is counted to: one at most, whatever else the person got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.ledger_rows import same_key, state_is
from recmail.db.tables import interactions, ledger, ledger_context
from recmail.db.types import microseconds, moved
from recmail.feedback.report_figures import NO_CURRENCY, ByRun, Figures, Money, Places
from recmail.feedback.report_shown import Blocks, Slots
from recmail.records import MessageState

S = MessageState
_TAKEN = ("interaction_no", "user_no", "course_no", "at", "amount_minor", "currency")


def count_enrolments(
    connection: sa.Connection,
    run_nos: Sequence[int],
    low: int,
    high: int,
    *,
    within: timedelta,
    now: datetime,
    blocks: Blocks,
    figures: ByRun,
    places: Places,
) -> None:
    """Add enrolments of the people with low <= user_no < high to the figures and places of these runs.

    An enrolment counts to one message at most: the newest before it that showed the course, else the newest
    before it, whatever run or campaign that is of; older ones than `within` do not count. Events of
    the same course that count to the same message are one enrolment, and their amounts are added up.

    Args:
        blocks: of these runs.
    """
    pairs = _pairs(connection, run_nos, low, high, within=within, now=now)
    if pairs.empty:
        return
    contexts = pairs.pop("context").tolist()
    slots = Slots(contexts, pairs["run_no"].tolist(), blocks)
    slot = slots.showing(pairs["course_no"].to_numpy())
    counted = _newest(pairs.assign(slot=slot, shown=slot >= 0))
    counted = counted[counted["run_no"].isin(run_nos)]
    _add_to_messages(counted, figures)
    _add_to_places(counted[counted["shown"]], slots, places)


def _pairs(
    connection: sa.Connection,
    run_nos: Sequence[int],
    low: int,
    high: int,
    *,
    within: timedelta,
    now: datetime,
) -> pd.DataFrame:
    """Read enrolments after a message of these runs, each with every message that it might count to."""
    mine, any_of = ledger.alias("mine"), ledger.alias("any_of")
    theirs = among(mine.c.run_no, run_nos), mine.c.user_no >= low, mine.c.user_no < high
    enrolled = _enrolled_after(connection, mine, within, now).where(*theirs).distinct().cte("enrolled")
    before = sa.and_(
        any_of.c.user_no == enrolled.c.user_no,
        state_is(any_of, S.SENDING, S.SENT, S.UNKNOWN),  # for the index of people
        state_is(any_of, S.SENT),
        any_of.c.sent_at < enrolled.c.at,
        enrolled.c.at <= moved(connection, any_of.c.sent_at, within),
    )
    sent_at = microseconds(connection, any_of.c.sent_at).label("sent_at")
    query = (
        sa.select(
            *(enrolled.c[name] for name in _TAKEN if name != "at"),
            *(any_of.c.run_no, any_of.c.variant, sent_at, ledger_context.c.context),
        )
        .join_from(enrolled, any_of, before)
        .outerjoin(ledger_context, same_key(ledger_context, any_of))
    )
    return pd.DataFrame(connection.execute(query).mappings().all())


def _enrolled_after(
    connection: sa.Connection, message: sa.FromClause, within: timedelta, now: datetime
) -> sa.Select[Any]:
    """Enrolments within the window after a message that left."""
    event = interactions.alias("event")
    follows = sa.and_(
        event.c.user_no == message.c.user_no,
        event.c.kind == "enrolled",
        event.c.course_no.is_not(None),
        event.c.at > message.c.sent_at,
        event.c.at <= moved(connection, message.c.sent_at, within),
        event.c.at <= now,
    )
    columns = [event.c[name] for name in _TAKEN]
    return sa.select(*columns).join_from(message, event, follows).where(state_is(message, S.SENT))


def _newest(pairs: pd.DataFrame) -> pd.DataFrame:
    """Of each enrolment the message that it counts to: the newest that showed the course, else the newest."""
    order = pairs.sort_values(["interaction_no", "shown", "sent_at", "run_no"], kind="stable")
    return order.drop_duplicates("interaction_no", keep="last")


def _add_to_messages(counted: pd.DataFrame, figures: ByRun) -> None:
    for (run_no, variant), rows in counted.groupby(["run_no", "variant"], dropna=False):
        shown = rows[rows["shown"]]
        key = int(str(run_no)), variant if isinstance(variant, str) else None
        figures.setdefault(key, Figures()).add(
            Figures(
                enrolled=rows["user_no"].nunique(),
                enrolled_shown=shown["user_no"].nunique(),
                enrolments=int(_is_first(rows).sum()),
                enrolments_shown=int(_is_first(shown).sum()),
                value=_money(rows),
                value_shown=_money(shown),
            )
        )


def _is_first(rows: pd.DataFrame) -> pd.Series:
    """Whether no event before it is the same enrolment: of the same course, counted to the same message."""
    return ~rows.duplicated(["run_no", "user_no", "course_no"])


def _money(rows: pd.DataFrame) -> Money:
    priced = rows[rows["amount_minor"].notna()]
    sums = priced["amount_minor"].astype("int64").groupby(priced["currency"].fillna(NO_CURRENCY)).sum()
    return Counter({str(currency): int(amount) for currency, amount in sums.items()})


def _add_to_places(shown: pd.DataFrame, slots: Slots, places: Places) -> None:
    is_first = _is_first(shown).to_numpy()
    priced = shown[shown["amount_minor"].notna()]
    currency = priced["currency"].fillna(NO_CURRENCY).rename("currency")
    for dimension, column in slots.columns().items():
        of_slot = column[shown["slot"].to_numpy()]
        for value, count in zip(*np.unique(of_slot[is_first], return_counts=True), strict=True):
            places.at(dimension, slots.key(dimension, int(value))).enrolments += int(count)
        of_priced = column[priced["slot"].to_numpy()]
        sums = priced["amount_minor"].astype("int64").groupby([of_priced, currency]).sum()
        values, units = (sums.index.get_level_values(level) for level in (0, 1))
        for value, unit, amount in zip(values, units, sums, strict=True):
            places.at(dimension, slots.key(dimension, int(value))).value[str(unit)] += int(amount)
