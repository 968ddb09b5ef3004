"""People who matter when a campaign is looked at: the ends of the audience, not its middle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import consent_reason, personalized
from recmail.db.tables import interactions, users
from recmail.records import SKIP_WORDS, TAKEN_KINDS

ORDINARY = "an ordinary learner"
_RECENT = 500  # people seen last, of whom one is ordinary
_KEEN = 500  # people who completed most, of whom one may have completed all they took
# Letters by code point, as both databases compare them in a pattern's brackets.
_MARKUP, _BRACES = "<>&", "{"
_EMOJI = "\u2600-\u27bf\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_NEITHER_MAILED = ("opted_out", "suppressed", "no_consent", "no_address")

Condition = sa.ColumnElement[bool]


def people_who_matter(
    connection: sa.Connection, audience: sa.Select[tuple[int]], *, topic: str, now: datetime, at_most: int
) -> list[tuple[str, int]]:
    """Find up to `at_most` different people of an audience, each once with all that is why: (why, user_no).

    The same whenever it is asked: of several who are alike the lowest number is taken.
    """
    who = _Audience(audience, topic, now)
    found = list[tuple[str, int]]()
    for ask in (_ordinary, _all_completed, _extremes):
        found += ask(connection, who)
        if len(found) == at_most == 1:
            break
    return join_reasons(found, at_most=at_most)


def join_reasons(found: Iterable[tuple[str, int]], *, at_most: int) -> list[tuple[str, int]]:
    """Name each person once, with all that is why, in the order in which they were found."""
    reasons = dict[int, list[str]]()
    for why, user_no in found:
        if user_no in reasons or len(reasons) < at_most:
            reasons.setdefault(user_no, []).append(why)
    return [(" · ".join(dict.fromkeys(whys)), user_no) for user_no, whys in reasons.items()]


def speakers(
    connection: sa.Connection, audience: sa.Select[tuple[int]], *, topic: str, now: datetime
) -> dict[str, int]:
    """Return for each language of people who may be written to the first of them, by the language's tag."""
    mailable = _Audience(audience, topic, now).mailable
    query = sa.select(users.c.language, sa.func.min(users.c.user_no)).where(*mailable)
    spoken = query.where(users.c.language.is_not(None)).group_by(users.c.language)
    return {language: int(user_no) for language, user_no in connection.execute(spoken)}


def sample_of(connection: sa.Connection, audience: sa.Select[tuple[int]], size: int) -> list[int]:
    """Choose so many of an audience, or all: the same each time, and from all of its length."""
    number = users.c.user_no
    query = sa.select(number).where(number.in_(audience)).order_by(_spread(), number).limit(size)
    return sorted(connection.scalars(query))


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
    number, mailable = users.c.user_no, _Audience(audience, topic, now).mailable
    query = sa.select(number).where(*mailable).order_by(_spread(seed), number).limit(at_most)
    return [int(user_no) for user_no in connection.scalars(query)]


def _spread(seed: int = 0) -> sa.ColumnElement[int]:
    """Knuth's multiplicative hash, to 32 bits; numbers below 2^31 stay within those of the databases."""
    number = sa.cast(users.c.user_no, sa.BigInteger) + seed % 2147483648
    return number % 2147483648 * 2654435761 % 4294967296


@dataclass(frozen=True)
class _Audience:
    """Whom a campaign addresses, as of now."""

    query: sa.Select[tuple[int]]
    topic: str
    now: datetime

    @property
    def within(self) -> Condition:
        return users.c.user_no.in_(self.query)

    @property
    def reason(self) -> sa.ColumnElement[str | None]:
        return consent_reason(users.c.user_no, users.c.email_hash, self.topic, self.now)

    @property
    def mailable(self) -> tuple[Condition, Condition]:
        return self.within, self.reason.is_(None)


# --- one pass over the audience -------------------------------------------------------------------


@dataclass(frozen=True)
class _Search:
    """The first by `order` of those who meet `where`; `says` prints what is the most, {:,}."""

    says: str
    where: Condition
    order: sa.ColumnElement[object] | None = None


def _extremes(connection: sa.Connection, who: _Audience) -> list[tuple[str, int]]:
    """Everybody of the audience is looked at once, consent and all, and then kept for all searches."""
    people = _people(who).cte("people").prefix_with("MATERIALIZED")
    searches = _searches(people, _holds(connection, people.c.name))
    queries = []
    for number, search in enumerate(searches):
        order = search.order if search.order is not None else sa.literal_column("0")
        best = sa.select(people.c.user_no, order.label("most")).where(search.where)
        first = best.order_by(sa.desc("most"), people.c.user_no).limit(1).subquery()
        queries.append(sa.select(sa.literal(number), first.c.user_no, first.c.most))
    rows = connection.execute(sa.union_all(*queries)).all()
    return [(searches[number].says.format(most), user_no) for number, user_no, most in sorted(rows)]


