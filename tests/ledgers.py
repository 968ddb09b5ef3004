"""Runs, people and ledger rows for tests of the ledger and of the sending worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.ledger import PlannedRow, insert_rows
from recmail.db.ledger_claims import claim_due
from recmail.db.ledger_intents import Intent, Rules, commit_intents, refuse
from recmail.db.tables import ledger, ledger_events, run_shards, runs, users
from recmail.records import Claim, MessageState, RunState
from tests.rows import run_row

TOPIC = "tips"
DAY = timedelta(days=1)


def add_people(engine: sa.Engine, now: datetime, count: int) -> None:
    """People u0, u1, …, each with an address under example.org and a consent of a month ago."""
    with writing(engine) as connection:
        connection.execute(users.insert(), [_person(number, now) for number in range(count)])
        yes = [Consent(number, "email", True, now - 30 * DAY, "import") for number in range(count)]
        record_consent(connection, yes)


def _person(number: int, now: datetime) -> dict[str, Any]:
    email = f"u{number}@example.org"
    return {
        "user_no": number,
        "user_id": f"u{number}",
        "email": email,
        "email_key": email,
        "email_hash": f"hash of {email}",
        "source": "test",
        "source_row_hash": "",
        "imported_at": now,
    }


def add_run(
    engine: sa.Engine,
    run_no: int,
    now: datetime,
    *,
    people: Iterable[int],
    run_state: RunState = RunState.SENDING,
    **row: Any,
) -> None:
    """A run with a planned row for each of these people; `row` replaces fields of PlannedRow."""
    rows = [_planned(user_no, now, row) for user_no in people]
    values = run_row(run_no, now, state=run_state)
    with writing(engine) as connection:
        connection.execute(runs.insert().values(**values))
        insert_rows(connection, run_no, rows, now=now, domain="acme.example")
        connection.execute(
            run_shards.insert().values(run_no=run_no, shard=0, rows=len(rows), hash="", committed_at=now)
        )


def _planned(user_no: int, now: datetime, replaced: dict[str, Any]) -> PlannedRow:
    fields: dict[str, Any] = {
        "state": MessageState.PLANNED,
        "reason": None,
        "due_at": now,
        "context": {"name": f"person {user_no}"},
        "reserves": [],
        "row_hash": f"row of {user_no}",
    }
    return PlannedRow(user_no=user_no, **fields | replaced)


def set_run(engine: sa.Engine, run_no: int, state: RunState) -> None:
    """Put a run into a state, as if somebody had."""
    with writing(engine) as connection:
        connection.execute(sa.update(runs).where(runs.c.run_no == run_no).values(state=state))


def set_rows(engine: sa.Engine, run_no: int, **values: Any) -> None:
    """Change columns of all rows of a run, as if something had."""
    with writing(engine) as connection:
        connection.execute(sa.update(ledger).where(ledger.c.run_no == run_no).values(**values))


def claim(
    engine: sa.Engine,
    now: datetime,
    *,
    run_nos: Sequence[int] = (1,),
    limit: int = 100,
    claim_id: str = "mine",
    lease_now: datetime | None = None,
) -> list[Claim]:
    """Claim in a transaction of its own, sorted by person."""
    with writing(engine) as connection:
        claims = claim_due(
            connection, run_nos, now=now, limit=limit, claim_id=claim_id, lease_now=lease_now or now
        )
    return sorted(claims, key=lambda one: (one.user_no, one.run_no))


def intents(claims: Iterable[Claim]) -> list[Intent]:
    """Messages that are written and could leave."""
    return [Intent(one, "sha") for one in claims]


def rules(now: datetime, *, runs: Iterable[int] = (1, 2, 3), cap: int | None = None) -> Rules:
    """The topic of tests for every run, and a cap within seven days."""
    return Rules(dict.fromkeys(runs, TOPIC), None if cap is None else (cap, 7 * DAY), now)


def standing(engine: sa.Engine, run_no: int = 1) -> list[str]:
    """Where everybody of a run stands, by person: "sent", "skipped: cap" and so on."""
    query = sa.select(ledger.c.state, ledger.c.reason).where(ledger.c.run_no == run_no)
    with reading(engine) as connection:
        found = connection.execute(query.order_by(ledger.c.user_no))
        return [f"{state}: {reason}" if reason else state for state, reason in found]


def row_of(engine: sa.Engine, user_no: int = 0, run_no: int = 1) -> Any:
    """One ledger row."""
    query = sa.select(ledger).where(ledger.c.run_no == run_no, ledger.c.user_no == user_no)
    with reading(engine) as connection:
        return connection.execute(query).one()


def events_of(engine: sa.Engine, user_no: int = 0, run_no: int = 1) -> list[tuple[str, str | None]]:
    """What happened to a row, in order: state and detail."""
    query = sa.select(ledger_events.c.state, ledger_events.c.detail).where(
        ledger_events.c.run_no == run_no, ledger_events.c.user_no == user_no
    )
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query.order_by(ledger_events.c.event_no))]


def settle(
    engine: sa.Engine, wanted: list[Intent], checked: Rules, lease_now: datetime | None = None
) -> set[tuple[int, int]]:
    """One round of a sender: intents, then what was refused, in one transaction."""
    at = lease_now or checked.now
    with writing(engine) as connection:
        accepted = commit_intents(connection, wanted, checked, lease=timedelta(minutes=11), lease_now=at)
        refuse(connection, [one for one in wanted if one.key not in accepted], checked, lease_now=at)
    return accepted
