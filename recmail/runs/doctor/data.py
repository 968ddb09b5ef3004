"""The data: who is there, how fresh it is, what was learned from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from recmail.db.connect import reading
from recmail.db.people import BRING_IT_BACK, OTHER_KEY, is_key_of_addresses
from recmail.errors import ModelError
from recmail.history.freshness import DataSurvey, survey
from recmail.recommend.models import NO_MODEL, Promoted, find_promoted
from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.subject import Subject
from recmail.runs.doctor.words import age
from recmail.runs.project import Project

_OLD_MODEL = timedelta(days=30)  # behind the newest interaction
_MANY_REJECTS = 0.05


def check_data(subject: Subject) -> Iterator[Finding]:
    """Say what there is and whether it is fresh, then the same of the model."""
    if subject.project is None:
        yield warning("people", "not looked at, because the database is not in order")
        return
    project = subject.project
    with reading(project.engine) as connection:
        found = survey(connection, subject.now)
        yield _people(found, project)
        if not is_key_of_addresses(connection, project.settings.address_key):
            yield wrong("key of addresses", OTHER_KEY, BRING_IT_BACK)
        yield _interactions(found, subject.now, project)
        yield from _sources(found, project)
        try:
            yield check_model(find_promoted(connection), found.newest_interaction, subject.now)
        except ModelError as error:
            is_missing = str(error) == NO_MODEL
            yield (warning if is_missing else wrong)("model", str(error).partition(";")[0], "recmail train")


def _people(found: DataSurvey, project: Project) -> Finding:
    if not found.people:
        return warning("people", "nobody is known yet", _bring_in(project, "users"))
    if not found.mailable:
        return warning("people", f"{found.people:,}, and none of them may be mailed", "see why: recmail data")
    return ok("people", f"{found.people:,}, of whom {found.mailable:,} may be mailed")


def _interactions(found: DataSurvey, now: datetime, project: Project) -> Finding:
    if found.strangers and not found.interactions:
        one = found.strangers[0]
        examples = f"events say {', '.join(one.theirs)}; users have {', '.join(one.ours) or 'none yet'}"
        text = f"there are none yet, and {one.waiting:,} of {one.source} wait: nobody has their user_id"
        return warning("interactions", f"{text} ({examples})", "recmail data")
    if found.newest_interaction is None:
        return warning("interactions", "there are none yet", _bring_in(project, "interactions"))
    return ok("interactions", f"{found.interactions:,}, the newest {age(now - found.newest_interaction)}")


def _bring_in(project: Project, kind: str) -> str:
    if project.settings.sources:
        return "recmail import"
    return f"[sources.{kind}] in recmail.toml, then: recmail import"


def _sources(found: DataSurvey, project: Project) -> Iterator[Finding]:
    old = [f"{one.kind} from {one.source}" for one in found.sources if one.state == "old"]
    if old:
        advice = "does its export still run? and does recmail import, every night? recmail data has the dates"
        yield warning("freshness", f"silent for longer than usual: {', '.join(old)}", advice)
    elif found.sources:
        yield ok("freshness", "no source is silent for longer than usual")
    for one in found.sources:
        what = f"{one.kind} from {one.source}"
        rows, rejected = one.counts.get("rows", 0), one.counts.get("rejected", 0)
        if one.state == "unfinished":
            advice = "run the same import again: it goes on"
            yield warning("imports", f"{what}: the last import stopped half-way", advice)
        elif rows and rejected / rows > _MANY_REJECTS:
            yield warning("imports", f"{what}: {rejected:,} of {rows:,} rows were rejected", "recmail data")
    known = {one.source for one in found.sources}
    for name in project.settings.sources:
        if name not in known:
            yield warning("imports", f"[sources.{name}] was never imported", f"recmail import {name}")


def check_model(model: Promoted, newest: datetime | None, now: datetime) -> Finding:
    """Say what the model learned from, and whether the data has gone on without it."""
    counts = model.counts
    found = (
        f"{model.scorer}, trained {age(now - model.trained_at)} on {counts.get('pairs', 0):,} pairs of "
        f"{counts.get('users', 0):,} people and {counts.get('courses', 0):,} courses"
    )
    behind = newest - model.trained_at if newest else timedelta()
    if behind > _OLD_MODEL:
        return warning("model", f"{found}; the data has gone on for {behind.days} days", "recmail train")
    return ok("model", found)
