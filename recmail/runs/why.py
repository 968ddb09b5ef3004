"""Why a person got what they got: what is known of them, what stands against mail, and every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import consent_reason, personalized
from recmail.db.people import find_user
from recmail.db.preferences import wishes
from recmail.db.runs import record, run_state
from recmail.db.tables import (
    consent,
    courses,
    interactions,
    ledger,
    ledger_context,
    ledger_events,
    runs,
    suppressions,
    users,
)
from recmail.feedback.traces import find_living
from recmail.records import SKIP_WORDS, TAKEN_KINDS
from recmail.runs.person_in_run import outcome
from recmail.runs.project import Project


@dataclass(frozen=True)
class InRun:
    """What one run did for the person.

    Attributes:
        outcome: in words, with the reason.
        variant: which they got, or were to get; None where the campaign had none.
        shown: title, reason, and the block's plug-in of each course, top to bottom.
        events: time, state and detail of everything that happened, in order.
    """

    run_no: int
    campaign: str
    outcome: str
    variant: str | None
    shown: Sequence[tuple[str, str | None, str]]
    events: Sequence[tuple[datetime, str, str | None]]


@dataclass(frozen=True)
class Story:
    """All that recmail knows about why one person gets or does not get mail.

    Attributes:
        wishes: how often the person wants emails, in words.
        suppression: reason, at and source of what is held against the person's address.
    """

    user_id: str
    name: str
    verdict: str
    personalized: bool
    wishes: Sequence[str]
    last_seen_at: datetime | None
    consents: Sequence[dict[str, Any]]
    suppression: dict[str, Any] | None
    taken: Sequence[tuple[str, str, datetime]]
    runs: Sequence[InRun]


def why(project: Project, who: str, *, now: datetime, run_no: int | None = None) -> Story:
    """Tell one person's story; `who` is a user_id or an e-mail address.

    Raises:
        DataError: there is no such person.
        RefusedError: there is no such run, or the person was erased.
    """
    topics = project.settings.topics
    with reading(project.engine) as connection:
        if run_no is not None:
            run_state(connection, run_no)
        user_no = find_living(connection, project.settings, who)
        person = connection.execute(_person(user_no, now)).mappings().one()
        refusals = {topic: _refusal(connection, user_no, topic, now) for topic in ("", *topics)}
        return Story(
            user_id=person["user_id"],
            name=" ".join(part for part in (person["first_name"], person["last_name"]) if part),
            verdict=_verdict(refusals, topics),
            personalized=bool(person["personal"]),
            wishes=wishes(connection, user_no, now=now),
            last_seen_at=person["last_seen_at"],
            consents=_consents(connection, user_no),
            suppression=_suppression(connection, person["email_hash"]),
            taken=_taken(connection, user_no, now),
            runs=_runs(connection, user_no, run_no),
        )


def record_look(project: Project, user_id: str, run_no: int | None, *, who: str, now: datetime) -> None:
    """Write into the audit who looked at whom; only the detail names the run, of whose life it is no part."""
    with writing(project.engine) as connection:
        detail = {"user_no": find_user(connection, user_id), "run": run_no}
        record(connection, "why", who=who, now=now, detail=detail)


def _person(user_no: int, now: datetime) -> sa.Select[Any]:
    personal = personalized(users.c.user_no, now).label("personal")
    return sa.select(users, personal).where(users.c.user_no == user_no)


def _refusal(connection: sa.Connection, user_no: int, topic: str, now: datetime) -> str | None:
    reason = consent_reason(users.c.user_no, users.c.email_hash, topic, now)
    found: str | None = connection.scalar(sa.select(reason).where(users.c.user_no == user_no))
    return found


def _verdict(refusals: Mapping[str, str | None], topics: Mapping[str, str]) -> str:
    """One sentence over all topics; a no to all of them, or to some."""
    refused = [topic for topic, why in refusals.items() if topic and why is not None]
    general = refusals[""]
    if general is not None and len(refused) == len(topics):
        return f"is not mailed: {SKIP_WORDS[general]}"
    if not refused:
        return "may be mailed"
    named = ", ".join(f"{topics[topic]} ({SKIP_WORDS[str(refusals[topic])]})" for topic in refused)
    return f"may be mailed, except: {named}"


def _consents(connection: sa.Connection, user_no: int) -> list[dict[str, Any]]:
    columns = [consent.c[name] for name in ("at", "purpose", "topic", "granted", "channel", "proof")]
    query = sa.select(*columns).where(consent.c.user_no == user_no).order_by(consent.c.at)
    return [dict(row) for row in connection.execute(query).mappings()]


def _suppression(connection: sa.Connection, email_hash: str | None) -> dict[str, Any] | None:
    columns = [suppressions.c[name] for name in ("reason", "at", "source")]
    query = sa.select(*columns).where(suppressions.c.email_hash == email_hash)
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else dict(found)


def _taken(connection: sa.Connection, user_no: int, now: datetime) -> list[tuple[str, str, datetime]]:
    """Courses taken, newest first: title, category, when."""
    newest = sa.func.max(interactions.c.at, type_=interactions.c.at.type)
    query = (
        sa.select(courses.c.title, courses.c.category, newest)
        .join(interactions, interactions.c.course_no == courses.c.course_no)
        .where(
            interactions.c.user_no == user_no,
            interactions.c.kind.in_(TAKEN_KINDS),
            interactions.c.at <= now,
        )
        .group_by(courses.c.course_no, courses.c.title, courses.c.category)
        .order_by(newest.desc())
    )
    return [(title, category or "", at) for title, category, at in connection.execute(query)]


def _runs(connection: sa.Connection, user_no: int, run_no: int | None) -> list[InRun]:
    query = (
        sa.select(ledger, ledger_context.c.context, runs.c.campaign)
        .join(runs, runs.c.run_no == ledger.c.run_no)
        .outerjoin(
            ledger_context,
            (ledger_context.c.run_no == ledger.c.run_no) & (ledger_context.c.user_no == ledger.c.user_no),
        )
        .where(ledger.c.user_no == user_no)
        .order_by(ledger.c.run_no.desc())
    )
    if run_no is not None:
        query = query.where(ledger.c.run_no == run_no)
    return [
        InRun(
            run_no=row["run_no"],
            campaign=row["campaign"],
            outcome=outcome(dict(row)),
            variant=row["variant"],
            shown=_shown(connection, row),
            events=_events(connection, row["run_no"], user_no),
        )
        for row in connection.execute(query).mappings().all()
    ]


def _shown(connection: sa.Connection, row: sa.RowMapping) -> list[tuple[str, str | None, str]]:
    slots = (row["context"] or {}).get("slots", [])
    titles = sa.select(courses.c.course_no, courses.c.title).where(
        courses.c.course_no.in_([course_no for _, course_no, *_ in slots])
    )
    by_number = {row.course_no: row.title for row in connection.execute(titles)}
    return [(by_number[course_no], reason, source) for _, course_no, reason, source, *_ in slots]


def _events(connection: sa.Connection, run_no: int, user_no: int) -> list[tuple[datetime, str, str | None]]:
    query = (
        sa.select(ledger_events.c.at, ledger_events.c.state, ledger_events.c.detail)
        .where(ledger_events.c.run_no == run_no, ledger_events.c.user_no == user_no)
        .order_by(ledger_events.c.event_no)
    )
    return [(at, state, detail) for at, state, detail in connection.execute(query)]
