"""Bringing what an import wrote from SQLite's log into its file, while the next records are read."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import sqlalchemy as sa

from recmail.db.connect import tidy_log

_ROWS = 40_000  # about 30 MB of the log


class Tidying:
    """Tidies the log after so many rows: it waits for the disk, and reading need not."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._rows = 0
        self._under_way: Future[None] | None = None

    def __enter__(self) -> Tidying:
        self._thread = ThreadPoolExecutor(1, "tidying")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        if error is None:
            self.wait()

    def wrote(self, rows: int) -> None:
        """Begin to tidy if enough was written since."""
        self._rows += rows
        if self._rows >= _ROWS:
            self.wait()
            self._under_way, self._rows = self._thread.submit(tidy_log, self._engine), 0

    def wait(self) -> None:
        """Wait until the log is tidy: only when nothing is written meanwhile it begins anew.

        Raises:
            StorageError: it could not be tidied.
        """
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            under_way.result()
