"""What one person chose to get, for the page where they choose it; the choice is the inbox's, like a no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.connect import reading, writing
from recmail.db.consent import (
    EMAIL,
    PERSONALIZATION,
    TRACKING,
    Consent,
    consent_reason,
    lock_people,
    personalized,
    record_consent,
    trackable,
    unsubscribe,
)
from recmail.db.people import accounts_with_the_same_address
from recmail.db.preferences import Pace, read_pace, write_pace
from recmail.db.tables import consent, users
from recmail.runs.project import Project

PAGE, ONE_CLICK = "page", "one_click"
_THEIRS = (PAGE, ONE_CLICK)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Preferences:
    """What a person gets.

    Attributes:
        subscribed: some email may be sent to them.
        held: the address bounced, complained or was suppressed by hand; only a person can undo that.
        topics: by name, whether emails of it may be sent.
    """

    subscribed: bool
    held: bool
    topics: Mapping[str, bool]
    personal: bool
    tracking: bool
    pace: Pace


@dataclass(frozen=True)
class Choice:
    """What a person wants from now on; without any topic, where there are some, nothing at all."""

    topics: frozenset[str]
    personal: bool
    tracking: bool
    pace: Pace


def read_preferences(project: Project, user_no: int, *, now: datetime) -> Preferences:
    """Read what a person gets now."""
    with reading(project.engine) as connection:
        return _read(connection, project, user_no, now)


def _read(connection: sa.Connection, project: Project, user_no: int, now: datetime) -> Preferences:
    topics = list(project.settings.topics)
    reasons = [consent_reason(users.c.user_no, users.c.email_hash, topic, now) for topic in ("", *topics)]
    answers = personalized(users.c.user_no, now), trackable(users.c.user_no, now)
    query = sa.select(*reasons, *answers).where(users.c.user_no == user_no)
    general, *found = connection.execute(query).one()
    refusals, (personal, tracking) = found[:-2], found[-2:]
    return Preferences(
        subscribed=None in (general, *refusals),
        held="suppressed" in (general, *refusals),
        topics={topic: why is None for topic, why in zip(topics, refusals, strict=True)},
        personal=bool(personal),
        tracking=bool(tracking),
        pace=read_pace(connection, user_no),
    )


def stop_everything(project: Project, user_no: int, *, now: datetime, channel: str, proof: str) -> bool:
    """Record a no to all emails, once; whether it was new. It is committed when this returns."""
    with writing(project.engine) as connection:
        accounts = accounts_with_the_same_address(connection, user_no)
        lock_people(connection, accounts)
        # What an import said may be taken back by the next one; what they say themselves may not.
        said = [_newest(connection, [account], EMAIL, "") for account in accounts]
        if all(one is not None and not one.granted and one.channel in _THEIRS for one in said):
            return False
        unsubscribe(connection, user_no, topic="", at=now, channel=channel, proof=proof)
        return True


def subscribe_again(project: Project, user_no: int, *, now: datetime, proof: str) -> None:
    """Record a yes to emails; to each topic too when all of them were declined one by one."""
    with writing(project.engine) as connection:
        accounts = accounts_with_the_same_address(connection, user_no)
        lock_people(connection, accounts)
        topics = list(project.settings.topics)
        declined = [topic for topic in topics if _declined(connection, accounts, topic)]
        again = ["", *(topics if declined == topics else ())]
        _say(connection, accounts, [(EMAIL, topic, True) for topic in again], now=now, proof=proof)


def _declined(connection: sa.Connection, accounts: Sequence[int], topic: str) -> bool:
    """Whether the last word of one of these accounts is a no to a topic: it covers them all."""
    said = [_newest(connection, [account], EMAIL, topic) for account in accounts]
    return any(one is not None and not one.granted for one in said)


def choose(project: Project, user_no: int, wanted: Choice, *, now: datetime, proof: str) -> None:
    """Record what changed, in one transaction."""
    with writing(project.engine) as connection:
        accounts = accounts_with_the_same_address(connection, user_no)
        lock_people(connection, accounts)
        before = _read(connection, project, user_no, now)
        if before.topics and not wanted.topics:
            unsubscribe(connection, user_no, topic="", at=now, channel=PAGE, proof=proof)
        else:
            _say(connection, accounts, _topics(before, wanted), now=now, proof=proof)
        _say(connection, accounts, _others(before, wanted), now=now, proof=proof)
        if before.pace != wanted.pace:
            write_pace(connection, user_no, wanted.pace, at=now)


def _topics(before: Preferences, wanted: Choice) -> Iterator[tuple[str, str, bool]]:
    for topic, gets in before.topics.items():
        if gets != (topic in wanted.topics):
            yield EMAIL, topic, not gets


def _others(before: Preferences, wanted: Choice) -> Iterator[tuple[str, str, bool]]:
    if before.personal != wanted.personal:
        yield PERSONALIZATION, "", wanted.personal
    if before.tracking != wanted.tracking:
        yield TRACKING, "", wanted.tracking


def _say(
    connection: sa.Connection,
    accounts: Sequence[int],
    answers: Iterator[tuple[str, str, bool]] | Sequence[tuple[str, str, bool]],
    *,
    now: datetime,
    proof: str,
) -> None:
    """Append answers that are the newest: clocks differ, and the person spoke last."""
    for purpose, topic, granted in answers:
        newest = _newest(connection, accounts, purpose, topic)
        at = now if newest is None else max(now, newest.at + _TICK)  # a tie would be a no
        rows = [Consent(account, purpose, granted, at, PAGE, proof, topic) for account in accounts]
        record_consent(connection, rows)


def _newest(
    connection: sa.Connection, accounts: Sequence[int], purpose: str, topic: str
) -> sa.Row[Any, Any, Any] | None:
    """When one of these accounts last said something of this, what, and where; of a tie the no."""
    query = sa.select(consent.c.at, consent.c.granted, consent.c.channel).where(
        among(consent.c.user_no, accounts), consent.c.purpose == purpose, consent.c.topic == topic
    )
    return connection.execute(query.order_by(consent.c.at.desc(), consent.c.granted).limit(1)).one_or_none()
