"""How many rows a transaction of an import has: as many as fit, and no more than new rows would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recmail.history.importing_pace import Pace


def test_transactions_grow_by_what_they_write() -> None:
    pace = Pace()
    sizes = []
    for _ in range(5):
        pace.took(pace.rows, 0.01, written=pace.rows)
        sizes.append(pace.rows)
    assert sizes == [4_000, 8_000, 16_000, 20_000, 20_000]
    pace.took(20_000, 60.0, written=20_000)
    assert pace.rows == 50


def test_rows_that_are_known_are_no_reason_to_grow() -> None:
    pace = Pace()
    for _ in range(5):
        pace.took(pace.rows, 0.001, written=10)
    assert pace.rows == 2_000


def test_transactions_shrink_at_once_and_grow_back_even_by_known_rows() -> None:
    pace = Pace()
    pace.took(2_000, 1.0, written=0)
    assert pace.rows == 240
    for _ in range(5):
        pace.took(pace.rows, 0.001, written=0)
    assert pace.rows == 2_000


@given(st.integers(0, 30_000), st.integers(1, 20_000))
def test_rows_are_parted_evenly(count: int, most: int) -> None:
    pace = Pace()
    pace.rows = most
    batches = list(pace.batches(range(count)))
    assert [row for batch in batches for row in batch] == list(range(count))
    assert len(batches) == -(-count // most)
    assert max(map(len, batches), default=0) - min(map(len, batches), default=0) <= 1
