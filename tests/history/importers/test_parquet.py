"""Parquet files: every type becomes the text that the checks read, in batches; garbage is told as such."""

from __future__ import annotations

import builtins
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.db.tables import courses, interactions
from recmail.errors import DataError
from recmail.history.importers.parquet import Parquet, ParquetFile
from recmail.history.importing import Counts, ImportOptions, ImportResult, import_file
from tests.history.imported import COURSES, KEY, NOW, USERS, Import, everything
from tests.history.importers.contract import ImporterContract

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
AT = datetime(2026, 10, 1, 10, 0, 0, 250_000, tzinfo=UTC)


def write(path: Path, row_group_size: int | None = None, **columns: Any) -> Path:
    """Write columns, each a list or an Arrow array."""
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def bring(database: sa.Engine, kind: str, path: Path) -> ImportResult:
    return import_file(database, kind, path, now=NOW, key=KEY, options=ImportOptions(currency="EUR"))


def read(array: Any, tmp_path: Path) -> list[str]:
    """The texts of one column."""
    file = ParquetFile(write(tmp_path / "a.parquet", a=array), lambda _name: True)
    return [value for chunk in file.chunks() for value in chunk.columns[0]]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (["a", None], ["a", ""]),
        (pa.array(["a", None], pa.large_string()), ["a", ""]),
        (pa.array(["a", "b", None, "a"]).dictionary_encode(), ["a", "b", "", "a"]),
        ([True, None, False], ["true", "", "false"]),
        ([1, None, 2**62], ["1", "", str(2**62)]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        ([1.0, None, 0.1, float("nan"), 123456789012345.0], ["1", "", "0.1", "", "123456789012345"]),
        (pa.array([0.1, 7], pa.float32()), ["0.1", "7"]),
        ([Decimal("49.50"), None], ["49.50", ""]),
        ([date(2026, 10, 1)], ["2026-10-01"]),
        (pa.array([AT], pa.timestamp("us", "UTC")), ["2026-10-01 10:00:00.250000Z"]),
        (pa.array([AT], pa.timestamp("ms", "Europe/Berlin")), ["2026-10-01 10:00:00.250Z"]),
        (pa.array([1_500], pa.timestamp("ns", "UTC")), ["1970-01-01 00:00:00.000001500Z"]),
        (pa.array([1_500], pa.timestamp("us")), ["1970-01-01 00:00:00.001500"]),
        (pa.array([1_500], pa.duration("ms")), ["1.5"]),
        ([["sql", "data;base"], None, []], ["sql;data,base", "", ""]),
        (pa.array([b"ab", b"\xff"]), ["ab", "ff"]),
        ([{"x": 1}], ['{"x": 1}']),
        (pa.nulls(2), ["", ""]),
    ],
)
def test_each_type_has_its_text(tmp_path: Path, array: Any, expected: list[str]) -> None:
    assert read(array, tmp_path) == expected


def test_a_file_is_brought_in_as_its_csv_would_be(
    database: sa.Engine, filled: Import, tmp_path: Path
) -> None:
    text = "user_id,course_id,kind,at,value,amount,currency,seconds\n"
    text += "a,sql,rated,2026-10-01T10:00:00.25Z,4,,,\nb,py,enrolled,2026-10-02T00:00:00Z,,49.50,EUR,30\n"
    filled("interactions", text)
    path = write(
        tmp_path / "events.parquet",
        at=pa.array([AT, datetime(2026, 10, 2, tzinfo=UTC)], pa.timestamp("us", "America/Lima")),
        user_id=["a", "b"],
        KIND=pa.array(["rated", "enrolled"]).dictionary_encode(),
        course_id=["sql", "py"],
        value=[4, None],
        amount=[None, Decimal("49.50")],
        currency=[None, "EUR"],
        seconds=[None, 30.0],
        not_ours=[{"x": 1}, None],
    )
    result = bring(database, "interactions", path)
    assert result.counts == Counts(unchanged=2)
    assert result.ignored_columns == ("not_ours",)


@sqlite
def test_lists_are_lists_and_numbers_that_became_floats_are_ids(database: sa.Engine, tmp_path: Path) -> None:
    bring(
        database,
        "courses",
        write(tmp_path / "c.parquet", course_id=[7.0, 8.0], title=["A", "B"], tags=[["x", "y"], None]),
    )
    assert everything(database, courses, "course_id", "tags") == [("7", ["x", "y"]), ("8", [])]


@sqlite
def test_batches_go_on_counting_and_progress_reaches_the_end(
    database: sa.Engine, bring: Import, tmp_path: Path
) -> None:
    bring("users", USERS)
    bring("courses", COURSES)
    count = 45_000
    path = write(
        tmp_path / "e.parquet",
        row_group_size=30_000,
        user_id=["a"] * count,
        course_id=["sql"] * count,
        kind=["viewed"] * count,
        at=[1_790_000_000_000_000 + row for row in range(count - 1)] + [None],
    )
    table = pq.read_table(path)
    pq.write_table(
        table.set_column(3, "at", table["at"].cast(pa.timestamp("us", "UTC"))), path, row_group_size=30_000
    )
    seen: list[tuple[int, int, int]] = []
    result = import_file(
        database,
        "interactions",
        path,
        now=NOW,
        key=KEY,
        options=ImportOptions(),
        progress=lambda *told: seen.append(told),
    )
    assert (result.counts.added, result.rejects) == (count - 1, {"at: empty": 1})
    assert result.rejects_file is not None
    assert result.rejects_file.read_text().splitlines()[1] == f"{count},at: empty,a,sql,viewed,"
    size = path.stat().st_size
    assert (seen[-1], len(everything(database, interactions, "at"))) == ((count, size, size), count - 1)


@sqlite
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "cannot be read as Parquet: "), (b"PAR1 is not enough PAR1", "cannot be read as Parquet: ")],
)
def test_what_is_no_parquet_is_told_so(
    database: sa.Engine, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.parquet"
    with pytest.raises(DataError, match=r"a\.parquet: there is no such file"):
        bring(database, "users", path)
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.parquet: {message}"):
        bring(database, "users", path)


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"pip install 'recmail\[parquet\]'"):
        ParquetFile(tmp_path / "a.parquet", lambda _name: True)


def _good() -> bytes:
    out = io.BytesIO()
    columns = {"user_id": ["a", "b"] * 50, "email_consent": ["yes", None] * 50, "signed_up_at": [AT] * 100}
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


GOOD = _good()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=5),
    cut=st.integers(0, len(GOOD)) | st.just(len(GOOD)),
)
@sqlite
def test_damaged_files_are_read_or_told_so(
    database: sa.Engine, tmp_path: Path, places: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(GOOD)
    for place, byte in places:
        damaged[place] = byte
    path = tmp_path / "users.parquet"
    path.write_bytes(damaged[:cut])
    try:
        result = bring(database, "users", path)
    except DataError as error:
        assert "users.parquet" in str(error)  # noqa: PT017 - either outcome is right
        return
    assert result.rows == sum(vars(result.counts).values()) - result.counts.consents + result.rejected


class TestParquet(ImporterContract):
    format = Parquet
    keys: ClassVar[dict[str, object]] = {"file": "*.parquet"}

    def write(self, folder: Path) -> None:
        write(folder / "a.parquet", user_id=["a", "b", "c"], tags=[["x"], None, []], price=[1.5, None, 2])
