"""The demo of three seeds, made once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recmail.history.demo import DemoData, demo


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session", params=[1, 2, 3])
def data(request: pytest.FixtureRequest, now: datetime) -> DemoData:
    return demo(now, request.param)
