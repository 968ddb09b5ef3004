"""What a run is made of before anybody is planned: campaign, catalogue, model, settings, templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail import __version__
from recmail.campaign import Campaign
from recmail.campaign.calendar import Occurrence
from recmail.campaign.due import Due
from recmail.history.frozen import freeze_catalogue
from recmail.history.reading import read_catalogue
from recmail.pipeline import Facts
from recmail.recommend.models import load_promoted
from recmail.runs.project import Project
from recmail.runs.seal import fingerprint
from recmail.segment import Courses, compile_segment
from recmail.settings.values import domain_of, format_duration


def read_facts(
    connection: sa.Connection,
    project: Project,
    campaign: Campaign,
    now: datetime,
    *,
    occurrence: Occurrence | None = None,
) -> Facts:
    """Read what planning and previewing a campaign both need.

    Args:
        now: as of when people, histories and courses are judged.
        occurrence: of the campaign's schedule, at which it goes out; None: now.

    Raises:
        ModelError: a block needs a model and none is trained.
    """
    needs_model = any(block.needs_model for block in campaign.blocks)
    version, scorers = load_promoted(connection) if needs_model else (None, {})
    catalogue = read_catalogue(connection, now)
    attributes = project.settings.attributes
    return Facts(
        campaign=campaign,
        segment=compile_segment(
            campaign.audience.who, now, attributes=attributes, courses=Courses.of_frame(catalogue.frame)
        ),
        catalogue=catalogue,
        scorers=scorers,
        model_version=version,
        grades=project.settings.model.grades,
        half_life=project.settings.model.half_life,
        cap=project.settings.limits.emails_per_person,
        language=project.settings.project.language,
        now=now,
        due=due_of(campaign, occurrence, now, project.settings.project.timezone),
        domain=domain_of(campaign.from_ or project.settings.sender.from_),
    )


def due_of(campaign: Campaign, occurrence: Occurrence | None, now: datetime, project_zone: str) -> Due:
    """Return when the emails of a campaign are due at an occurrence of its schedule; None: now."""
    if occurrence is None or campaign.schedule is None:
        return Due.at_once(now, project_zone)
    return Due.of(occurrence, campaign.schedule, project_zone)


def draft_run(project: Project, facts: Facts) -> dict[str, Any]:
    """The columns of a run's row, everything frozen that is not about one person."""
    settings, campaign = project.settings, facts.campaign
    at_once = Due.at_once(facts.now, settings.project.timezone)
    printed = {
        **settings.printed(),
        "from": campaign.from_ or settings.sender.from_,
        "reply_to": campaign.reply_to,
    }
    return {
        "campaign": campaign.name,
        "due_instant": facts.due.first,
        "as_of": facts.now,
        "campaign_yaml": campaign.text,
        "template_bundle": project.templates().to_json(),
        "settings": {
            "printed": printed,
            "grades": dict(facts.grades),
            "half_life": format_duration(facts.half_life),
            "emails_per_person": str(facts.cap),
            "attributes": dict(settings.attributes),
            **({} if facts.due == at_once else {"due": facts.due.to_json()}),
        },
        "courses": freeze_catalogue(facts.catalogue),
        "model_version": facts.model_version,
        "settings_hash": fingerprint(printed),
        "seed": int(fingerprint([campaign.name, facts.due.first.isoformat()])[:15], 16),
        "recmail_version": __version__,
    }
