"""Erasing a person: from the database, and from the files of recmail's own; with a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from recmail.db.connect import file_bytes, reading, rewrite_file
from recmail.db.people import find_user
from recmail.db.tables import users
from recmail.db.tombstones import find_erased
from recmail.errors import DataError
from recmail.feedback import erasing, own_files
from recmail.feedback.accesses import ERASE, record_access
from recmail.feedback.erasing_files import erase_files
from recmail.feedback.receipt import Gone, Receipt
from recmail.feedback.traces import Traces, find_traces
from recmail.settings import Settings

AT_ONCE_BYTES = 32 << 20
"""A database of this size is written anew in less than 250 ms, for which senders wait."""
_STAYS = (
    "a row without a name, so that the counts of past runs still add up",
    "of each message: its run, state, times and the hash of what was printed, so that the run can be proved",
    "that consent was given or withdrawn, and when: without a name",
    "keyed hashes of the address and the ids, so that no import brings the person back",
    "who looked at the person's data, and that it was erased: without a name",
)


@dataclass(frozen=True)
class Erasure:
    """Somebody who can be erased; `traces` is None when that was done before."""

    user_no: int
    traces: Traces | None
    erased_at: datetime | None


def find_person(engine: sa.Engine, settings: Settings, who: str) -> Erasure:
    """Find somebody to erase, or somebody who was erased already.

    Raises:
        DataError: nobody has this user_id or address, or several accounts share it.
    """
    with reading(engine) as connection:
        try:
            user_no = find_user(connection, who)
        except DataError:
            before = find_erased(connection, settings.address_key, who)
            if before is None:
                raise
            return Erasure(before.user_no, None, before.at)
        at = connection.scalar(sa.select(users.c.erased_at).where(users.c.user_no == user_no))
        return Erasure(user_no, find_traces(connection, user_no), at)


def rehearse(engine: sa.Engine, settings: Settings, person: Erasure) -> Receipt:
    """Say what an erasure would take away, and change nothing."""
    traces = person.traces
    if traces is None:
        return Receipt(person.user_no, "", True, [], 0, 0, notes=[_before(person)])
    with reading(engine) as connection:
        gone = erasing.count_theirs(connection, traces)
        waiting, leaving = erasing.count_messages(connection, person.user_no)
    files = erase_files(engine, settings, traces, dry_run=True)
    gone += files.gone
    yours = [str(one) for one in own_files.files_that_name(settings, traces) if not own_files.is_ours(one)]
    return Receipt(
        person.user_no,
        traces.user_id,
        True,
        _some(gone),
        waiting,
        leaving,
        _STAYS,
        yours,
        _notes(settings, traces),
    )


def erase(
    engine: sa.Engine, settings: Settings, person: Erasure, *, who: str, now: datetime, compact: bool
) -> Receipt:
    """Erase somebody; killed at any moment, the same command goes on from there.

    Args:
        who: for the audit.
        compact: write a SQLite database anew however large it is; a small one is anyway.
    """
    if person.traces is None:
        erasing.take_away(engine, person.user_no)
        receipt = Receipt(person.user_no, "", False, [], 0, 0, _STAYS, notes=[_before(person)])
    else:
        receipt = _erase(engine, settings, person.traces, now)
    record_access(engine, ERASE, [person.user_no], who=who, now=now)
    return replace(receipt, notes=[*receipt.notes, *_rewritten(engine, compact=compact)])


def _erase(engine: sa.Engine, settings: Settings, traces: Traces, now: datetime) -> Receipt:
    with reading(engine) as connection:
        gone = erasing.count_theirs(connection, traces)
    waiting = erasing.mark(engine, traces, now=now)
    with reading(engine) as connection:
        leaving = erasing.count_messages(connection, traces.user_no)[1]
    erasing.take_away_waiting(engine, traces)
    strangers = erasing.take_away_strangers_events(engine, traces)
    erasing.take_away(engine, traces.user_no)
    files = erase_files(engine, settings, traces, dry_run=False)
    yours = [str(path) for path in own_files.files_that_name(settings, traces)]
    notes = [*files.trouble, *_notes(settings, traces)]
    erasing.forget(engine, settings.address_key, traces)
    # From here on what comes in is known to be theirs; not so what came in since it was looked for.
    strangers += erasing.take_away_strangers_events(engine, traces)
    gone = _some([*gone, *files.gone, Gone("what came back of nobody known", strangers)])
    return Receipt(traces.user_no, traces.user_id, False, gone, waiting, leaving, _STAYS, yours, notes)


def _some(gone: Sequence[Gone]) -> list[Gone]:
    return [one for one in gone if one.count]


def _before(person: Erasure) -> str:
    return f"was erased on {person.erased_at:%Y-%m-%d}; whatever came in since was looked for"


def _notes(settings: Settings, traces: Traces) -> list[str]:
    notes = ["models hold no person: nothing has to be taken out of them"]
    if traces.sharers:
        them = ", ".join(traces.sharers[:10])
        notes.append(f"{them}: the same address, which gets no more email; to erase them too, name them")
    if settings.bounces and traces.address:
        boxes = ", ".join(f"[bounces.{name}]" for name in settings.bounces)
        notes.append(
            f"{boxes}: mails there are yours, and recmail deletes none; search them for {traces.address}"
        )
    notes.append("the provider, your backups and the systems that you import from keep their own copies")
    return notes


def _rewritten(engine: sa.Engine, *, compact: bool) -> list[str]:
    """Write the database's file anew where that is quick or wanted; else say how."""
    if engine.dialect.name != "sqlite":
        return [
            "PostgreSQL keeps old versions of rows until autovacuum (VACUUM FULL makes sure), and in its "
            "write-ahead log"
        ]
    size = file_bytes(engine)
    if size > AT_ONCE_BYTES and not compact:
        return [
            f"the database has {size / 2**20:,.0f} MB: what was deleted is overwritten; older copies of "
            "rows that changed may lie in its free pages until you run, while nothing is sent: "
            "recmail user erase USER --compact"
        ]
    if not rewrite_file(engine):
        return ["another program reads the database: its log is emptied when the last of them has ended"]
    return []
