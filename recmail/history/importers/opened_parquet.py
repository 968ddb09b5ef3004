"""Opening Parquet files, and what is wrong with those that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recmail.errors import DataError
from recmail.history.importers.packed import why

BROKEN = (OSError, ValueError, NotImplementedError, MemoryError)  # what pyarrow's own errors derive from


def open_parquet(path: Path) -> Any:
    """The file as pyarrow has it.

    Raises:
        DataError: there is no such file, it is no Parquet, or pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        advice = "Parquet needs pyarrow; install it with: pip install 'recmail[parquet]'"
        raise DataError(f"{path}: {advice}") from error
    try:
        # Pages are read as they are needed: a row group may be larger than the memory.
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=1024 * 1024)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DataError(f"{path}: {why(error)}") from error
    except BROKEN as error:
        raise DataError(f"{path}: cannot be read as Parquet: {error}") from error
