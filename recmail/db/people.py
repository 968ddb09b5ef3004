"""Finding people: from the company's ids and addresses to user numbers."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import users
from recmail.errors import DataError, RefusedError, did_you_mean
from recmail.tokens import email_hash, email_key

_NEAR = 20  # ids on each side of one that is not there
_PREFIX = ascii_letters + "0-_"  # what may stand before the number in an id


def find_user(connection: sa.Connection, who: str) -> int:
    """Return the number of the person with this user_id, or else with this e-mail address.

    Raises:
        DataError: nobody has it, or several accounts share the address.
    """
    by_id = connection.scalar(sa.select(users.c.user_no).where(users.c.user_id == who))
    if by_id is not None:
        return int(by_id)
    key = email_key(who)
    if key is None:
        hint = _meant(connection, who) or "; give the exact user_id, or an e-mail address"
        raise DataError(f"there is no user {who!r}{hint}")
    query = sa.select(users.c.user_no, users.c.user_id).where(users.c.email_key == key)
    found = connection.execute(query.order_by(users.c.user_no)).all()
    if not found:
        raise DataError(f"there is no user with the address {who}")
    if len(found) > 1:
        ids = ", ".join(user_id for _, user_id in found[:10])
        raise DataError(f"{len(found)} users have the address {who}; give one user_id: {ids}")
    return int(found[0].user_no)


def _meant(connection: sa.Connection, who: str) -> str:
    """Name an id with the same number, else one like it of those that stand beside it in order."""
    ids, some = users.c.user_id, sa.select(users.c.user_id).limit(_NEAR)
    number = who.lstrip(_PREFIX)
    if number:
        for one in connection.scalars(some.where(ids.endswith(number, autoescape=True)).order_by(ids)):
            if one.lstrip(_PREFIX) == number:
                return f"; did you mean {one}?"
    before, after = some.where(ids < who).order_by(ids.desc()), some.where(ids > who).order_by(ids)
    return did_you_mean(who, [*connection.scalars(before), *connection.scalars(after)])


OTHER_KEY = "the addresses here are hashed with another key, under which every no is kept"
BRING_IT_BACK = "bring that key back, or list it last in [project] older_keys"


def is_key_of_addresses(connection: sa.Connection, key: bytes) -> bool:
    """Whether the newest person's address is hashed with this key; it is when nobody has one."""
    query = sa.select(users.c.email_key, users.c.email_hash).where(users.c.email_hash.is_not(None))
    newest = connection.execute(query.order_by(users.c.user_no.desc()).limit(1)).one_or_none()
    return newest is None or email_hash(key, newest.email_key) == newest.email_hash


def refuse_another_key(connection: sa.Connection, key: bytes) -> None:
    """Keep people from getting new hashes, for which no opt-out, bounce or erasure would be found.

    Raises:
        RefusedError: the addresses are hashed with another key.
    """
    if not is_key_of_addresses(connection, key):
        raise RefusedError(f"nothing was imported: {OTHER_KEY}; {BRING_IT_BACK}")


def user_ids(connection: sa.Connection, user_nos: Sequence[int]) -> list[str]:
    """Return the ids of people, by user_no."""
    query = sa.select(users.c.user_id).where(among(users.c.user_no, user_nos)).order_by(users.c.user_no)
    return list(connection.scalars(query))


def user_nos(connection: sa.Connection, ids: Sequence[str]) -> list[int]:
    """Return the numbers of people by their user_ids, ascending."""
    query = sa.select(users.c.user_no).where(among(users.c.user_id, list(ids))).order_by(users.c.user_no)
    return [int(found) for found in connection.scalars(query)]


def accounts_with_the_same_address(connection: sa.Connection, user_no: int) -> list[int]:
    """Return the numbers of all accounts that share this one's address, itself included, ascending."""
    key = sa.select(users.c.email_key).where(users.c.user_no == user_no).scalar_subquery()
    query = sa.select(users.c.user_no).where((users.c.email_key == key) | (users.c.user_no == user_no))
    return [int(found) for found in connection.scalars(query.order_by(users.c.user_no))]


def user_ids_by_no(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Return the ids of people, each with its user_no."""
    query = sa.select(users.c.user_no, users.c.user_id).where(among(users.c.user_no, numbers))
    return {int(user_no): str(user_id) for user_no, user_id in connection.execute(query)}


def time_zones(connection: sa.Connection, low: int, high: int) -> dict[int, str | None]:
    """Return the time zone of everybody with low <= user_no < high, None where it is not known."""
    query = sa.select(users.c.user_no, users.c.timezone)
    found = connection.execute(query.where(users.c.user_no >= low, users.c.user_no < high))
    return {int(user_no): zone for user_no, zone in found}


def count_people(connection: sa.Connection) -> int:
    """How many people are known, erased ones left out."""
    query = sa.select(sa.func.count()).select_from(users).where(users.c.erased_at.is_(None))
    return int(connection.execute(query).scalar_one())
