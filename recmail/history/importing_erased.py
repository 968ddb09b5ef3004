"""What imports do with records of people who were erased: nothing of them comes in again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.connect import reading
from recmail.db.tables import pending_events
from recmail.db.tombstones import Tombstones
from recmail.history.importing_checks import cleaned
from recmail.history.importing_rejects import Reject
from recmail.history.importing_target import Setting
from recmail.tokens import email_hash, email_key

_Event = TypeVar("_Event", bound=tuple[Any, ...])


def under_their_names(
    connection: sa.Connection, tombstones: Tombstones, rows: Sequence[_Event], source: str
) -> Sequence[_Event]:
    """Events, the second of whose fields is an id: under the user_ids of those who were erased."""
    erased = tombstones.in_place_of(connection, [row[1] for row in rows], source)
    if not erased:
        return rows
    mine: Any = [(row[0], erased[row[1]][1], *row[2:]) if row[1] in erased else row for row in rows]
    return list(mine)


def of_living_people(
    connection: sa.Connection, tombstones: Tombstones, pairs: Sequence[tuple[str, str]], source: str
) -> Sequence[tuple[str, str]]:
    """Pairs of another id and a user_id in which nobody is who was erased.

    An id that turns out to be theirs is remembered as such, and what waits under it goes.
    """
    erased = tombstones.in_place_of(connection, [one for pair in pairs for one in pair], source)
    if not erased:
        return pairs
    theirs = {other_id: erased[user_id][0] for other_id, user_id in pairs if user_id in erased}
    tombstones.bury(connection, [(user_no, one) for one, user_no in theirs.items()], source)
    kept = pending_events.c
    of_theirs = sa.and_(kept.source == source, among(kept.other_id, list(theirs)))
    connection.execute(pending_events.delete().where(of_theirs))
    return [pair for pair in pairs if not erased.keys() & set(pair)]


def without_erased(
    engine: sa.Engine, setting: Setting, places: Mapping[str, int], rejected: Sequence[Reject]
) -> list[Reject]:
    """Rejected rows; of those that name people who were erased, only that there was one.

    Args:
        places: of the columns in a record, by our names.
    """
    if not rejected:
        return []
    tombstones = Tombstones(setting.key)
    with reading(engine) as connection:
        if not tombstones.are_there(connection):
            return list(rejected)
        ids = [_cells(one.record, places, ("user_id", "other_id")) for one in rejected]
        keys = [map(email_key, _cells(one.record, places, ("email",))) for one in rejected]
        hashes = [[email_hash(setting.key, key) for key in some if key] for some in keys]
        source = setting.options.source
        known = tombstones.in_place_of(connection, [one for some in ids for one in some], source)
        theirs = tombstones.with_address(connection, [one for some in hashes for one in some])
    erased = {*known, *theirs}
    return [
        one if erased.isdisjoint([*mine, *hashed]) else Reject(one.line, one.reason, [""] * len(one.record))
        for one, mine, hashed in zip(rejected, ids, hashes, strict=True)
    ]


def _cells(record: Sequence[str], places: Mapping[str, int], names: Sequence[str]) -> list[str]:
    """What stands in these columns of a record, where it has them."""
    found = [places[name] for name in names if name in places]
    return [one for one in cleaned([record[place] for place in found if place < len(record)]) if one]
