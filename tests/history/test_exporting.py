"""Each account that may not be mailed is exported once per topic, as long as its newest word is a no."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, Suppression, record_consent, suppress, unsubscribe
from recmail.db.tables import users
from recmail.history.exporting import suppressed_strangers, unsubscribes
from recmail.tokens import email_hash
from tests.history.imported import KEY, NOW, Import

DAY = timedelta(days=1)
USERS = "user_id,email,email_consent,email_consent_at\n" + "".join(
    f"{name},{name}@example.org,yes,2026-01-01\n" for name in ("ana", "ben", "cleo", "dan")
)


@pytest.fixture
def four(database: sa.Engine, bring: Import) -> sa.Engine:
    """Ana, Ben, Cleo and Dan, who said yes in January."""
    bring("users", USERS)
    return database


def say(engine: sa.Engine, *rows: Consent) -> None:
    with writing(engine) as connection:
        record_consent(connection, rows)


def no(user_no: int, at: datetime, topic: str = "", channel: str = "page", *, yes: bool = False) -> Consent:
    return Consent(user_no, "email", yes, at, channel, topic=topic)


def exported(engine: sa.Engine, since: datetime | None = None) -> list[tuple[str, str, datetime, str, str]]:
    with reading(engine) as connection:
        rows = list(unsubscribes(connection, NOW, since=since))
    assert all(row.email == f"{row.user_id}@example.org" for row in rows)
    return [(row.user_id, row.topic, row.at, row.channel, row.reason) for row in rows]


def test_every_channel_is_told_by_time_then_name_then_topic(four: sa.Engine) -> None:
    say(four, no(3, NOW - DAY, channel="one_click"), no(2, NOW - DAY, channel="api"))
    say(four, no(0, NOW - 3 * DAY), no(2, NOW - DAY, "tips"))
    say(four, Consent(1, "personalization", False, NOW, "page"))
    assert exported(four) == [
        ("ana", "", NOW - 3 * DAY, "page", "opted_out"),
        ("cleo", "", NOW - DAY, "api", "opted_out"),
        ("cleo", "tips", NOW - DAY, "page", "opted_out"),
        ("dan", "", NOW - DAY, "one_click", "opted_out"),
    ]
    assert [row[0] for row in exported(four, NOW - DAY)] == ["cleo", "cleo", "dan"]
    assert exported(four, NOW) == []


def test_only_the_newest_no_of_a_topic_is_told(four: sa.Engine) -> None:
    say(four, no(0, NOW - 3 * DAY), no(0, NOW - 2 * DAY, channel="console"), no(0, NOW - 2 * DAY))
    assert [row[1:3] for row in exported(four)] == [("", NOW - 2 * DAY)]


def test_whoever_said_yes_again_is_left_out(four: sa.Engine) -> None:
    say(four, no(0, NOW - 3 * DAY), no(0, NOW - DAY, yes=True))
    say(four, no(1, NOW - 3 * DAY), no(1, NOW - 3 * DAY, yes=True))  # a tie is a no
    say(four, no(2, NOW - 3 * DAY), no(2, NOW + DAY, yes=True))  # not yet
    say(four, no(3, NOW - 3 * DAY, "tips"), no(3, NOW - DAY, yes=True))  # to everything else
    assert [row[:2] for row in exported(four)] == [("ben", ""), ("cleo", ""), ("dan", "tips")]


def test_suppressed_addresses_are_told_with_their_reason(four: sa.Engine, bring: Import) -> None:
    bring(
        "suppressions",
        "email,reason,at\nana@example.org,complaint,2026-10-01\nben@example.org,,2026-10-02\n"
        "stranger@example.org,manual,\n",
        source="mailer",
    )
    with writing(four) as connection:
        suppress(connection, [Suppression(email_hash(KEY, "dan@example.org"), "hard_bounce", NOW, "run 1")])
    assert [(user, channel, reason) for user, _, _, channel, reason in exported(four)] == [
        ("ana", "import", "complaint"),
        ("ben", "import", "opted_out"),
        ("dan", "delivery", "hard_bounce"),
    ]
    with reading(four) as connection:
        assert suppressed_strangers(connection) == 1
    say(four, no(1, NOW - DAY, yes=True))
    assert [row[0] for row in exported(four)] == ["ana", "dan"]


def test_the_later_of_an_opt_out_and_a_bounce_is_told(four: sa.Engine, bring: Import) -> None:
    say(four, no(0, NOW - 3 * DAY), no(1, NOW - 3 * DAY))
    bring(
        "suppressions",
        "email,reason,at\nana@example.org,hard_bounce,2026-11-01\nben@example.org,hard_bounce,2026-01-01\n",
    )
    assert [(row[0], row[4]) for row in exported(four)] == [("ben", "opted_out"), ("ana", "hard_bounce")]


def test_every_account_with_the_address_is_told_and_nobody_who_was_erased(
    four: sa.Engine, bring: Import
) -> None:
    bring("users", "user_id,email,email_consent\neve,ANA@example.org,yes\n")
    with writing(four) as connection:
        unsubscribe(connection, 0, topic="", at=NOW, channel="page")
        connection.execute(users.update().where(users.c.user_id == "eve").values(email="eve@example.org"))
    assert [row[0] for row in exported(four)] == ["ana", "eve"]
    with writing(four) as connection:
        connection.execute(users.update().where(users.c.user_id == "ana").values(erased_at=NOW))
    assert [row[0] for row in exported(four)] == ["eve"]
