"""Everything that happened to one person in one run, in order: the plan, the tries, and what came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recmail.campaign import Campaign, parse_frozen
from recmail.campaign.variants import in_variant
from recmail.db.connect import reading
from recmail.db.runs import find_run
from recmail.db.tables import ledger, ledger_context, users
from recmail.errors import RecmailError
from recmail.feedback.traces import find_living
from recmail.records import FAIL_WORDS, SKIP_WORDS, STATE_WORDS, Claim, MessageState, RunState
from recmail.runs.funnel import segment_of
from recmail.runs.happenings import Happening, happenings
from recmail.runs.project import Project
from recmail.segment import rules_met

S = MessageState
_LEFT = (S.SENDING, S.SENT, S.UNKNOWN, S.FAILED)


@dataclass(frozen=True)
class ShownCourse:
    """One course of the email.

    Attributes:
        source: the plug-in that offered it.
        fallback: it stands in for what the block's own plug-in did not have.
        instead_of: the title of the course that went stale before the email left.
    """

    block: str
    course_id: str
    title: str
    reason: str | None
    source: str
    fallback: bool
    score: float
    instead_of: str | None = None


@dataclass(frozen=True)
class PersonInRun:
    """One person in one run.

    Attributes:
        outcome: in words, with the reason.
        in_audience: the plan has them.
        rules: each rule of the audience, and whether it is met by what is known now.
        rules_note: why there are no rules, or what they are worth.
        due_at: when the email is due; None where the plan has no email for them.
        due_local: the same in their time zone.
        shown: top to bottom; of an email that left, what it showed.
        shown_note: what is not sure of that; None when all is.
        waits: what happens next; None when nothing does.
        happened: in order.
    """

    run_no: int
    campaign: str
    user_id: str
    outcome: str
    in_audience: bool
    rules: Sequence[tuple[str, bool]]
    rules_note: str
    variant: str | None
    due_at: datetime | None
    due_local: str | None
    send_before: datetime | None
    shown: Sequence[ShownCourse]
    shown_note: str | None
    waits: str | None
    happened: Sequence[Happening]

    def to_dict(self) -> dict[str, Any]:
        """The story with stable keys, for --json."""
        return asdict(self)


def person_in_run(project: Project, who: str, run_no: int) -> PersonInRun:
    """Tell what one run did for a person; `who` is a user_id or an e-mail address.

    Raises:
        DataError: there is no such person.
        RefusedError: there is no such run, or the person was erased.
    """
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
        user_no = find_living(connection, project.settings, who)
        person = dict(connection.execute(sa.select(users).where(users.c.user_no == user_no)).mappings().one())
        row = dict(connection.execute(_row(run_no, user_no)).mappings().one_or_none() or {})
        rules, note = _rules(connection, project, run, user_no)
        shown, shown_note = _shown(connection, project, run, row, person)
        happened = happenings(connection, run, person, row)
    has_email = row.get("message_id") is not None
    return PersonInRun(
        run_no=run_no,
        campaign=run["campaign"],
        user_id=person["user_id"],
        outcome=outcome(row) if row else "not in the audience",
        in_audience=bool(row),
        rules=rules,
        rules_note=note,
        variant=row.get("variant"),
        due_at=row["due_at"] if has_email else None,
        due_local=_local(row["due_at"], person["timezone"], project.settings.project.timezone)
        if has_email
        else None,
        send_before=row.get("send_before"),
        shown=shown,
        shown_note=shown_note,
        waits=_waits(row, run) if row else None,
        happened=happened,
    )


def _row(run_no: int, user_no: int) -> sa.Select[Any]:
    frozen = ledger_context.c
    mine = (frozen.run_no == ledger.c.run_no) & (frozen.user_no == ledger.c.user_no)
    query = sa.select(ledger, frozen.context, frozen.reserves).outerjoin(ledger_context, mine)
    return query.where(ledger.c.run_no == run_no, ledger.c.user_no == user_no)


def outcome(row: Mapping[str, Any]) -> str:
    """Where a ledger row stands, in words."""
    words = STATE_WORDS[S(row["state"])]
    reason = row["reason"]
    if reason is None:
        return words
    return f"{words}: {SKIP_WORDS.get(reason) or FAIL_WORDS.get(reason) or reason}"


def _rules(
    connection: sa.Connection, project: Project, run: Mapping[str, Any], user_no: int
) -> tuple[list[tuple[str, bool]], str]:
    as_of = f"{run['as_of']:%Y-%m-%d %H:%M} UTC"
    try:
        campaign = parse_frozen(run["campaign_yaml"], run["campaign"])
        segment = segment_of(connection, project, campaign, run["as_of"])
        rules = rules_met(connection, segment, user_no)
    except RecmailError as error:  # an attribute, a course or a cluster that it names is gone since
        return [], f"its rules cannot be asked any more: {error}"
    return rules, f"as of {as_of}, by what is known today"


# --- what the email shows -------------------------------------------------------------------------


def _shown(
    connection: sa.Connection,
    project: Project,
    run: Mapping[str, Any],
    row: Mapping[str, Any],
    person: Mapping[str, Any],
) -> tuple[list[ShownCourse], str | None]:
    if not row or not row["context"]:
        return [], None
    planned = [(slot, None) for slot in row["context"]["slots"]]
    campaign = in_variant(parse_frozen(run["campaign_yaml"], run["campaign"]), row["variant"])
    if S(row["state"]) not in _LEFT or not row["body_sha256"] or not planned:
        return _courses(run, campaign, planned), None
    from recmail.runs.message import RunWriter  # which takes a second to import, for premailer
    from recmail.runs.replaced import find_replaced

    claim = _claim(row, person)
    found = find_replaced(
        connection,
        project,
        RunWriter(project, run),
        claim,
        sha256=row["body_sha256"],
        at=row["intent_at"],
    )
    if found is None:
        note = (
            "as planned; whether a course gave way to a reserve cannot be told any more: the address, "
            "public_url or the version of recmail is another one than when it left"
        )
        return _courses(run, campaign, planned), note
    gave_way = {reserve[1]: slot for slot, reserve in found.instead}
    return _courses(run, campaign, [(slot, gave_way.get(slot[1])) for slot in found.slots]), None


def _claim(row: Mapping[str, Any], person: Mapping[str, Any]) -> Claim:
    return Claim(
        run_no=row["run_no"],
        user_no=row["user_no"],
        user_id=person["user_id"],
        email=person["email"],
        claim_id=row["claim_id"] or "",
        attempts=row["attempts"],
        message_id=row["message_id"],
        due_at=row["due_at"],
        variant=row["variant"],
        context=row["context"],
        reserves=row["reserves"] or [],
    )


def _courses(
    run: Mapping[str, Any], campaign: Campaign, slots: Sequence[tuple[list[Any], list[Any] | None]]
) -> list[ShownCourse]:
    ids, titles = run["courses"]["course_id"], run["courses"]["title"]
    return [
        ShownCourse(
            block=campaign.block_names[block],
            course_id=ids[course_no],
            title=titles[course_no],
            reason=reason,
            source=source,
            fallback=fallback,
            score=score,
            instead_of=titles[instead[1]] if instead else None,
        )
        for (block, course_no, reason, source, fallback, score, *_), instead in slots
    ]


# --- when -----------------------------------------------------------------------------------------


def _local(moment: datetime, *zones: str | None) -> str | None:
    """A time in the first of these zones that there is."""
    for zone in zones:
        try:
            return f"{moment.astimezone(ZoneInfo(zone or '')):%Y-%m-%d %H:%M} in {zone}"
        except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            continue
    return None


_HELD = {
    RunState.PLANNED: ", once the run is approved: recmail approve {run}",
    RunState.PAUSED: ", but the run is paused: recmail run resume {run}",
}


def _waits(row: Mapping[str, Any], run: Mapping[str, Any]) -> str | None:
    """What happens next to a row that is not at its end."""
    at, state = f"{row['next_at']:%Y-%m-%d %H:%M:%S} UTC", S(row["state"])
    if state == S.PLANNED:
        tries = "after 1 try " if row["attempts"] == 1 else f"after {row['attempts']} tries "
        held = _HELD.get(RunState(run["state"]), "").format(run=run["run_no"])
        return f"{tries if row['attempts'] else ''}due at {at}{held}"
    if state == S.CLAIMED:
        return f"a sender has it (claim {row['claim_id']}), until {at}; then it waits again"
    if state == S.SENDING:
        return f"it is on its way (claim {row['claim_id']}); without an answer by {at} it is unclear"
    return None
