"""What consent tests share: to say something for somebody, and to ask what follows from it."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import (
    Consent,
    consent_reason,
    record_consent,
)
from recmail.db.tables import users

DAY = timedelta(days=1)


def say(engine: sa.Engine, at: datetime, *words: str) -> None:
    """Record words such as "0 yes", "0 no tips", "1 yes page"; a topic is the one that is not a channel."""
    rows = []
    for word in words:
        user_no, answer, *rest = word.split()
        channel = next((part for part in rest if part in ("page", "import")), "page")
        topic = next((part for part in rest if part not in ("page", "import")), "")
        rows.append(Consent(int(user_no), "email", answer == "yes", at, channel, topic=topic))
    with writing(engine) as connection:
        record_consent(connection, rows)


def reasons(engine: sa.Engine, at: datetime, topic: str = "tips") -> list[str | None]:
    reason = consent_reason(users.c.user_no, users.c.email_hash, topic, at)
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(reason).select_from(users).order_by(users.c.user_no)))


def reason_of(engine: sa.Engine, at: datetime, user_no: int = 0, topic: str = "tips") -> str | None:
    return reasons(engine, at, topic)[user_no]
