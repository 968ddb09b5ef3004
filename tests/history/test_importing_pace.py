"""How many rows a transaction of an import has: as many as fit, and no more than new rows would."""

from __future__ import annotations

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
    assert pace.rows == 200
    for _ in range(5):
        pace.took(pace.rows, 0.001, written=0)
    assert pace.rows == 2_000
