"""Previews: a campaign as real people would get it now, in a folder to look through, or as one test email."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.people import find_user
from recmail.db.samples import people_who_matter
from recmail.db.tables import users
from recmail.errors import RefusedError, RenderError
from recmail.pipeline import Composed, Facts, compose, exposure_of
from recmail.records import SKIP_WORDS
from recmail.render.contact_sheet import Sample, contact_sheet
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.message import RunWriter, links_for
from recmail.runs.project import Project
from recmail.segment import whole_audience

PEOPLE = 10
# The allocation asks everybody; a preview is looked at every minute, and so leaves it out and says so.
LIMITS = "exposure is left out here: plan settles it over the whole audience"


@dataclass(frozen=True)
class Preview:
    """Where a preview was written, who is on it, and what it cannot know (None: nothing)."""

    page: Path
    samples: Sequence[Sample]
    note: str | None = None


def preview(
    project: Project, name: str, *, now: datetime, out: Path, user_ids: Sequence[str] = ()
) -> Preview:
    """Write the emails of ten people who matter, or of those named, and a contact sheet into a folder."""
    campaign = project.campaign(name)
    with reading(project.engine) as connection:
        facts = read_facts(connection, project, campaign, now)
        writer = RunWriter(project, draft_run(project, facts))
        chosen = choose_people(connection, facts, user_ids, at_most=PEOPLE)
        samples = [_sample(connection, project, writer, facts, why, user_no) for why, user_no in chosen]
    if not samples:
        raise RefusedError(
            f"nobody is in the audience of {name}; count it with: recmail plan {name} --dry-run"
        )
    out.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        if sample.email:
            (out / f"{sample.file}.html").write_text(sample.email.html, "utf-8")
            (out / f"{sample.file}.txt").write_text(sample.email.text, "utf-8")
    page = out / "index.html"
    sender = project.settings.project.name
    note = LIMITS if exposure_of(campaign) else None
    made = f"{now:%-d %B %Y, %H:%M} UTC" + (f" · {note}" if note else "")
    page.write_text(contact_sheet(samples, campaign=name, sender=sender, made=made), "utf-8")
    return Preview(page, samples, note)


def choose_people(
    connection: sa.Connection, facts: Facts, user_ids: Sequence[str], *, at_most: int
) -> list[tuple[str, int]]:
    """Choose whom to look at: those asked for, else people of the audience who matter; (why, user_no)."""
    if user_ids:
        return [("asked for", find_user(connection, user_id)) for user_id in user_ids]
    audience = whole_audience(connection, facts.segment)
    topic = facts.campaign.topic
    return people_who_matter(connection, audience, topic=topic, now=facts.now, at_most=at_most)


def _sample(
    connection: sa.Connection, project: Project, writer: RunWriter, facts: Facts, why: str, user_no: int
) -> Sample:
    row = connection.execute(sa.select(users).where(users.c.user_no == user_no)).mappings().one()
    composed = next(iter(compose(connection, facts, user_no, user_no + 1)), None)
    email, shown, verdict = None, list[tuple[str, str | None]](), _verdict(composed)
    if composed is not None and composed.context is not None:
        links = links_for(project, 0, user_no)
        context = writer.context(composed.context, links)
        try:
            writer.verify(context, user_id=row["user_id"])
            email = writer.render(context, user_id=row["user_id"])
        except RenderError as error:  # theirs alone; the others are to be looked at too
            verdict = f"would fail: {error}"
        shown = [(course["title"], course["reason"]) for course in context["courses"]]
    return Sample(
        user_id=row["user_id"],
        name=" ".join(part for part in (row["first_name"], row["last_name"]) if part),
        why=why,
        sent=email is not None,
        verdict=verdict,
        email=email,
        shown=shown,
    )


def _verdict(composed: Composed | None) -> str:
    if composed is None:
        return "would not be sent: not in the audience"
    if composed.reason is None:
        return "would be sent"
    return f"would not be sent: {SKIP_WORDS[composed.reason]}"
