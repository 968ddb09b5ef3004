"""How many people of an audience get their email in which language."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import sqlalchemy as sa

from recmail.campaign import Campaign
from recmail.db.connect import reading
from recmail.db.tables import users
from recmail.render.languages import editions, spoken
from recmail.runs.funnel import segment_of
from recmail.runs.project import Project
from recmail.segment import whole_audience


def people_by_language(project: Project, campaign: Campaign, *, now: datetime) -> dict[str, int]:
    """Count the audience by the language of its emails, most people first; empty when there is only one.

    Raises:
        RenderError: the templates cannot be read.
    """
    offered = editions(project.templates(), campaign.template)
    if not offered:
        return {}
    default = project.settings.project.language
    with reading(project.engine) as connection:
        segment = segment_of(connection, project, campaign, now)
        counting = (
            sa.select(users.c.language, sa.func.count())
            .where(users.c.user_no.in_(whole_audience(connection, segment)))
            .group_by(users.c.language)
        )
        counts = Counter(dict.fromkeys((default, *offered), 0))
        for language, people in connection.execute(counting):
            counts[spoken(language, offered, default)] += people
    return dict(counts.most_common())
