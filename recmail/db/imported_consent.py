"""What other systems say that people allowed: recorded where it is new, never over their own no."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import (
    EMAIL,
    IMPORT,
    IMPORTED,
    PERSONALIZATION,
    TRACKING,
    UNREAD,
    Consent,
    lock_people,
    record_consent,
)
from recmail.db.tables import consent, suppressions, users

_Said = dict[tuple[int, str], list[Consent]]


@dataclass(frozen=True, slots=True)
class ImportedConsent:
    """What another system says about a person's consent, for all topics.

    Attributes:
        granted: None for what is neither yes nor no: nobody is mailed on it, and it is no word of theirs.
        at: when the person said so, or when it was read if the other system does not know.
        dated: the other system knew.
        assumed: it says so of everybody alike, not of this person.
    """

    user_no: int
    purpose: str
    granted: bool | None
    at: datetime
    dated: bool
    proof: str | None = None
    assumed: bool = False


def record_imported_consent(connection: sa.Connection, rows: Sequence[ImportedConsent]) -> int:
    """Append what another system says where that is new; return how many rows were written.

    A row is written when it differs from what import wrote last. A yes to email never overrules a no, the
    person's own click, another file's or another tool's, unless it is dated later; and a yes that is only
    assumed is for people without any word on email. A no counts from the import's own last yes at the
    earliest: an opt-out that is reported late must not lose against the date of an import.

    What is neither yes nor no takes an earlier yes back until one is read again: it is kept as a no of the
    channel `unread`, which later imports may answer without a date.
    """
    if not rows:
        return 0
    people = [row.user_no for row in rows]
    lock_people(connection, people)
    before = _said_before(connection, people)
    new = [one for row in rows if (one := _news(row, before.get((row.user_no, row.purpose), [])))]
    record_consent(connection, new)
    return len(new)


def _news(row: ImportedConsent, said: Sequence[Consent]) -> Consent | None:
    """What to append; None where it says nothing new."""
    of_all_topics = _newest(one for one in said if one.topic == "")
    if row.granted is None:
        return _taken_back(row, said, of_all_topics)
    ours = next((one for one in reversed(said) if one.channel == IMPORT and one.topic == ""), None)
    taken_back = of_all_topics if of_all_topics and of_all_topics.channel == UNREAD else None
    if not _is_new(row, ours, said, taken_back=taken_back is not None):
        return None
    at, dated = row.at, row.dated
    if row.granted and taken_back and at <= taken_back.at:
        at, dated = taken_back.at + timedelta(microseconds=1), False  # behind what it answers
    elif not row.granted and ours is not None:
        at = max(at, ours.at)
    return Consent(row.user_no, row.purpose, row.granted, at, IMPORT, row.proof, dated=dated)


def _taken_back(
    row: ImportedConsent, said: Sequence[Consent], of_all_topics: Consent | None
) -> Consent | None:
    """A no on trial, where there is a yes that it takes back."""
    is_no = of_all_topics is not None and not of_all_topics.granted
    if is_no or not any(one.granted for one in said):
        return None
    at = max(row.at, *(one.at for one in said))  # a tie is a no
    return Consent(row.user_no, row.purpose, False, at, UNREAD, row.proof, dated=False)


def _newest(said: Iterable[Consent]) -> Consent | None:
    """The word that counts; of two of one time the no."""
    return max(said, key=lambda one: (one.at, not one.granted), default=None)


def _is_new(row: ImportedConsent, ours: Consent | None, said: Sequence[Consent], *, taken_back: bool) -> bool:
    if ours is not None and ours.granted == row.granted and not (row.granted and taken_back):
        tells_when = row.granted and not ours.dated
        if not (row.dated and (row.at > ours.at or tells_when)):
            return False
    if not row.granted:
        return True
    if row.purpose in (PERSONALIZATION, TRACKING):  # their columns have no dates
        newest = _newest(one for one in said if one.channel != IMPORT)
        says_something = ours is not None or row.purpose == TRACKING  # to the other, no word is a yes anyway
        return says_something and (newest is None or newest.granted)
    if row.assumed:
        return not said
    noes = [one for one in said if not one.granted and one.channel != UNREAD]
    return all(row.at > no.at for no in noes if no.topic == "") if row.dated else not noes


def _said_before(connection: sa.Connection, user_nos: Sequence[int]) -> _Said:
    """By user and purpose: all that was said, of every topic, in the order in which it was written down.

    With it comes what the person's address said to another tool.
    """
    fields = [consent.c[name] for name in Consent.__slots__]
    query = sa.select(*fields).where(among(consent.c.user_no, user_nos))
    said: _Said = {}
    for found in connection.execute(query.order_by(consent.c.consent_no)):
        row = Consent(*found)
        said.setdefault((row.user_no, row.purpose), []).append(row)
    elsewhere = sa.select(users.c.user_no, suppressions.c.at).join(
        suppressions, suppressions.c.email_hash == users.c.email_hash
    )
    of_them = among(users.c.user_no, user_nos), suppressions.c.reason == IMPORTED
    for user_no, at in connection.execute(elsewhere.where(*of_them)):
        said.setdefault((user_no, EMAIL), []).append(Consent(user_no, EMAIL, False, at, IMPORTED))
    return said
