"""What a run is made of before anybody is planned: campaign, catalogue, model, settings, templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from recmail import __version__
from recmail.campaign import Campaign
from recmail.history.frozen import freeze_catalogue
from recmail.history.reading import read_catalogue
from recmail.pipeline import Facts
from recmail.recommend.models import load_promoted
from recmail.runs.project import Project
from recmail.runs.seal import fingerprint
from recmail.segment import Courses, compile_segment
from recmail.settings.values import domain_of, format_duration


def read_facts(connection: sa.Connection, project: Project, campaign: Campaign, now: datetime) -> Facts:
    """Read what planning and previewing a campaign both need.

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
        domain=domain_of(campaign.from_ or project.settings.sender.from_),
    )


def draft_run(project: Project, facts: Facts) -> dict[str, Any]:
    """The columns of a run's row, everything frozen that is not about one person."""
    settings, campaign = project.settings, facts.campaign
    printed = {
        **settings.printed(),
        "from": campaign.from_ or settings.sender.from_,
        "reply_to": campaign.reply_to,
    }
    return {
        "campaign": campaign.name,
        "due_instant": facts.now,
        "campaign_yaml": campaign.text,
        "priority": campaign.priority,
        "template_bundle": project.templates().to_json(),
        "settings": {
            "printed": printed,
            "grades": dict(facts.grades),
            "half_life": format_duration(facts.half_life),
            "emails_per_person": str(facts.cap),
            "attributes": dict(settings.attributes),
        },
        "courses": freeze_catalogue(facts.catalogue),
        "model_version": facts.model_version,
        "settings_hash": fingerprint(printed),
        "seed": int(fingerprint([campaign.name, facts.now.isoformat()])[:15], 16),
        "recmail_version": __version__,
    }
