"""Arrays in pieces in the database and as files on this machine: what is read is what was written."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recmail.db.connect import reading, writing
from recmail.db.learned_tables import model_parts, models
from recmail.errors import ModelError, StorageError
from recmail.recommend import model_arrays
from recmail.recommend.model_arrays import delete_arrays, read_array, write_array

TABLE = np.arange(300_000, dtype=np.float32).reshape(500, 600)  # 1.2 MB


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECMAIL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def add_version(engine: sa.Engine, version: str = "v") -> None:
    words = {"scorer": "svd", "data_hash": "test", "state": "candidate"}
    documents: dict[str, dict[str, str]] = {name: {} for name in ("params", "counts", "metrics")}
    row = {"version": version, "trained_at": datetime(2026, 11, 2, tzinfo=UTC), **words, **documents}
    with writing(engine) as connection:
        connection.execute(sa.insert(models), row)


def read(engine: sa.Engine, digest: str) -> np.ndarray:
    with reading(engine) as connection:
        return read_array(connection, "v", digest)


def pieces(engine: sa.Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(model_parts.c.name).order_by(model_parts.c.name)))


def test_a_large_array_is_kept_in_pieces_and_mapped(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,200,000 bytes and a header of 128: three pieces of 500,000."""
    monkeypatch.setattr(model_arrays, "PIECE_BYTES", 500_000)
    add_version(database)
    digest = write_array(database, "v", TABLE)
    assert pieces(database) == [f"{digest}/{number:06d}" for number in range(3)]
    found = read(database, digest)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert np.array_equal(found, TABLE)


def test_another_machine_has_only_the_database(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(model_arrays, "PIECE_BYTES", 500_000)
    add_version(database)
    digest = write_array(database, "v", TABLE)
    monkeypatch.setenv("RECMAIL_CACHE", str(tmp_path / "other"))
    assert np.array_equal(read(database, digest), TABLE)
    assert [path.name for path in (tmp_path / "other").iterdir()] == [f"{digest}.npy"]


def test_a_damaged_file_is_fetched_again(database: sa.Engine, cache: Path) -> None:
    add_version(database)
    digest = write_array(database, "v", TABLE)
    file = cache / f"{digest}.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert np.array_equal(read(database, digest), TABLE)


def test_what_is_damaged_in_the_database_is_refused(database: sa.Engine, cache: Path) -> None:
    add_version(database)
    digest = write_array(database, "v", TABLE)
    (cache / f"{digest}.npy").unlink()
    with writing(database) as connection:
        connection.execute(sa.update(model_parts).values(array=b"something else"))
    with pytest.raises(ModelError, match="model v is damaged in the database; run: recmail train"):
        read(database, digest)


def test_the_same_array_twice_is_stored_once(database: sa.Engine) -> None:
    add_version(database)
    assert write_array(database, "v", TABLE) == write_array(database, "v", TABLE.copy())
    assert len(pieces(database)) == 1


def test_two_versions_have_an_array_each(database: sa.Engine) -> None:
    add_version(database)
    add_version(database, "w")
    digest = write_array(database, "v", TABLE)
    write_array(database, "w", TABLE)
    delete_arrays(database, "v")
    with reading(database) as connection:
        assert np.array_equal(read_array(connection, "w", digest), TABLE)
        assert connection.scalars(sa.select(model_parts.c.version)).all() == ["w"]


def test_says_where_models_are_kept_when_that_cannot_be_written(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("RECMAIL_CACHE", str(tmp_path / "file"))
    add_version(database)
    with pytest.raises(StorageError, match=r"kept as files in .*file.*set RECMAIL_CACHE"):
        write_array(database, "v", TABLE)


def test_files_that_nobody_used_for_a_month_go(database: sa.Engine, cache: Path) -> None:
    add_version(database)
    digest = write_array(database, "v", TABLE)
    stale, fresh, foreign = cache / "old.npy", cache / "new.npy", cache / "notes.txt"
    for path in (stale, fresh, foreign):
        path.write_bytes(b"")
    long_ago = time.time() - 31 * 86_400
    for path in (stale, foreign, cache / f"{digest}.npy"):
        model_arrays.os.utime(path, (long_ago, long_ago))
    read(database, digest)
    write_array(database, "v", TABLE + 1)
    names = {path.name for path in cache.iterdir()}
    assert {f"{digest}.npy", "new.npy", "notes.txt"} < names
    assert "old.npy" not in names


def test_the_folder_is_the_users_cache_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert model_arrays.cache_folder().name == "cache"
    monkeypatch.delenv("RECMAIL_CACHE")
    assert model_arrays.cache_folder() == Path("/somewhere/recmail")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert model_arrays.cache_folder() == Path.home() / ".cache" / "recmail"


DTYPES = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_])


@given(DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(max_dims=2, min_side=0))))
def test_numpy_reads_what_is_written(array: np.ndarray) -> None:
    path = model_arrays._cached(model_arrays._keep(model_arrays._npy(array)))
    found = np.load(path, allow_pickle=False)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")
