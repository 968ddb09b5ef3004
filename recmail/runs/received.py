"""An email as its recipient got it, written again from what was frozen, and what its courses go back to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.consent import EMAIL, personalized
from recmail.db.runs import find_run
from recmail.db.tables import consent, interactions, ledger, ledger_context, users
from recmail.errors import ConfigError, RefusedError, RenderError
from recmail.records import SEARCHED_WITHIN, Claim, MessageState
from recmail.runs.message import Links, RunWriter
from recmail.runs.project import Project
from recmail.runs.replaced import find_replaced

LEFT = (MessageState.SENDING, MessageState.SENT, MessageState.UNKNOWN)
_RUNS = 4  # whose templates are kept ready; making one takes a second or two
_CLAIMED = (
    *("run_no", "user_no", "user_id", "email", "attempts"),
    *("message_id", "due_at", "variant", "context"),
)
_MOST = 5  # of a person's own courses or searches named beside a course


@dataclass
class Shelf:
    """What writes the emails of the runs that people asked about last; used by many threads at once."""

    project: Project
    _writers: OrderedDict[int, tuple[Mapping[str, Any], RunWriter]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, run_no: int) -> tuple[Mapping[str, Any], RunWriter]:
        """Return a run's row and its writer.

        Raises:
            RefusedError: there is no such run.
        """
        with self._lock:  # also while one is made: two of the same would take twice as long
            if run_no not in self._writers:
                with reading(self.project.engine) as connection:
                    run = find_run(connection, run_no)
                self._writers[run_no] = run, RunWriter(self.project, run)
                while len(self._writers) > _RUNS:
                    self._writers.popitem(last=False)
            self._writers.move_to_end(run_no)
            return self._writers[run_no]


@dataclass(frozen=True)
class Received:
    """One email that left.

    Attributes:
        run: the run's row.
        context: as frozen, courses that gave way to reserves included.
        sent_at: when it left, as far as is known.
    """

    run: Mapping[str, Any]
    writer: RunWriter
    claim: Claim
    context: Mapping[str, Any]
    sent_at: datetime

    def html(self, links: Links) -> str:
        """Write its page again, with these links.

        Raises:
            RenderError: it cannot be written any more.
        """
        writer = self.writer.of(self.claim.variant)
        return writer.render(writer.context(self.context, links), user_id=self.claim.user_id).html


def find_received(shelf: Shelf, run_no: int, user_no: int) -> Received | None:
    """Find the email of a run that left for a person; None when there is none, or it is not kept any more."""
    with reading(shelf.project.engine) as connection:
        row = connection.execute(_row(run_no, user_no)).mappings().one_or_none()
    if row is None or not row["context"] or not row["context"].get("slots"):
        return None
    try:
        run, writer = shelf.of(run_no)
    except (RefusedError, RenderError, ConfigError):  # the last: this version reads its campaign no more
        return None
    claim = Claim(**{name: row[name] for name in _CLAIMED}, claim_id="", reserves=row["reserves"] or [])
    context, at = row["context"], row["intent_at"] or row["due_at"]
    if row["body_sha256"]:
        with reading(shelf.project.engine) as connection:
            found = find_replaced(connection, shelf.project, writer, claim, sha256=row["body_sha256"], at=at)
        if found is not None:
            context = {**context, "slots": found.slots}
    return Received(run, writer, claim, context, row["sent_at"] or at)


def _row(run_no: int, user_no: int) -> sa.Select[Any]:
    frozen = ledger_context.c
    mine = (frozen.run_no == ledger.c.run_no) & (frozen.user_no == ledger.c.user_no)
    query = sa.select(ledger, frozen.context, frozen.reserves, users.c.user_id, users.c.email)
    query = query.join(users, users.c.user_no == ledger.c.user_no).join(ledger_context, mine)
    return query.where(ledger.c.run_no == run_no, ledger.c.user_no == user_no, ledger.c.state.in_(LEFT))


# --- why ------------------------------------------------------------------------------------------

ALIKE, NEW, CATEGORY, BEGUN, SEARCHES, VIEWED, HISTORY, TAKEN = (
    *("alike", "new", "category", "begun", "searches", "viewed", "history", "taken"),
)
_USES = {
    "popular": ALIKE,
    "trending_now": ALIKE,
    "staff_picks": ALIKE,
    "new_releases": NEW,
    "popular_in_your_category": CATEGORY,
    "continue_learning": BEGUN,
    "from_your_searches": SEARCHES,
    "similar_to_recently_viewed": VIEWED,
}
"""What a block looks at; one that is not here may look at everything a person did."""


@dataclass(frozen=True)
class Used:
    """One course of the email, and what of the person's own history it goes back to.

    Attributes:
        reason: as the email said it; None where it gave none.
        uses: one of the words above.
        named: what is named of the history: one course of theirs, searches, titles.
        did: what they did with that course, and when, the newest first.
    """

    title: str
    category: str | None
    reason: str | None
    uses: str
    named: Sequence[str] = ()
    did: Sequence[tuple[str, datetime]] = ()


@dataclass(frozen=True)
class Why:
    """Why a person got an email.

    Attributes:
        consent: when and where they said yes to it.
        personal: what they did was used at all.
        as_of: nothing that happened later was known.
        known: of each kind of what they did by then, how often, and the newest.
    """

    courses: Sequence[Used]
    consent: tuple[datetime, str | None] | None
    personal: bool
    as_of: datetime
    known: Sequence[tuple[str, int, datetime]]


def why_received(project: Project, received: Received) -> Why:
    """Tell which data chose the courses of an email, from what was frozen and the person's own history."""
    run, user_no = received.run, received.claim.user_no
    as_of = run["as_of"]
    with reading(project.engine) as connection:
        allowed = sa.select(personalized(users.c.user_no, as_of)).where(users.c.user_no == user_no)
        personal = bool(connection.scalar(allowed))
        found = [_used(connection, received, slot, personal=personal) for slot in received.context["slots"]]
        topics = ("", received.writer.campaign.topic or "")
        return Why(
            courses=found,
            consent=_consent(connection, user_no, topics, received.sent_at),
            personal=personal and any(one.uses != ALIKE for one in found),
            as_of=as_of,
            known=_known(connection, user_no, as_of) if personal else (),
        )


