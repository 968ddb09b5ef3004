"""Previews: a campaign as real people would get it next, in a folder to look through, or as one test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.campaign import Campaign
from recmail.db.connect import reading
from recmail.db.people import count_people
from recmail.db.samples import join_reasons, people_who_matter, speakers
from recmail.db.tables import users
from recmail.errors import DataError, RefusedError, RenderError, did_you_mean
from recmail.feedback.traces import find_living
from recmail.pipeline import Composed, Facts, compose_people, exposure_of
from recmail.render.contact_sheet import Rule, Sample, Shown, contact_sheet, with_files
from recmail.render.email import Email
from recmail.render.languages import spoken
from recmail.render.lint import Finding, MessageLint
from recmail.runs.extremes import LOOKED_AT, find_extremes
from recmail.runs.facts import draft_run, read_facts
from recmail.runs.linter import message_lint
from recmail.runs.message import Links, Writer, Writers, image_base
from recmail.runs.occurrences import next_occurrence, written_for
from recmail.runs.project import Project
from recmail.runs.verdict import rules_of, verdict_of
from recmail.segment import whole_audience
from recmail.segment.variants import Allotment
from recmail.settings import Settings

PEOPLE = 40  # there are half as many kinds of people: this only limits templates in very many languages
# The allocation asks everybody; a preview is looked at every minute, and so leaves it out and says so.
LIMITS = "exposure is left out here: plan settles it over the whole audience"
# The files are passed round, and must unsubscribe nobody; .invalid never resolves (RFC 2606).
_INERT = "https://test-link.invalid/"


@dataclass(frozen=True)
class Preview:
    """Where a preview was written, who is on it, and what it cannot know.

    Attributes:
        looked_at: how many people were composed to find the ends of what is sent; 0 where people were named.
        notes: sentences; none when there is nothing to say.
    """

    page: Path
    samples: Sequence[Sample]
    looked_at: int = 0
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """The preview with stable keys, for --json."""
        return {
            "page": self.page,
            "people": [one.to_dict() for one in self.samples],
            "looked_at": self.looked_at,
            "note": "; ".join(self.notes) or None,
        }


def preview(
    project: Project,
    name: str,
    *,
    now: datetime,
    out: Path,
    user_ids: Sequence[str] = (),
    variant: str | None = None,
) -> Preview:
    """Write the emails of people who matter, or of those named, and a contact sheet into a folder.

    They are as a plan made now would have them: for the next time of the schedule, if there is one.

    Args:
        variant: in which all are shown; otherwise those named in each, and the others in their own.

    Raises:
        DataError: people who were named are not there, all of them.
        RefusedError: nobody is in the audience, or there is no such variant.
    """
    campaign = project.campaign(name)
    check_variant(campaign, variant)
    with reading(project.engine) as connection:
        named = _named(connection, project.settings, user_ids)
        when = next_occurrence(project, campaign, now=now)
        facts = in_one_variant(read_facts(connection, project, campaign, now, occurrence=when), variant)
        writers = Writers(draft_run(project, facts))
        lint = message_lint(writers)
        chosen, looked_at = (named, 0) if named else _who_matter(connection, project, writers, facts)
        each = [facts] if variant or not named else _in_each_variant(facts)
        found = [one for some in each for one in _samples(connection, project, writers, lint, some, chosen)]
        once = {(one.user_id, one.variant): one for one in found}  # without an email there is no variant
        samples = sorted(with_files(once.values()), key=lambda sample: not sample.sent)
        notes = _notes(facts, looked_at)
        known = 1 if samples else count_people(connection)
    if not samples:
        advice = (
            f"count it rule by rule with: recmail plan {name} --dry-run"
            if known
            else "there are no people yet; bring them in with: recmail import"
        )
        raise RefusedError(f"nobody is in the audience of {name}; {advice}")
    _write_emails(samples, out)
    page = out / "index.html"
    sender, made = project.settings.project.name, f"{now:%-d %B %Y, %H:%M} UTC"
    page.write_text(contact_sheet(samples, campaign=name, sender=sender, made=made, notes=notes), "utf-8")
    return Preview(page, samples, looked_at, notes)


def _write_emails(samples: Sequence[Sample], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        if sample.email:
            (out / f"{sample.file}.html").write_text(sample.email.html, "utf-8")
            (out / f"{sample.file}.txt").write_text(sample.email.text, "utf-8")


def check_variant(campaign: Campaign, name: str | None) -> None:
    """Check that a campaign has a variant of this name; None is always good.

    Raises:
        RefusedError: it has not.
    """
    names = [variant.name for variant in campaign.variants]
    if name is not None and name not in names:
        hint = did_you_mean(name, names) or f"; there are: {', '.join(names) or 'none'}"
        raise RefusedError(f"{campaign.name} has no variant {name!r}{hint}")


def in_one_variant(facts: Facts, name: str | None) -> Facts:
    """Return the facts with everybody in one variant; None leaves everybody theirs."""
    return facts if name is None else replace(facts, allotment=Allotment.all_to(name))


def _in_each_variant(facts: Facts) -> list[Facts]:
    names = [variant.name for variant in facts.campaign.variants]
    return [in_one_variant(facts, name) for name in names] or [facts]


def choose_people(
    connection: sa.Connection, settings: Settings, facts: Facts, user_ids: Sequence[str], *, at_most: int
) -> list[tuple[str, int]]:
    """Choose whom to look at: those asked for, else people of the audience who matter; (why, user_no)."""
    if user_ids:
        return _named(connection, settings, user_ids)
    audience = whole_audience(connection, facts.segment)
    topic = facts.campaign.topic
    return people_who_matter(connection, audience, topic=topic, now=facts.now, at_most=at_most)


def _named(connection: sa.Connection, settings: Settings, user_ids: Sequence[str]) -> list[tuple[str, int]]:
    """Find those asked for, each once.

    Raises:
        DataError: every one who is not there, or was erased.
    """
    found, errors = dict[int, str](), list[str]()
    for user_id in user_ids:
        try:
            found.setdefault(find_living(connection, settings, user_id), "asked for")
        except (DataError, RefusedError) as error:
            errors.append(str(error))
    if errors:
        raise DataError("\n".join(dict.fromkeys(errors)))
    return [(why, user_no) for user_no, why in found.items()]


def _who_matter(
    connection: sa.Connection, project: Project, writers: Writers, facts: Facts
) -> tuple[list[tuple[str, int]], int]:
    """Find people by what is known of them, by their language, and by what their message shows."""
    audience = whole_audience(connection, facts.segment)
    known = choose_people(connection, project.settings, facts, (), at_most=PEOPLE)
    if not known:
        return [], 0
    extremes = find_extremes(connection, project, writers, facts, audience=audience)
    found = [*known, *_readers(connection, writers, facts, audience), *extremes.found]
    return join_reasons(found, at_most=PEOPLE), extremes.looked_at


def _readers(
    connection: sa.Connection, writers: Writers, facts: Facts, audience: sa.Select[tuple[int]]
) -> list[tuple[str, int]]:
    """Somebody for each language that the templates speak besides the project's."""
    default, offered = facts.language, writers.languages
    others = sorted(set(offered) - {default})
    if not others:
        return []
    people = speakers(connection, audience, topic=facts.campaign.topic, now=facts.now)
    first = dict[str, int]()
    for language, user_no in people.items():
        tag = spoken(language, offered, default)
        first[tag] = min(user_no, first.get(tag, user_no))
    return [(f"gets the email in {tag!r}", first[tag]) for tag in others if tag in first]


