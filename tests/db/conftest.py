"""People for the tests of consent: some share an address, one has none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import writing
from recmail.db.tables import users

DAY = timedelta(days=1)


@pytest.fixture
def people(database: sa.Engine, now: datetime) -> sa.Engine:
    """Ana (0), Ben (1), Cleo (2) who shares Ana's address, and Dora (3) without an address."""
    emails = ["ana@example.org", "ben@example.org", "ana@example.org", None]
    rows = [
        {
            "user_no": number,
            "user_id": f"u{number}",
            "email": email,
            "email_key": email,
            "email_hash": email and f"hash of {email}",
            "source": "test",
            "source_row_hash": "",
            "imported_at": now,
        }
        for number, email in enumerate(emails)
    ]
    with writing(database) as connection:
        connection.execute(users.insert(), rows)
    return database