def _used(connection: sa.Connection, received: Received, slot: Sequence[Any], *, personal: bool) -> Used:
    _, course_no, reason, source, _, _, because, *_ = slot
    catalogue, user_no, as_of = received.run["courses"], received.claim.user_no, received.run["as_of"]
    title, category = catalogue["title"][course_no], catalogue["category"][course_no]
    uses = _USES.get(source, HISTORY) if personal else ALIKE
    if because is not None and personal:
        did = _did(connection, user_no, because, as_of)
        return Used(title, category, reason, TAKEN, [catalogue["title"][because]], did)
    if uses == BEGUN:
        return Used(title, category, reason, uses, did=_did(connection, user_no, course_no, as_of))
    named: Sequence[str] = ()
    if uses == SEARCHES:
        named = _searches(connection, user_no, as_of)
    elif uses == VIEWED:
        titles = catalogue["title"]
        named = [titles[one] for one in _viewed(connection, user_no, as_of) if one < len(titles)]
    return Used(title, category, reason, uses, named)


def _did(
    connection: sa.Connection, user_no: int, course_no: int, as_of: datetime
) -> list[tuple[str, datetime]]:
    newest = sa.func.max(interactions.c.at, type_=interactions.c.at.type)
    query = sa.select(interactions.c.kind, newest).where(
        interactions.c.user_no == user_no, interactions.c.course_no == course_no, interactions.c.at <= as_of
    )
    return [(kind, at) for kind, at in connection.execute(query.group_by("kind").order_by(newest.desc()))]


def _searches(connection: sa.Connection, user_no: int, as_of: datetime) -> list[str]:
    query = sa.select(interactions.c.query).where(
        interactions.c.user_no == user_no,
        interactions.c.kind == "searched",
        interactions.c.at <= as_of,
        interactions.c.at > as_of - SEARCHED_WITHIN,
    )
    found = connection.scalars(query.order_by(interactions.c.at.desc()).limit(10 * _MOST))
    return list(dict.fromkeys(text for text in found if text))[:_MOST]


def _viewed(connection: sa.Connection, user_no: int, as_of: datetime) -> list[int]:
    query = sa.select(interactions.c.course_no).where(
        interactions.c.user_no == user_no, interactions.c.kind == "viewed", interactions.c.at <= as_of
    )
    found = connection.scalars(query.order_by(interactions.c.at.desc()).limit(10 * _MOST))
    return list(dict.fromkeys(no for no in found if no is not None))[:_MOST]


def _consent(
    connection: sa.Connection, user_no: int, topics: Sequence[str], at: datetime
) -> tuple[datetime, str | None] | None:
    said = consent.c.at, consent.c.proof
    query = sa.select(*said).where(
        consent.c.user_no == user_no,
        consent.c.purpose == EMAIL,
        consent.c.granted.is_(True),
        consent.c.topic.in_(topics),
        consent.c.at <= at,
    )
    found = connection.execute(query.order_by(consent.c.at.desc()).limit(1)).one_or_none()
    return None if found is None else (found.at, found.proof)


def _known(connection: sa.Connection, user_no: int, as_of: datetime) -> list[tuple[str, int, datetime]]:
    newest = sa.func.max(interactions.c.at, type_=interactions.c.at.type)
    query = sa.select(interactions.c.kind, sa.func.count(), newest).where(
        interactions.c.user_no == user_no, interactions.c.at <= as_of
    )
    return [tuple(row) for row in connection.execute(query.group_by("kind").order_by(newest.desc()))]
