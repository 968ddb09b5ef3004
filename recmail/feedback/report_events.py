"""What came back of messages: what providers told, and who said no after one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import EMAIL
from recmail.db.ledger_rows import same_key, state_is
from recmail.db.tables import consent, events, ledger
from recmail.db.types import moved
from recmail.feedback.report_figures import ByRun, Figures
from recmail.records import EventKind, MessageState

S = MessageState
_BY_THEMSELVES = ("page", "one_click")  # channels of consent through which nobody but the person speaks
_KINDS = (EventKind.DELIVERED, EventKind.BOUNCED, EventKind.COMPLAINED, EventKind.OPENED, EventKind.CLICKED)


def count_sent(
    connection: sa.Connection,
    run_nos: Sequence[int],
    *,
    seen_until: datetime,
    within: timedelta,
    figures: ByRun,
) -> None:
    """Add how many messages left, and of how many the window is not over yet.

    Args:
        seen_until: what happened later is not known.
    """
    waits = moved(connection, ledger.c.sent_at, within) > seen_until
    columns = ledger.c.run_no, ledger.c.variant
    query = (
        sa.select(*columns, sa.func.count(), sa.func.sum(sa.case((waits, 1), else_=0)))
        .where(among(ledger.c.run_no, run_nos), ledger.c.state == S.SENT.value)
        .group_by(*columns)
    )
    for run_no, variant, sent, waiting in connection.execute(query):
        _at(figures, run_no, variant).add(Figures(sent=int(sent), waiting=int(waiting)))


def count_told(connection: sa.Connection, run_nos: Sequence[int], now: datetime, figures: ByRun) -> None:
    """Add what came back of the messages; each counts once, however often it was told.

    A bounce is hard when one of the message's was; a click is a machine's when all of them were.
    """
    dead, machine = (sa.case((column, 1), else_=0) for column in (events.c.dead, events.c.by_machine))
    message = events.c.run_no, events.c.user_no, events.c.kind
    each = (
        sa.select(*message, sa.func.max(dead).label("is_dead"), sa.func.min(machine).label("is_machine"))
        .where(among(events.c.run_no, run_nos), events.c.at <= now, events.c.kind.in_(_KINDS))
        .group_by(*message)
        .subquery("each")
    )
    columns = ledger.c.run_no, ledger.c.variant, each.c.kind, each.c.is_dead, each.c.is_machine
    query = sa.select(*columns, sa.func.count()).join_from(each, ledger, same_key(ledger, each))
    for run_no, variant, kind, is_dead, is_machine, count in connection.execute(query.group_by(*columns)):
        mine, name = _at(figures, run_no, variant), _figure(kind, bool(is_dead), bool(is_machine))
        if name is not None:
            setattr(mine, name, getattr(mine, name) + int(count))


def _figure(kind: str, is_dead: bool, is_machine: bool) -> str | None:
    """Which of Figures an event counts for."""
    if kind == EventKind.BOUNCED:
        return "bounced_hard" if is_dead else "bounced_soft"
    if is_machine:
        return "clicked_by_machine" if kind == EventKind.CLICKED else None
    return kind


def count_unsubscribed(
    connection: sa.Connection, run_nos: Sequence[int], *, within: timedelta, now: datetime, figures: ByRun
) -> None:
    """Add who said no to emails after a message: with us, or at the provider, which names the message itself.

    A no on our page counts to the newest message that the person had got within the window before.
    """
    newest = _newest_before_a_no(connection, run_nos, within, now)
    with_us = sa.select(newest.c.run_no, newest.c.user_no).where(
        newest.c.place == 1, among(newest.c.run_no, run_nos)
    )
    at_provider = sa.select(events.c.run_no, events.c.user_no).where(
        *(among(events.c.run_no, run_nos), events.c.kind == EventKind.UNSUBSCRIBED, events.c.at <= now),
        ~events.c.by_machine,
    )
    each = sa.union(with_us, at_provider).subquery("each")
    columns = ledger.c.run_no, ledger.c.variant
    query = sa.select(*columns, sa.func.count()).join_from(each, ledger, same_key(ledger, each))
    for run_no, variant, messages in connection.execute(query.group_by(*columns)):
        _at(figures, run_no, variant).add(Figures(unsubscribed=int(messages)))


def _newest_before_a_no(
    connection: sa.Connection, run_nos: Sequence[int], within: timedelta, now: datetime
) -> sa.Subquery:
    """Each no that a person said with us after a message of these runs, with each message it may count to.

    Returns:
        run_no, user_no, place: 1 is the newest message.
    """
    mine, any_of = ledger.alias("mine"), ledger.alias("any_of")
    said = (
        sa.select(consent.c.consent_no, consent.c.user_no, consent.c.at)
        .join_from(mine, consent, _follows(connection, consent, mine, within))
        .where(
            *(among(mine.c.run_no, run_nos), state_is(mine, S.SENT)),
            *(consent.c.purpose == EMAIL, consent.c.granted.is_(False)),
            *(consent.c.channel.in_(_BY_THEMSELVES), consent.c.at <= now),
        )
        .distinct()
        .cte("said")
    )
    newest_first = sa.func.row_number().over(
        partition_by=said.c.consent_no, order_by=(any_of.c.sent_at.desc(), any_of.c.run_no.desc())
    )
    return (
        sa.select(any_of.c.run_no, any_of.c.user_no, newest_first.label("place"))
        .join_from(said, any_of, _follows(connection, said, any_of, within))
        .where(
            state_is(any_of, S.SENDING, S.SENT, S.UNKNOWN),  # for the index of people
            state_is(any_of, S.SENT),
        )
        .subquery("newest")
    )


def _follows(
    connection: sa.Connection, word: sa.FromClause, message: sa.FromClause, within: timedelta
) -> sa.ColumnElement[bool]:
    """It was said by the person of a message, within the window after it left."""
    return sa.and_(
        word.c.user_no == message.c.user_no,
        word.c.at > message.c.sent_at,
        word.c.at <= moved(connection, message.c.sent_at, within),
    )


def kinds_told(connection: sa.Connection, run_nos: Sequence[int]) -> dict[int, set[str]]:
    """Which kinds of events there are of each of these runs at all."""
    query = sa.select(events.c.run_no, events.c.kind).where(among(events.c.run_no, run_nos)).distinct()
    found: dict[int, set[str]] = {run_no: set() for run_no in run_nos}
    for run_no, kind in connection.execute(query):
        found[int(run_no)].add(kind)
    return found


def _at(figures: ByRun, run_no: int, variant: str | None) -> Figures:
    return figures.setdefault((int(run_no), variant), Figures())