def _notes(facts: Facts, looked_at: int) -> list[str]:
    notes = [*filter(None, [written_for(facts.due, facts.now)])]
    if looked_at == LOOKED_AT:
        notes.append(
            f"what messages show (the largest, titles, images, fallbacks, scores) is of {looked_at:,} people "
            "looked at, the same each time; all else is of the whole audience"
        )
    if looked_at and facts.allotment and len(facts.allotment.names) > 1:
        notes.append(
            "each person is shown in one variant here; plan counts everybody, and may give them another one"
        )
    if exposure_of(facts.campaign):
        notes.append(LIMITS)
    return notes


def _samples(
    connection: sa.Connection,
    project: Project,
    writers: Writers,
    lint: MessageLint,
    facts: Facts,
    chosen: Sequence[tuple[str, int]],
) -> list[Sample]:
    """What becomes of each of them."""
    found = compose_people(connection, facts, [user_no for _, user_no in chosen])
    composed = {one.user_no: one for one in found}
    return [
        _sample(connection, project, writers, lint, facts, why, user_no, composed.get(user_no))
        for why, user_no in chosen
    ]


def _sample(
    connection: sa.Connection,
    project: Project,
    writers: Writers,
    lint: MessageLint,
    facts: Facts,
    why: str,
    user_no: int,
    composed: Composed | None,
) -> Sample:
    row = connection.execute(sa.select(users).where(users.c.user_no == user_no)).mappings().one()
    email, verdict, findings = None, verdict_of(composed), list[Finding]()
    rules, shown = rules_of(connection, facts, user_no, composed), list[Shown]()
    if composed is not None and composed.context is not None:
        writer = writers.of(composed.variant)
        context = writer.context(composed.context, Links(_INERT, _INERT, image_base(project)))
        shown = _courses(context, composed)
        try:
            email = _written(writer, context, row["user_id"])
            findings = lint.findings(email, context)
        except RenderError as error:  # theirs alone; the others are to be looked at too
            verdict = f"would fail: {error}"
            rules.append(Rule(False, "its message cannot be written"))
    return Sample(
        user_id=row["user_id"],
        name=" ".join(part for part in (row["first_name"], row["last_name"]) if part),
        why=why,
        sent=email is not None,
        verdict=verdict,
        email=email,
        shown=shown,
        rules=rules,
        findings=findings,
        variant=composed.variant if composed else None,
    )


def _written(writer: Writer, context: dict[str, Any], user_id: str) -> Email:
    writer.verify(context, user_id=user_id)
    return writer.render(context, user_id=user_id)


def _courses(context: dict[str, Any], composed: Composed) -> list[Shown]:
    """The courses in the order of the email, each with what offered it; both lists go by block and place."""
    shown = []
    for course, slot in zip(context["courses"], (composed.context or {})["slots"], strict=True):
        _, _, reason, source, fallback, *_ = slot
        offered = f"{course['block']}, from {source}" if fallback else course["block"]
        shown.append(Shown(course["title"], offered, reason))
    return shown
