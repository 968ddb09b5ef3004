"""One request of a provider: checked, written down, and what follows, in one go."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
import sqlalchemy as sa

from recmail.deliver.esp import Provider, Webhook
from recmail.errors import DataError, RefusedError
from recmail.feedback.receiving import receive
from recmail.feedback.recording import Counts
from tests.feedback.postcards import Postcards
from tests.feedback.sent import KEY, address, people, sent_run, state, suppressed

PROVIDER = Provider("cards", Postcards())


def request(*cards: dict[str, str], word: str = "please") -> Webhook:
    return Webhook({"x-word": word}, json.dumps({"postcards": cards}).encode())


def card(number: int, what: str, now: datetime, **more: str) -> dict[str, str]:
    return {"id": f"{number}-{what}", "what": what, "when": now.isoformat(), "card": f"1-{number}"} | more


def test_a_request_is_written_down_once(database: sa.Engine, now: datetime) -> None:
    people(database, now, 3)
    sent_run(database, 1, now, people=range(3))
    said = request(
        card(0, "arrived", now),
        card(1, "came back", now, why="moved away"),
        card(2, "torn up", now, to=address(2).upper()),
        card(9, "arrived", now),
    )
    assert receive(database, PROVIDER, said, key=KEY, now=now) == Counts(new=4, stray=1, suppressed=2)
    assert suppressed(database) == {1: "hard_bounce", 2: "complaint"}
    assert receive(database, PROVIDER, said, key=KEY, now=now) == Counts(known=4)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_not_the_provider_s_or_no_event_changes_nothing(database: sa.Engine, now: datetime) -> None:
    people(database, now, 1)
    before = state(database)
    with pytest.raises(RefusedError, match="not the word"):
        receive(database, PROVIDER, request(card(0, "arrived", now), word="now"), key=KEY, now=now)
    with pytest.raises(DataError, match="no postcards"):
        receive(database, PROVIDER, request(card(0, "lost", now)), key=KEY, now=now)
    assert receive(database, PROVIDER, request(), key=KEY, now=now) == Counts()
    assert state(database) == before
