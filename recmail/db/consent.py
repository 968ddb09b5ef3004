"""What people allowed: the one door for writers of consent and suppressions, and what queries ask of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among, among_parameter
from recmail.db.inserting import insert
from recmail.db.people import accounts_with_the_same_address
from recmail.db.prepared import run_prepared
from recmail.db.tables import consent, suppressions, users

EMAIL, PERSONALIZATION, TRACKING = "email", "personalization", "tracking"
IMPORT, UNREAD = "import", "unread"
IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Consent:
    """One person's yes or no to one purpose; topic '' means all topics.

    Attributes:
        channel: import, page, one_click, console or api; unread is no word of theirs: see imported_consent.
        proof: the words or the source that show it.
        dated: `at` is when the person said so, and not when somebody else's word for it was read.
    """

    user_no: int
    purpose: str
    granted: bool
    at: datetime
    channel: str
    proof: str | None = None
    topic: str = ""
    dated: bool = True


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that gets nothing more.

    The reason is hard_bounce, soft_bounces, complaint, manual, imported or erased.

    `imported` is a no that the person said to another tool, and the one reason that is not for ever: their
    own later yes counts again. It stays with the address, and not in `consent`, because another tool's list
    names addresses and may come before the people do: so it covers accounts that are imported later, and
    those that take the address on. What answers it is a yes that the person gave after it: on our page,
    through the console or the api, or reported by an import with a later date. A yes without a date of its
    own is no answer, whichever of the two was imported first.

    Attributes:
        dated: `at` is when it happened, and not when the list was read.
    """

    email_hash: str
    reason: str
    at: datetime
    source: str
    dated: bool = True


# --- writing --------------------------------------------------------------------------------------


def lock_people(
    connection: sa.Connection, user_nos: Collection[int], *, email_hashes: Collection[str] = ()
) -> None:
    """Hold these people, and all accounts that share an address with them, until the transaction ends.

    It is held against every sender and every other writer of consent. On PostgreSQL a sender's UPDATE reads
    consent when it starts, so an opt-out that commits before it commits would be missed (4 of 1,200, and 223
    of 8,000 over the cap, in a prototype; none with this lock on both sides). It has to be a statement of its
    own: the next one then sees what was committed before the lock. Ascending order keeps two of them from
    waiting for each other. SQLite has one writer at a time; there the transaction must have begun IMMEDIATE,
    as `writing` begins it.

    Args:
        email_hashes: addresses whose accounts are held too, such as those that people are about to get.
    """
    if connection.dialect.name == "sqlite":
        if connection.get_execution_options().get("begin") != "IMMEDIATE":
            raise AssertionError("consent is written in a transaction of recmail.db.connect.writing")
        return
    people = sorted(set(user_nos))
    others = _accounts_with(connection, sorted(set(email_hashes))) if email_hashes else []
    for _ in range(2):  # again when somebody's address changed while we waited for them
        found = run_prepared(connection, _SHARERS, {"people": people})
        before = {user_no: email_hash for user_no, email_hash, _ in found}
        sharers = {sharer for *_, sharer in found if sharer is not None}
        held = _held(connection, sorted({*people, *others, *sharers}))
        if before.items() <= held.items():
            return


def _held(connection: sa.Connection, user_nos: Sequence[int]) -> dict[int, str | None]:
    """Accounts and their addresses, held FOR NO KEY UPDATE, ascending."""
    return dict(run_prepared(connection, _HOLD, {"people": user_nos}))


def _accounts_with(connection: sa.Connection, email_hashes: Sequence[str]) -> list[int]:
    return [user_no for (user_no,) in run_prepared(connection, _ACCOUNTS, {"hashes": email_hashes})]


# OFFSET 0 keeps the indexes: as a plain join PostgreSQL read all people, and every batch took longer than the
# one before (the first 60,000 of an import took 61 s); = ANY of 2,000 addresses reads the whole table while
# that has no statistics.
def _by_index(column: sa.Column[Any], value: sa.ColumnElement[Any], name: str) -> sa.FromClause:
    return sa.select(users.c.user_no, users.c.email_hash).where(column == value).offset(0).lateral(name)


def _listed(name: str, kind: sa.types.TypeEngine[Any]) -> sa.TableValuedAlias:
    values = sa.bindparam(name, type_=sa.ARRAY(kind))
    return sa.func.unnest(values).table_valued("value").render_derived(name="listed")


def _sharers() -> sa.Select[Any]:
    """People, their addresses, and each account with the same address."""
    listed = _listed("people", sa.BigInteger())
    person = _by_index(users.c.user_no, listed.c.value, "person")
    sharer = _by_index(users.c.email_hash, person.c.email_hash, "sharer")
    joined = listed.join(person, sa.true()).outerjoin(sharer, sa.true())
    return sa.select(person.c.user_no, person.c.email_hash, sharer.c.user_no).select_from(joined)


