"""Lists of addresses as other tools and people write them: any usual heading, or none at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recmail.history.importers import Chunk, Importer
from recmail.tokens import email_key

_USUAL = (
    *("email", "emailaddress", "mailaddress", "emailadresse", "mail", "emails", "recipient", "subscriber"),
    "address",  # the last: beside "Email Address", Mailchimp's "Address" is a street
)


def is_usual(column: str) -> bool:
    """Whether a column of this name may be the one of addresses."""
    return _plain(column) in _USUAL


def _plain(column: str) -> str:
    return re.sub(r"[\W_]+", "", column.lower())


def as_addresses(source: Importer, renames: Mapping[str, str]) -> Importer:
    """The same records, in which the column of addresses is called `email`.

    It is the column that is called so or that `renames` makes it, else the first of a usual name, else the
    only one there is. A list that begins with an address has no heading: then that is its first record.
    """
    columns = source.columns
    if "email" in renames.values() or "email" in {column.lower() for column in columns}:
        return source
    if len(columns) == 1:
        return _Named(source, ["email"], first=columns if email_key(columns[0]) else ())
    plain = list(map(_plain, columns))
    place = next((plain.index(name) for name in _USUAL if name in plain), None)
    if place is None:
        return source
    return _Named(source, [*columns[:place], "email", *columns[place + 1 :]])


class _Named:
    """An importer with other names for its columns, and perhaps a record before its first."""

    def __init__(self, source: Importer, columns: list[str], first: Sequence[str] = ()) -> None:
        self._source = source
        self._first = first
        self.columns = columns
        self.unmapped = source.unmapped
        self.delimiter = getattr(source, "delimiter", ",")

    @property
    def bytes_done(self) -> int:
        """How far it was read."""
        return self._source.bytes_done

    @property
    def bytes_total(self) -> int:
        """How long it is."""
        return self._source.bytes_total

    def chunks(self) -> Iterator[Chunk]:
        """Yield all records, the one that stood in the heading's place first."""
        if self._first:
            yield Chunk([[text] for text in self._first], np.array([1], dtype=np.int64), [])
        yield from self._source.chunks()
