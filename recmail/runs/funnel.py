"""How many people each rule of a campaign leaves, and who of them may be written to, before it is planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from recmail.campaign import Campaign
from recmail.campaign.dealing import is_held_out
from recmail.db.account import Account, expected
from recmail.db.connect import reading
from recmail.db.courses import read_courses
from recmail.db.eligibility import Eligibility, count_skip_reasons, mailable_ids
from recmail.db.people import count_people
from recmail.records import MessageState
from recmail.runs.project import Project
from recmail.segment import (
    Common,
    Courses,
    Segment,
    compile_segment,
    count_rules,
    values_instead,
    whole_audience,
)
from recmail.segment.variants import apportioned


@dataclass(frozen=True)
class Step:
    """People left after one rule."""

    rule: str
    people: int


@dataclass(frozen=True)
class Emptied:
    """A rule that leaves nobody, and the most common values that those before it have instead."""

    rule: str
    instead: Sequence[Common]


def read_funnel(project: Project, campaign: Campaign, *, now: datetime) -> list[Step]:
    """Count the audience of a campaign rule by rule, everybody in the database first."""
    with reading(project.engine) as connection:
        return _steps(connection, segment_of(connection, project, campaign, now))


def expect(
    project: Project, campaign: Campaign, *, now: datetime, due: datetime | None = None
) -> tuple[list[Step], Account]:
    """Count the audience, and who of it would get no email and why, as a plan made now would say.

    Args:
        due: when the last email would be due; None: now.

    Nothing is scored: whoever would have too few courses to show still waits in this account.
    """
    cap = project.settings.limits.emails_per_person.cap
    with reading(project.engine) as connection:
        segment = segment_of(connection, project, campaign, now)
        steps, audience = _steps(connection, segment), whole_audience(connection, segment)
        rules = Eligibility(segment.where, campaign.topic, now, cap=cap, due=due, priority=campaign.priority)
        counts = count_skip_reasons(connection, audience, rules)
        if campaign.audience.control_group:
            some = mailable_ids(connection, audience, rules)
            held_out = sum(int(is_held_out(np.array(ids, dtype=object), campaign).sum()) for ids in some)
            counts |= {MessageState.HELD_OUT.value: held_out, None: counts.get(None, 0) - held_out}
    variants = dict[str, int]()
    if campaign.variants:
        people = apportioned(counts.get(None, 0), [variant.share for variant in campaign.variants])
        variants = dict(zip((one.name for one in campaign.variants), people.tolist(), strict=True))
    return steps, expected(counts, people=steps[-1].people, variants=variants)


def read_emptied(project: Project, campaign: Campaign, *, now: datetime) -> tuple[list[Step], Emptied | None]:
    """Count the audience rule by rule, and look closer at a rule that leaves nobody."""
    with reading(project.engine) as connection:
        segment = segment_of(connection, project, campaign, now)
        everybody, *steps = funnel = _steps(connection, segment)
        number = next((number for number, step in enumerate(steps) if not step.people), None)
        if number is None or not everybody.people:
            return funnel, None
        return funnel, Emptied(steps[number].rule, values_instead(connection, segment, number))


def over_at_most(campaign: Campaign, people: int) -> str | None:
    """Why an audience of so many people is not planned; None when it is not larger than `at_most`."""
    at_most = campaign.audience.at_most
    if at_most is None or people <= at_most:
        return None
    return (
        f"the audience is {people:,} people, and the campaign says at_most: {at_most:,}; "
        "raise it, or address fewer people in who"
    )


def segment_of(connection: sa.Connection, project: Project, campaign: Campaign, now: datetime) -> Segment:
    """Compile whom a campaign addresses, as of now."""
    courses = Courses.of_columns(read_courses(connection))
    who, attributes = campaign.audience.who, project.settings.attributes
    return compile_segment(who, now, attributes=attributes, courses=courses)


def _steps(connection: sa.Connection, segment: Segment) -> list[Step]:
    counts = [("everybody known", count_people(connection)), *count_rules(connection, segment)]
    return [Step(rule, people) for rule, people in counts]
