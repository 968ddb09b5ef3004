"""How many people each rule of a campaign leaves, counted before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recmail.campaign import Campaign
from recmail.db.connect import reading
from recmail.db.courses import read_courses
from recmail.db.people import count_people
from recmail.runs.project import Project
from recmail.segment import Courses, compile_segment, count_rules


@dataclass(frozen=True)
class Step:
    """People left after one rule."""

    rule: str
    people: int


def read_funnel(project: Project, campaign: Campaign, *, now: datetime) -> list[Step]:
    """Count the audience of a campaign rule by rule, everybody in the database first."""
    with reading(project.engine) as connection:
        segment = compile_segment(
            campaign.audience.who,
            now,
            attributes=project.settings.attributes,
            courses=Courses.of_columns(read_courses(connection)),
        )
        steps = [("everybody known", count_people(connection)), *count_rules(connection, segment)]
    return [Step(rule, people) for rule, people in steps]
