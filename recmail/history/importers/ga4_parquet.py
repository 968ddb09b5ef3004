"""Parquet files of Google Analytics' tables as objects; only events that are mapped are read in full."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recmail.errors import DataError
from recmail.history.importers.opened_parquet import BROKEN, open_parquet
from recmail.history.importers.packed import PackedFile

if TYPE_CHECKING:
    import pyarrow as pa

_NEEDED = ("event_name", "event_timestamp", "user_pseudo_id")
_IDS = ("user_id", "event_bundle_sequence_id")
_ROWS = 2_000


class Ga4ParquetFile:
    """The rows of a file as objects, numbered from 1."""

    def __init__(self, path: Path, fields: Collection[str], mapped: Collection[str]) -> None:
        """Open the file.

        Args:
            path: the file.
            fields: columns that are read of events that are mapped, besides their ids.
            mapped: the names of those.

        Raises:
            DataError: it cannot be read, or is no table of events.
        """
        self.path = path
        self.bytes_total = PackedFile(path).bytes_total
        self._rows_done = 0
        self._mapped = list(mapped)
        self._file = open_parquet(path)
        there = self._file.schema_arrow.names
        missing = [name for name in _NEEDED if name not in there]
        if missing:
            found = ", ".join(there[:10])
            raise DataError(
                f"{path}: is no table events_* of Google Analytics: no {', '.join(missing)}; found {found}"
            )
        self._ids = [name for name in (*_NEEDED, *_IDS) if name in there]
        self._fields = [name for name in there if name in fields and name not in self._ids]

    @property
    def bytes_done(self) -> int:
        """How far the file was read, from its rows."""
        return self.bytes_total * self._rows_done // max(int(self._file.metadata.num_rows), 1)

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each row.

        Raises:
            DataError: the file is damaged from some row on.
        """
        columns = [*self._ids, *self._fields]
        try:
            for batch in self._file.iter_batches(_ROWS, columns=columns, use_threads=False):
                yield from enumerate(self._objects(batch), self._rows_done + 1)
                self._rows_done += batch.num_rows
        except BROKEN as error:
            raise DataError(f"{self.path}:{self._rows_done + 1}: cannot be read on: {error}") from error

    def _objects(self, batch: pa.RecordBatch) -> list[dict[str, Any]]:
        # Nested values cost 50 times what ids cost, and most events are scrolls and sessions.
        import pyarrow as pa
        import pyarrow.compute as pc

        objects: list[dict[str, Any]] = batch.select(self._ids).to_pylist()
        names = batch.column("event_name").cast(pa.string())  # some writers make a dictionary of them
        wanted = pc.is_in(names, value_set=pa.array(self._mapped, pa.string()))
        rows = pc.indices_nonzero(wanted)
        full = batch.select(self._fields).take(rows).to_pylist()
        for row, fields in zip(rows.to_pylist(), full, strict=True):
            objects[row].update(fields)
        return objects
