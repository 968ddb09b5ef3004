"""By what a person can be recognised: their ids, addresses and name, and where these stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.people import find_user
from recmail.db.tables import aliases, pending_events, users
from recmail.db.tombstones import find_erased
from recmail.errors import DataError, RefusedError
from recmail.history.identity import LINK, PERSON
from recmail.settings import Settings
from recmail.tokens import email_key

_READ_BYTES = 1 << 20
_ROWS = 100_000  # of what waits, in one query


@dataclass(frozen=True)
class Traces:
    """All that names one person.

    Attributes:
        address: as it was given; None where none is known.
        name: first and last name, empty where neither is known.
        others: other ids, each with its source.
        sharers: user_ids of other accounts with the same address.
    """

    user_no: int
    user_id: str
    address: str | None
    email_hash: str | None
    name: str
    others: Sequence[tuple[str, str]]
    sharers: Sequence[str]

    @property
    def ids(self) -> list[str]:
        """Their user_id and their other ids."""
        return [self.user_id, *(other_id for _, other_id in self.others)]

    @cached_property
    def _key(self) -> str | None:
        return email_key(self.address) if self.address else None

    def has_address(self, text: str) -> bool:
        """Whether a text is their address, however it is written."""
        return self._key is not None and email_key(text) == self._key

    def is_named_in(self, cells: Sequence[str]) -> bool:
        """Whether one cell of a record is theirs: one of their ids, or with their address in it."""
        ids = set(self.ids)
        key = self._key
        return any(cell.strip() in ids or (key is not None and key in cell.lower()) for cell in cells)

    def are_in_file(self, path: Path) -> bool:
        """Whether a file has one of their ids or their address in it, as a word of its own."""
        pattern, kept = self._pattern, b""
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                if pattern.search(kept + piece):
                    return True
                kept = (kept + piece)[-1_000:]
        return False

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        words = {*self.ids, *filter(None, (self.address, self._key))}
        longest_first = sorted((word.encode() for word in words), key=len, reverse=True)
        one_of = b"|".join(map(re.escape, longest_first))
        return re.compile(rb"(?<![\w@.+-])(?:" + one_of + rb")(?![\w@+-])", re.IGNORECASE)


def find_living(connection: sa.Connection, settings: Settings, who: str) -> int:
    """Return the number of the person with this user_id, or else this address.

    Raises:
        DataError: nobody has it, or several accounts share the address.
        RefusedError: the person was erased.
    """
    try:
        return find_user(connection, who)
    except DataError:
        erased = find_erased(connection, settings.address_key, who)
        if erased is None:
            raise
        found = f"{who} was erased on {erased.at:%Y-%m-%d}: nothing is known of them"
        raise RefusedError(found) from None


def find_traces(connection: sa.Connection, user_no: int) -> Traces:
    """All that names this person."""
    person = connection.execute(sa.select(users).where(users.c.user_no == user_no)).mappings().one()
    others = sa.select(aliases.c.source, aliases.c.other_id).where(aliases.c.user_no == user_no)
    same = sa.select(users.c.user_id).where(
        users.c.email_hash == person["email_hash"], users.c.user_no != user_no, users.c.erased_at.is_(None)
    )
    return Traces(
        user_no=user_no,
        user_id=person["user_id"],
        address=person["email"],
        email_hash=person["email_hash"],
        name=" ".join(part for part in (person["first_name"], person["last_name"]) if part),
        others=[(source, other_id) for source, other_id in connection.execute(others)],
        sharers=list(connection.scalars(same.order_by(users.c.user_no))),
    )


def waiting_events(connection: sa.Connection, traces: Traces) -> Iterator[sa.RowMapping]:
    """What waits under any of the person's ids, or for a course and is theirs, or would link an id to one.

    All that waits is read, a range at a time: what waits for a course names its person only in the payload.
    """
    kept = pending_events.c
    payload, ids, others = kept.payload, traces.ids, set(traces.others)
    named = [kept.other_id, payload[PERSON].as_string(), payload[LINK].as_string()]
    theirs = sa.or_(*(among(column, ids) for column in named))
    last = connection.scalar(sa.select(sa.func.max(kept.pending_no))) or 0
    for low in range(0, last + 1, _ROWS):
        here = sa.and_(kept.pending_no >= low, kept.pending_no < low + _ROWS)
        for row in connection.execute(sa.select(pending_events).where(here, theirs)).mappings():
            ids_there = (row["other_id"], row["payload"].get(PERSON), row["payload"].get(LINK))
            if any(one == traces.user_id or (row["source"], one) in others for one in ids_there):
                yield row
