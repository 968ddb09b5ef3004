"""What happened to a person's message, and around it, as lines in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import IMPORTED
from recmail.db.ledger import ASKED_AGAIN
from recmail.db.people import accounts_with_the_same_address
from recmail.db.runs import run_audit
from recmail.db.tables import consent, events, ledger_events, suppressions, users
from recmail.records import FAIL_WORDS, SKIP_WORDS, STATE_WORDS, MessageState

S = MessageState


@dataclass(frozen=True)
class Happening:
    """One thing that happened.

    Attributes:
        kind: run, message, consent, suppression or feedback.
        what: in words.
    """

    at: datetime
    kind: str
    what: str


def happenings(
    connection: sa.Connection,
    run: Mapping[str, Any],
    person: Mapping[str, Any],
    row: Mapping[str, Any],
) -> list[Happening]:
    """Everything about one person in one run, oldest first; what was done with the run before the rest.

    Args:
        person: the row of users.
        row: of the ledger; empty when the run does not have the person.
    """
    run_no, user_no = run["run_no"], person["user_no"]
    # What somebody said before the plan matters only where it kept the email back.
    since = None if row.get("state") == S.SKIPPED else run["planned_at"]
    found = [
        *_run(connection, run_no),
        *_message(connection, run_no, user_no, row),
        *_consent(connection, user_no, since=since),
        *_suppression(connection, person["email_hash"], since=since),
        *_feedback(connection, run_no, user_no),
    ]
    return sorted(found, key=lambda one: one.at)  # stable: of one moment, in the order above


def _run(connection: sa.Connection, run_no: int) -> Iterator[Happening]:
    for row in run_audit(connection, run_no):
        detail = row["detail"] or {}
        what = f"{row['action']} by {row['who']}"
        others = (f"{name} {value}" for name, value in detail.items() if name != "reason")
        reason = detail.get("reason")
        said = ", ".join((*([reason] if reason and reason != what else []), *others))
        yield Happening(row["at"], "run", f"run {run_no}: {what}{f' ({said})' if said else ''}")


def _message(
    connection: sa.Connection, run_no: int, user_no: int, row: Mapping[str, Any]
) -> Iterator[Happening]:
    if row.get("intent_at"):
        yield Happening(row["intent_at"], "message", f"its last try began, as message id {row['message_id']}")
    mine = ledger_events.c.run_no == run_no, ledger_events.c.user_no == user_no
    query = sa.select(ledger_events).where(*mine).order_by(ledger_events.c.event_no)
    told = connection.execute(query).mappings().all()
    for event in told:
        what = _words(S(event["state"]), event["detail"])
        if event is told[-1] and event["state"] == S.SENT and row.get("provider_id"):
            what += f"; the provider calls it {row['provider_id']}"
        yield Happening(event["at"], "message", what)


def _words(state: MessageState, detail: str | None) -> str:
    if state == S.PLANNED:
        return f"waits again: {detail}" if detail in ASKED_AGAIN else f"to be tried again: {detail}"
    if detail is None:
        return STATE_WORDS[state]
    reason, _, error = detail.partition(" – ")
    named = (SKIP_WORDS | FAIL_WORDS).get(reason, reason)
    return ": ".join(filter(None, (STATE_WORDS[state], named, error)))


def _consent(connection: sa.Connection, user_no: int, *, since: datetime | None) -> Iterator[Happening]:
    """What the person said, and whoever else has the same address: it is the same inbox."""
    same = accounts_with_the_same_address(connection, user_no)
    query = (
        sa.select(consent, users.c.user_id)
        .join(users, users.c.user_no == consent.c.user_no)
        .where(among(consent.c.user_no, same))
        .order_by(consent.c.consent_no)
    )
    if since is not None:
        query = query.where(consent.c.at >= since)
    for row in connection.execute(query).mappings():
        who = "" if row["user_no"] == user_no else f"{row['user_id']}, who has the same address, "
        answer, topic = "yes" if row["granted"] else "no", f" to {row['topic']}" if row["topic"] else ""
        what = f"{who}said {answer} to {row['purpose']}{topic}, by {row['channel']}"
        yield Happening(row["at"], "consent", what)


def _suppression(
    connection: sa.Connection, email_hash: str | None, *, since: datetime | None
) -> Iterator[Happening]:
    query = sa.select(suppressions).where(suppressions.c.email_hash == email_hash)
    for row in connection.execute(query).mappings():
        if since is None or row["at"] >= since:
            imported = row["reason"] == IMPORTED
            why = "said no to another tool" if imported else row["reason"].replace("_", " ")
            yield Happening(row["at"], "suppression", f"the address: {why} ({row['source']})")


def _feedback(connection: sa.Connection, run_no: int, user_no: int) -> Iterator[Happening]:
    mine = events.c.run_no == run_no, events.c.user_no == user_no
    for row in connection.execute(sa.select(events).where(*mine).order_by(events.c.event_no)).mappings():
        yield Happening(row["at"], "feedback", _came_back(dict(row)))


def _came_back(row: Mapping[str, Any]) -> str:
    """What came back, by whose word and why: bounced for good, says relay: 5.1.1 no such user."""
    kind = row["kind"] + (" for good" if row["dead"] else "") + (" by a machine" if row["by_machine"] else "")
    detail = row["detail"] if row["status"] in row["detail"] else f"{row['status']} {row['detail']}".strip()
    why = row["url"] or detail
    return f"{kind}, says {row['provider']}" + (f": {why}" if why else "")
