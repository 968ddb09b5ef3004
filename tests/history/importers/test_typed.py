"""A value with a type becomes the text that a CSV file would hold, and the same from anywhere."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.db.types import EPOCH
from recmail.history.importers.typed import text, texts
from recmail.history.importing_checks import Checks, numbers, times

BERLIN = timezone(timedelta(hours=2))
AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
RANGE = (datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2200-01-01"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("a;b", "a;b"),
        (True, "true"),
        (7, "7"),
        (7.0, "7"),
        (-0.25, "-0.25"),
        (float("nan"), ""),
        (1e300, "1e+300"),
        (Decimal("49.50"), "49.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), ""),
        (datetime(2026, 10, 1, 12, 0, 0, 250_000, BERLIN), "2026-10-01T10:00:00.250000+00:00"),
        (AT.replace(tzinfo=None), "2026-10-01T12:00:00"),
        (date(2026, 10, 1), "2026-10-01"),
        (timedelta(minutes=1, milliseconds=500), "60.5"),
        (["sql", "a;b", None, 3], "sql;a,b;;3"),
        ({"a": ["ü", date(2026, 1, 1)]}, '{"a": ["ü", "2026-01-01"]}'),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\xc3\xbc", "ü"),
        (memoryview(b"\xff"), "ff"),
    ],
)
def test_each_type_has_its_text(value: object, expected: str) -> None:
    assert text(value) == expected
    assert texts([value, None, value]) == [expected, "", expected]
    assert texts([value, "x"]) == [expected, "x"]


def checks(count: int) -> Checks:
    return Checks(range(count))  # type: ignore[arg-type]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64)))
def test_no_number_loses_precision(values: list[float]) -> None:
    assert numbers("x", texts(values), checks(len(values))).tolist() == values


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # it reads files of time zones
@given(st.lists(st.datetimes(*RANGE, timezones=st.timezones())))
def test_no_time_loses_precision(values: list[datetime]) -> None:
    found = times("x", texts(values), checks(len(values))).tolist()
    assert found == [(value - EPOCH) // timedelta(microseconds=1) for value in values]


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=4)))
def test_decimals_are_written_out(values: list[Decimal]) -> None:
    written = texts(values)
    assert [Decimal(one) for one in written] == values
    assert all(re.fullmatch(r"-?\d+\.\d{4}", one) for one in written)
