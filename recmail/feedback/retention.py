"""What became too old goes: by [retention] of recmail.toml, in short transactions, as often as one likes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.connect import reading, writing
from recmail.db.runs import ENDS
from recmail.db.tables import events, interactions, ledger_context, pending_events, runs
from recmail.feedback import own_files
from recmail.feedback.accesses import EXPIRE, record_access
from recmail.feedback.bare_events import NOTHING, has_words
from recmail.feedback.erasing import take_away_what_came_later
from recmail.feedback.receipt import Gone
from recmail.settings import Settings

_ROWS = 2_000  # of one transaction, to begin with
_MOST = 20_000
_AIM_S = 0.1
_RANGE = 50_000  # numbers that are looked through in one query


def expire(
    engine: sa.Engine, settings: Settings, *, who: str, now: datetime, dry_run: bool = False
) -> list[Gone]:
    """Delete what is older than [retention] allows; return how many of what.

    Whoever was erased is looked after once more: a plan that was being made may have kept something.
    """
    kept = settings.retention
    found = [
        _rows(engine, "interactions", kept.interactions, _old_interactions, now=now, dry_run=dry_run),
        _rows(engine, "events that wait", kept.waiting, _old_waiting, now=now, dry_run=dry_run),
        _contexts(engine, kept.contexts, now=now, dry_run=dry_run),
        _rows(engine, "raw events", kept.raw_events, _old_raw, now=now, dry_run=dry_run),
        *_files(settings, now=now, dry_run=dry_run),
    ]
    gone = [one for one in found if one.count]
    if not dry_run:
        take_away_what_came_later(engine)
        if gone:
            counts = {one.what.replace(" ", "_"): one.count for one in gone}
            record_access(engine, EXPIRE, [], who=who, now=now, **counts)
    return gone


# --- rows -----------------------------------------------------------------------------------------

_Old = Callable[[datetime], tuple[sa.Table, sa.ColumnElement[bool], "sa.Update | sa.Delete"]]


def _old_interactions(before: datetime) -> tuple[sa.Table, sa.ColumnElement[bool], sa.Update | sa.Delete]:
    return interactions, interactions.c.at < before, interactions.delete()


def _old_waiting(before: datetime) -> tuple[sa.Table, sa.ColumnElement[bool], sa.Update | sa.Delete]:
    return pending_events, pending_events.c.at < before, pending_events.delete()


def _old_raw(before: datetime) -> tuple[sa.Table, sa.ColumnElement[bool], sa.Update | sa.Delete]:
    is_old = (events.c.received_at < before) & has_words()
    return events, is_old, events.update().values(raw=NOTHING, detail="")


def _rows(
    engine: sa.Engine, what: str, age: timedelta | None, old: _Old, *, now: datetime, dry_run: bool
) -> Gone:
    """Take away the old rows of one table, whose numbers are looked through range by range."""
    if age is None:
        return Gone(what, 0)
    table, is_old, change = old(now - age)
    [number] = table.primary_key.columns
    if dry_run:
        with reading(engine) as connection:
            query = sa.select(sa.func.count()).select_from(table).where(is_old)
            return Gone(what, connection.scalar(query) or 0)
    count = 0
    for numbers in _ranges(engine, number, is_old):
        for some in _paced(numbers):
            with writing(engine) as connection:
                connection.execute(change.where(among(number, some)))
            count += len(some)
    return Gone(what, count)


def _ranges(
    engine: sa.Engine, number: sa.ColumnElement[int], is_old: sa.ColumnElement[bool]
) -> Iterator[Sequence[int]]:
    with reading(engine) as connection:
        first = connection.scalar(sa.select(sa.func.min(number))) or 0
        last = connection.scalar(sa.select(sa.func.max(number))) or 0
    for low in range(first, last + 1, _RANGE):
        here = sa.and_(number >= low, number < low + _RANGE, is_old)
        with reading(engine) as connection:
            found = connection.scalars(sa.select(number).where(here)).all()
        if found:
            yield found


def _paced(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """So many at a time that no transaction is long on a machine of any speed."""
    rows, start = _ROWS, 0
    while start < len(numbers):
        began = time.perf_counter()
        some = numbers[start : start + rows]
        yield some
        start += len(some)
        fitting = len(some) * _AIM_S / max(time.perf_counter() - began, 1e-4)
        rows = int(min(max(fitting, 50), 2 * rows, _MOST))


def _contexts(engine: sa.Engine, age: timedelta | None, *, now: datetime, dry_run: bool) -> Gone:
    """Leave tombstones of the contexts of runs that ended; the rows' hashes stay, and prove the run."""
    what, count = "printed contexts", 0
    if age is None:
        return Gone(what, 0)
    ended = sa.select(runs.c.run_no).where(runs.c.state.in_(ENDS), runs.c.due_instant < now - age)
    with reading(engine) as connection:
        run_nos = connection.scalars(ended.order_by(runs.c.run_no)).all()
    for run_no in run_nos:
        has_one = (ledger_context.c.run_no == run_no) & ledger_context.c.context.is_not(None)
        with reading(engine) as connection:
            numbers = connection.scalars(sa.select(ledger_context.c.user_no).where(has_one)).all()
        count += len(numbers)
        for some in () if dry_run else _paced(numbers):
            nothing: dict[str, Any] = {"context": sa.null(), "reserves": sa.null()}
            these = (ledger_context.c.run_no == run_no) & among(ledger_context.c.user_no, some)
            with writing(engine) as connection:
                connection.execute(ledger_context.update().where(these).values(nothing))
    return Gone(what, count)


# --- files ----------------------------------------------------------------------------------------


def _files(settings: Settings, *, now: datetime, dry_run: bool) -> Iterator[Gone]:
    kept = settings.retention
    if kept.rejects is not None:
        rejects = [path for path in own_files.rejects_files(settings) if _is_older(path, now - kept.rejects)]
        for path in () if dry_run else rejects:
            path.unlink(missing_ok=True)
        yield Gone("files of rejected rows", len(rejects))
    if kept.previews is not None:
        before = now - kept.previews
        previews = [one for one in own_files.previews(settings) if _is_older(one / "index.html", before)]
        for folder in () if dry_run else previews:
            own_files.remove_preview(folder)
        yield Gone("previews", len(previews))
    if kept.outbox is not None:
        oldest = now - kept.outbox
        emails = sum(
            own_files.remove_mails(folder, lambda _, path: _is_older(path, oldest), dry_run=dry_run)
            for folder in own_files.maildirs(settings)
        )
        yield Gone("emails in Maildirs", emails)


def _is_older(path: Path, before: datetime) -> bool:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < before
    except FileNotFoundError:
        return False