def _people(who: _Audience) -> sa.Select[tuple[object, ...]]:
    """Everybody of the audience, a row each; how much they did is counted in the index alone."""
    mine = interactions.c.user_no == users.c.user_no, interactions.c.at <= who.now
    return sa.select(
        users.c.user_no,
        users.c.first_name,
        (sa.func.coalesce(users.c.first_name, "") + sa.func.coalesce(users.c.last_name, "")).label("name"),
        users.c.timezone,
        who.reason.label("reason"),
        personalized(users.c.user_no, who.now).label("personal"),
        sa.select(sa.func.count()).where(*mine).scalar_subquery().label("events"),
    ).where(who.within)


def _searches(people: sa.CTE, holds: Callable[[str], Condition]) -> Sequence[_Search]:
    first, events, reason = people.c.first_name, people.c.events, people.c.reason
    named = sa.case((first.is_not(None), 1), else_=0)  # of several, those with a name
    angled = sa.case((people.c.name.contains("<"), 1), else_=0)
    mailable = (
        _Search("the longest history ({:,} interactions)", events > 1, events),
        _Search("no history", events == 0, named),
        _Search("one interaction", events == 1, named),
        _Search("the longest name ({:,} letters)", first.is_not(None), sa.func.length(first)),
        _Search("no name", first.is_(None)),
        _Search("markup in the name", holds(_MARKUP), angled),
        _Search("braces in the name", holds(_BRACES)),
        _Search("emoji in the name", holds(_EMOJI)),
        _Search("a right-to-left name", holds(_RIGHT_TO_LEFT)),
        _Search("unknown time zone", people.c.timezone.is_(None), named),
        _Search("personalization is off", ~people.c.personal, named),
    )
    return (
        *(_Search(one.says, sa.and_(reason.is_(None), one.where), one.order) for one in mailable),
        *(_Search(SKIP_WORDS[word], reason == word, named) for word in _NEITHER_MAILED),
    )


def _holds(connection: sa.Connection, text: sa.ColumnElement[str]) -> Callable[[str], Condition]:
    """The condition that a text holds one of some letters, given as ranges of code points."""
    if connection.dialect.name == "postgresql":
        return lambda letters: text.op("~", is_comparison=True)(f"[{letters}]")
    return lambda letters: text.op("GLOB", is_comparison=True)(f"*[{letters}]*")


# --- those who take a closer look -----------------------------------------------------------------


def _ordinary(connection: sa.Connection, who: _Audience) -> list[tuple[str, int]]:
    """Somebody with a plain name who was here lately, and took a few courses if anybody did."""
    plain = sa.not_(_holds(connection, users.c.first_name)(_MARKUP + _BRACES + _EMOJI))
    seen = users.c.last_seen_at.desc().nulls_last(), users.c.user_no
    recent = (
        sa.select(users.c.user_no)
        .where(who.within, sa.func.length(users.c.first_name).between(3, 12), plain)
        .order_by(*seen)
        .limit(_RECENT)
    )
    taken = (
        sa.select(sa.func.count())
        .where(
            interactions.c.user_no == users.c.user_no,
            interactions.c.kind == "enrolled",
            interactions.c.at <= who.now,
        )
        .scalar_subquery()
    )
    a_few = sa.case((taken.between(4, 8), 0), (taken.between(1, 15), 1), else_=2)
    query = (
        sa.select(users.c.user_no)
        .where(users.c.user_no.in_(recent), who.reason.is_(None))
        .order_by(a_few, *seen)
        .limit(1)
    )
    return [(ORDINARY, user_no) for user_no in connection.scalars(query)]


def _all_completed(connection: sa.Connection, who: _Audience) -> list[tuple[str, int]]:
    """Who completed everything they ever took, of those who completed most."""
    # One scan of the table: by the index, SQLite would fetch each of its rows by itself (0.4 s against 18 s
    # of 3 million), and comparing with what everybody took would take another second.
    unindexed = (interactions.c.user_no + sa.literal_column("0")).label("user_no")
    kind, course, at = interactions.c.kind, interactions.c.course_no, interactions.c.at
    counts = (
        sa.select(unindexed, sa.func.count().label("completed"))
        .where(kind == "completed", at <= who.now)
        .group_by(unindexed)
        .subquery("counts")
    )
    keen = (
        sa.select(users.c.user_no)
        .join(counts, counts.c.user_no == users.c.user_no)
        .where(who.within)
        .order_by(counts.c.completed.desc(), users.c.user_no)
        .limit(_KEEN)
    )
    done = sa.func.count(sa.case((kind == "completed", course)).distinct())
    mine = among(interactions.c.user_no, connection.scalars(keen).all()), kind.in_(TAKEN_KINDS)
    all_done = (
        sa.select(interactions.c.user_no, done.label("courses"))
        .where(*mine, at <= who.now)
        .group_by(interactions.c.user_no)
        .having(done == sa.func.count(course.distinct()))
        .subquery("all_done")
    )
    query = (
        sa.select(users.c.user_no, all_done.c.courses)
        .join(all_done, all_done.c.user_no == users.c.user_no)
        .where(who.reason.is_(None))
        .order_by(all_done.c.courses.desc(), users.c.user_no)
        .limit(1)
    )
    return [
        (f"everything completed ({count:,} courses)", user_no) for user_no, count in connection.execute(query)
    ]
