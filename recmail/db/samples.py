"""People who matter when a campaign is looked at: the ends of the audience, not its middle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from recmail.db.consent import consent_reason, personalized
from recmail.db.tables import interactions, users

_SPECIAL = ("<", "{", "&", "'")
# Numbers by lot: times the golden ratio of the prime, which scatters neighbours; products stay in 63 bits.
_PRIME, _STEP = 4_294_967_291, 2_654_435_761


def people_who_matter(
    connection: sa.Connection, audience: sa.Select[tuple[int]], *, topic: str, now: datetime, at_most: int
) -> list[tuple[str, int]]:
    """Find up to `at_most` different people of an audience, each with why: (why, user_no)."""
    found: dict[int, str] = {}
    for why, query in _searches(connection, topic, now):
        inside = query.where(users.c.user_no.in_(audience), users.c.user_no.not_in(list(found)))
        user_no = connection.scalars(inside.limit(1)).first()
        if user_no is not None:
            found[user_no] = why
        if len(found) == at_most:
            break
    return [(why, user_no) for user_no, why in found.items()]


def people_by_lot(
    connection: sa.Connection,
    audience: sa.Select[tuple[int]],
    *,
    topic: str,
    now: datetime,
    seed: int,
    at_most: int,
) -> list[int]:
    """Draw people of an audience who may be mailed: the same each time for one seed."""
    allowed = consent_reason(users.c.user_no, users.c.email_hash, topic, now)
    number = sa.cast(users.c.user_no, sa.BigInteger)
    lot = (number + seed % 2**31) * _STEP % _PRIME
    drawn = sa.select(users.c.user_no).where(users.c.user_no.in_(audience), allowed.is_(None))
    return [int(user_no) for user_no in connection.scalars(drawn.order_by(lot, number).limit(at_most))]


def _searches(connection: sa.Connection, topic: str, now: datetime) -> Sequence[tuple[str, sa.Select[int]]]:
    person = sa.select(users.c.user_no)
    first = users.c.first_name
    allowed = consent_reason(users.c.user_no, users.c.email_hash, topic, now)
    mailable = person.where(allowed.is_(None))
    taken = (
        sa.select(sa.func.count())
        .where(interactions.c.user_no == users.c.user_no, interactions.c.kind == "enrolled")
        .scalar_subquery()
    )
    # By code point, not by the rules of a language, which is how PostgreSQL would compare.
    letters = first.collate("C") if connection.dialect.name == "postgresql" else first
    odd = sa.or_(*(first.contains(sign, autoescape=True) for sign in _SPECIAL))
    return (
        (
            "an ordinary learner",
            mailable.where(taken.between(4, 8), sa.func.length(first).between(3, 12)).order_by(
                users.c.last_seen_at.desc(), users.c.user_no
            ),
        ),
        ("the longest history", mailable.order_by(taken.desc(), users.c.user_no)),
        ("no history at all", mailable.where(taken == 0, first.is_not(None))),
        ("one course so far", mailable.where(taken == 1)),
        ("the longest name", mailable.order_by(sa.func.length(first).desc().nulls_last(), users.c.user_no)),
        ("no name", mailable.where(first.is_(None))),
        ("signs or markup in the name", mailable.where(odd)),
        # PostgreSQL takes no COLLATE between BETWEEN and AND.
        ("a right-to-left name", mailable.where(letters >= "\u0590", letters < "\u0900")),
        ("no personalization wanted", mailable.where(~personalized(users.c.user_no, now))),
        ("unsubscribed", person.where(allowed == "opted_out")),
        ("no address", person.where(allowed == "no_address")),
        ("unknown time zone", mailable.where(users.c.timezone.is_(None))),
    )