def _accounts() -> sa.Select[Any]:
    listed = _listed("hashes", sa.Text())
    account = _by_index(users.c.email_hash, listed.c.value, "account")
    return sa.select(account.c.user_no).select_from(listed.join(account, sa.true()))


_SHARERS, _ACCOUNTS = _sharers(), _accounts()
_HOLD = (
    sa.select(users.c.user_no, users.c.email_hash)
    .where(among_parameter(users.c.user_no, "people"))
    .order_by(users.c.user_no)
    .with_for_update(key_share=True)
)


def record_consent(connection: sa.Connection, rows: Sequence[Consent]) -> None:
    """Append what people said; the newest row of each (user, purpose, topic) will count."""
    if rows:
        lock_people(connection, [row.user_no for row in rows])
        connection.execute(consent.insert(), [_cells(row, consent) for row in rows])


def unsubscribe(
    connection: sa.Connection,
    user_no: int,
    *,
    topic: str,
    at: datetime,
    channel: str,
    proof: str | None = None,
) -> int:
    """Record a no to emails of this topic ('': all) for every account with the same address; return how many.

    It counts even where the newest yes is dated later than `at`: clocks differ, and the person spoke last.
    """
    accounts = accounts_with_the_same_address(connection, user_no)
    lock_people(connection, accounts)
    newest = sa.select(sa.func.max(consent.c.at)).where(
        among(consent.c.user_no, accounts), consent.c.purpose == EMAIL, consent.c.topic == topic
    )
    at = max(at, connection.scalar(newest) or at)
    record_consent(connection, [Consent(no, EMAIL, False, at, channel, proof, topic) for no in accounts])
    return len(accounts)


def suppress(connection: sa.Connection, rows: Sequence[Suppression]) -> tuple[int, int]:
    """Keep these addresses from getting email; return how many are new, and how many known ones changed.

    An address that is suppressed already keeps its first reason, unless that is `imported`: any other reason
    is stronger, and so is a later no with a date of its own.
    """
    if not rows:
        return 0, 0
    lock_people(connection, (), email_hashes=[row.email_hash for row in rows])
    new, changed = compare_suppressions(connection, rows)
    statement = insert(connection, suppressions)
    theirs = {name: statement.excluded[name] for name in ("reason", "at", "source")}
    # Two imports at once may have found the same new address; what is for ever stays.
    statement = statement.on_conflict_do_update(
        index_elements=["email_hash"], set_=theirs, where=suppressions.c.reason == IMPORTED
    )
    if new or changed:
        connection.execute(statement, [_cells(row, suppressions) for row in (*new, *changed)])
    return len(new), len(changed)


def compare_suppressions(
    connection: sa.Connection, rows: Sequence[Suppression]
) -> tuple[list[Suppression], list[Suppression]]:
    """Which of these would be new, and which would change a suppressed address; one row an address."""
    columns = [suppressions.c[name] for name in ("email_hash", "reason", "at", "source")]
    hashes = sorted({row.email_hash for row in rows})
    found = connection.execute(sa.select(*columns).where(among(columns[0], hashes)))
    known = {row.email_hash: Suppression(*row) for row in found}
    wanted: dict[str, Suppression] = {}
    for row in rows:
        before = wanted.get(row.email_hash) or known.get(row.email_hash)
        if before is None or _outlasts(row, before):
            wanted[row.email_hash] = row
    new = [row for email_hash, row in wanted.items() if email_hash not in known]
    return new, [row for email_hash, row in wanted.items() if email_hash in known]


def _outlasts(row: Suppression, before: Suppression) -> bool:
    if before.reason != IMPORTED:
        return False
    return row.reason != IMPORTED or (row.dated and row.at > before.at)


def _cells(row: Consent | Suppression, table: sa.Table) -> dict[str, Any]:
    # dataclasses.asdict copies deeply: 50 us a row, more than all the rest of an import.
    return {name: getattr(row, name) for name in row.__slots__ if name in table.c}


# --- asking ---------------------------------------------------------------------------------------


