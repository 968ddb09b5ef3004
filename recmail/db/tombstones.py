"""People who were erased: known again by keyed hashes of their ids, so that no import brings them back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.inserting import insert
from recmail.db.tables import erased_ids, users
from recmail.tokens import email_hash, email_key

ERASED = "erased:"
"""How the user_id of somebody begins who was erased."""
_REMEMBERED = 200_000  # ids: about 20 MB
_ERASING = 0x72656372  # any number: writers of imports share this lock, whoever erases has it alone


class Erased(NamedTuple):
    """Somebody who was erased before."""

    user_no: int
    at: datetime


def id_hash(key: bytes, any_id: str, source: str = "") -> str:
    """The hash by which an id is known again; `source` is empty for a user_id.

    It is keyed: u00042 could be found by trying from a hash without one.
    """
    # 0.7 us, and HMAC-SHA-256, which hashes addresses under the same key, 1.7: an import asks for every id.
    text = f"{source}\0{any_id}".encode()
    return hashlib.blake2b(text, key=key[:64], digest_size=32, person=b"recmail id").hexdigest()


def bury(connection: sa.Connection, user_no: int, hashes: Collection[str]) -> None:
    """Remember ids and addresses of somebody who was erased, by their hashes."""
    rows = [{"id_hash": one, "user_no": user_no} for one in sorted(set(hashes))]
    if rows:
        connection.execute(insert(connection, erased_ids).on_conflict_do_nothing(), rows)


def wait_for_imports(connection: sa.Connection) -> None:
    """Let no import write until the transaction ends; none wrote in between that read who was erased before.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ERASING)))


def find_erased(connection: sa.Connection, key: bytes, who: str) -> Erased | None:
    """Who was erased and had this user_id, or else this address; None when nobody had."""
    address = email_key(who)
    hashes = [id_hash(key, who)]
    if address and connection.scalar(sa.select(users.c.user_no).where(users.c.email_key == address)) is None:
        hashes.append(email_hash(key, address))  # else somebody has it now, or several do: they are meant
    query = (
        sa.select(users.c.user_no, users.c.erased_at)
        .join(erased_ids, erased_ids.c.user_no == users.c.user_no)
        .where(among(erased_ids.c.id_hash, hashes))
        .order_by(users.c.user_no.desc())
    )
    found = connection.execute(query).first()
    return None if found is None else Erased(int(found.user_no), found.erased_at)


class Tombstones:
    """The ids of people who were erased, as imports ask for them: in memory, read again when there are more.

    They are few, and some hundred bytes each. Without any, which is usual, an import pays for one count.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: Mapping[str, tuple[int, str]] = {}
        self._count = 0
        self._living: set[str] = (
            set()
        )  # ids of one source that were asked for, and are nobody's who was erased

    def are_there(self, connection: sa.Connection) -> bool:
        """Whether anybody was erased."""
        return bool(self._read(connection))

    def in_place_of(
        self, connection: sa.Connection, ids: Iterable[str], source: str | None = None
    ) -> dict[str, tuple[int, str]]:
        """Of those ids that people had who were erased: their user_no, and the user_id they are known by now.

        Args:
            source: whose other ids they may be, besides user_ids; the same each time.
        """
        known = self._read(connection)
        found: dict[str, tuple[int, str]] = {}
        for one in set(ids) - self._living if known else ():
            now = known.get(id_hash(self._key, one))
            if now is None and source:
                now = known.get(id_hash(self._key, one, source))
            if now is not None:
                found[one] = now
            elif len(self._living) < _REMEMBERED:
                self._living.add(one)
        return found

    def with_address(self, connection: sa.Connection, hashes: Iterable[str]) -> dict[str, int]:
        """Of those hashes of addresses that people had who were erased: the user_no."""
        known = self._read(connection)
        return {one: known[one][0] for one in hashes if one in known} if known else {}

    def bury(self, connection: sa.Connection, pairs: Iterable[tuple[int, str]], source: str = "") -> None:
        """Remember more ids of people who were erased, with each one's user_no."""
        for user_no, any_id in pairs:
            bury(connection, user_no, [id_hash(self._key, any_id, source)])

    def _read(self, connection: sa.Connection) -> Mapping[str, tuple[int, str]]:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_ERASING)))
        count = connection.scalar(sa.select(sa.func.count()).select_from(erased_ids)) or 0
        if count != self._count:
            ids = sa.select(erased_ids.c.id_hash, users.c.user_no, users.c.user_id)
            query = ids.join(users, users.c.user_no == erased_ids.c.user_no)
            self._known = {
                one: (int(user_no), user_id) for one, user_no, user_id in connection.execute(query)
            }
            self._count, self._living = count, set()
        return self._known
