"""Events of people who were erased: that something came back stays, and nothing that tells whose it was."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import erased_ids, events
from recmail.feedback.matching import Message
from recmail.records import Event
from recmail.tokens import email_hash, email_key

NOTHING = "{}"
"""What stays of a raw event."""
_PLACE = ("course_no", "block", "position", "is_fallback")
BARE: Mapping[str, Any] = {
    **dict.fromkeys(("email_hash", "url", *_PLACE), None),
    "detail": "",
    "raw": NOTHING,
}
"""The columns of an event that can tell of a person, as they are when nobody is to be told of."""
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]\\]+@[^\s<>\"'(),:;\[\]\\]+")
_ESCAPED = re.compile(r"\\u003[ce]", re.IGNORECASE)  # angle brackets, as some write JSON


def has_words() -> sa.ColumnElement[bool]:
    """Whether an event still has a provider's own words, in which anything may stand."""
    return sa.or_(events.c.raw.not_in(("", NOTHING)), events.c.detail != "")


def tells_of_a_person() -> sa.ColumnElement[bool]:
    """Whether an event is not bare."""
    kept = [events.c[name].is_not(None) for name, nothing in BARE.items() if nothing is None]
    return sa.or_(has_words(), *kept)


def of_erased(
    connection: sa.Connection, key: bytes, returned: Mapping[str, tuple[Event, Message | None]]
) -> set[str]:
    """Which of these new events are of people who were erased: of their messages, or with their address.

    Args:
        key: hashes addresses.
        returned: each with its message, None where that is not known.
    """
    theirs = {name for name, (_, message) in returned.items() if message is not None and message.erased}
    strays = {name: event for name, (event, message) in returned.items() if message is None}
    if not strays or connection.scalar(sa.select(erased_ids.c.id_hash).limit(1)) is None:
        return theirs
    named = defaultdict(set)
    for name, event in strays.items():
        for address in _addresses(event):
            named[email_hash(key, address)].add(name)
    found = sa.select(erased_ids.c.id_hash).where(among(erased_ids.c.id_hash, sorted(named)))
    return theirs.union(*(named[one] for one in connection.scalars(found)))


def _addresses(event: Event) -> Iterator[str]:
    texts = (event.email or "", event.detail, _ESCAPED.sub(" ", event.raw))
    for found in {one for text in texts for one in _ADDRESS.findall(text)}:
        if address := email_key(found.strip(".")):
            yield address