def consent_reason(
    user_no: sa.ColumnElement[int],
    email_hash: sa.ColumnElement[Any],
    topic: str,
    at: datetime | sa.ColumnElement[datetime],
) -> sa.ColumnElement[str | None]:
    """Why this person may not get email of this topic: NULL (they may), or a word of records.SKIP_WORDS.

    The words are no_address, opted_out, suppressed and no_consent, and the first that holds is given. Neither
    topic '' nor the campaign's may be a no, and one of them must be a yes. A no of any account covers all
    that share its address: it is the same inbox. A no to another tool covers every account that has not said
    yes since.

    Args:
        user_no: a column of the enclosing statement, as is email_hash.
        at: a yes counts from its time on; a no counts at once, whatever its time.
    """
    topics = ("", topic)
    sharer = users.alias("sharer")
    a_sharer_said_no = sa.exists().where(
        sharer.c.email_hash == email_hash,
        sharer.c.user_no != user_no,
        _answer(sharer.c.user_no, EMAIL, topics=topics, at=at) == 0,
    )
    answer = _answer(user_no, EMAIL, topics=topics, at=at)
    by_answer = sa.case({0: sa.literal("opted_out"), 1: sa.null()}, value=answer, else_="no_consent")
    held = _held_against(user_no, email_hash, topics=topics, at=at)
    return sa.case(
        (email_hash.is_(None), "no_address"),
        (a_sharer_said_no, "opted_out"),
        else_=sa.case(
            {
                "suppressed": sa.case((answer == 0, "opted_out"), else_="suppressed"),
                "opted_out": sa.literal("opted_out"),
            },
            value=held,
            else_=by_answer,
        ),
    )


def _held_against(
    user_no: sa.ColumnElement[int],
    email_hash: sa.ColumnElement[Any],
    *,
    topics: Sequence[str],
    at: datetime | sa.ColumnElement[datetime],
) -> sa.ScalarSelect[str | None]:
    """What the address's suppression means for this person: suppressed, opted_out, or NULL; one look-up."""
    answered = said_yes_since(user_no, suppressions.c.at, topics=topics, at=at)
    means = sa.case((suppressions.c.reason != IMPORTED, "suppressed"), (~answered, "opted_out"))
    found = sa.select(means).where(suppressions.c.email_hash == email_hash)
    return found.correlate_except(suppressions).scalar_subquery()


def said_yes_since(
    user_no: sa.ColumnElement[int],
    since: sa.ColumnElement[datetime],
    *,
    topics: Sequence[str],
    at: datetime | sa.ColumnElement[datetime],
) -> sa.ColumnElement[bool]:
    """Whether this person said yes to email of one of these topics after `since`, on a date of their own."""
    yes = consent.alias("yes")
    found = sa.exists().where(
        yes.c.user_no == user_no,
        yes.c.purpose == EMAIL,
        yes.c.topic.in_(_each(topics)),
        yes.c.granted.is_(True),
        yes.c.dated.is_(True),
        yes.c.at > since,
        yes.c.at <= at,
    )
    return found.correlate_except(yes)


def personalized(user_no: sa.ColumnElement[int], at: datetime) -> sa.ColumnElement[bool]:
    """Whether this person's history may be used for choosing courses; without a word from them, it may."""
    return sa.func.coalesce(_answer(user_no, PERSONALIZATION, topics=("",), at=at), 1) == 1


def trackable(
    user_no: sa.ColumnElement[int], at: datetime | sa.ColumnElement[datetime]
) -> sa.ColumnElement[bool]:
    """Whether it may be recorded what this person clicks and opens; without a word from them, it may not."""
    return sa.func.coalesce(_answer(user_no, TRACKING, topics=("",), at=at), 0) == 1


def _answer(
    user_no: sa.ColumnElement[int],
    purpose: str,
    *,
    topics: Sequence[str],
    at: datetime | sa.ColumnElement[datetime],
) -> sa.ScalarSelect[int | None]:
    """0 when the newest row of any of these topics is a no, 1 when one is a yes and none a no, else NULL.

    Written with NOT EXISTS: 2.6 us a person on SQLite with 100,000 people, against 6.2 with row_number()
    and 5.5 with ORDER BY ... LIMIT 1 for each topic.
    """
    row, later = consent.alias("row"), consent.alias("later")

    def counts(one: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        return [one.c.purpose == purpose, sa.or_(one.c.at <= at, one.c.granted.is_(False))]

    a_tie_is_a_no = sa.and_(later.c.at == row.c.at, later.c.granted.is_(False), row.c.granted.is_(True))
    replaced = sa.exists().where(
        later.c.user_no == row.c.user_no,
        later.c.topic == row.c.topic,
        *counts(later),
        sa.or_(later.c.at > row.c.at, a_tie_is_a_no),
    )
    newest = sa.select(sa.func.min(sa.cast(row.c.granted, sa.Integer))).where(
        row.c.user_no == user_no, row.c.topic.in_(_each(topics)), *counts(row), ~replaced
    )
    return newest.scalar_subquery()


def _each(topics: Sequence[str]) -> list[sa.ColumnElement[str]]:
    """The topics as single values, so that the text of a statement does not change with them."""
    return [sa.literal(topic, sa.Text()) for topic in sorted(set(topics))]
