"""What every format must do; contracts.py would be too long with it."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from recmail.history.importers import TABLES, ClosingImporter, Importer, Piece, SourceOptions
from recmail.settings.plugin_section import read_options
from recmail.settings.settings import RawTable


class ImporterContract:
    """Inherit, say which format and which keys it needs, and write it something to read: `write`."""

    format: ClassVar[type[SourceOptions]]
    keys: ClassVar[dict[str, object]]

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Write three records or more where `keys` says."""

    def options(self, folder: Path) -> SourceOptions:
        table = RawTable("sources", "any", {"format": "any", **self.keys})
        return read_options(self.format, table, naming="format", folder=folder)

    def piece(self, folder: Path) -> Piece:
        self.write(folder)
        (piece,) = self.options(folder).pieces(None)
        return piece

    def read(self, piece: Piece) -> tuple[Importer, list[list[str]], list[int]]:
        """The importer at its end, all columns and all lines."""
        importer = piece.open(lambda _name: True)
        columns: list[list[str]] = [[] for _ in importer.columns]
        lines: list[int] = []
        for chunk in importer.chunks():
            assert {len(column) for column in chunk.columns} == {len(chunk.lines)}
            assert chunk.lines.dtype == np.int64
            for all_of_it, column in zip(columns, chunk.columns, strict=True):
                all_of_it += column
            lines += chunk.lines.tolist()
            assert 0 <= importer.bytes_done <= importer.bytes_total
        if isinstance(importer, ClosingImporter):
            importer.close()
        return importer, columns, lines

    def test_records_are_texts_and_their_lines_ascend(self, tmp_path: Path) -> None:
        importer, columns, lines = self.read(self.piece(tmp_path))
        assert len(lines) >= 3
        assert lines == sorted(lines)
        assert lines[0] >= 1
        assert all(type(cell) is str for column in columns for cell in column)
        assert isinstance(importer.unmapped, Counter)
        assert importer.bytes_done == importer.bytes_total

    def test_a_piece_can_be_read_twice(self, tmp_path: Path) -> None:
        piece = self.piece(tmp_path)
        assert self.read(piece)[1:] == self.read(piece)[1:]

    def test_an_unknown_key_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            self.format.model_validate({**self.keys, "no_such_key": 1})

    def test_every_key_is_described(self) -> None:
        bases = [base for base in self.format.__mro__ if issubclass(base, SourceOptions)]
        described = {name for base in bases for name, field in base.model_fields.items() if field.description}
        assert set(self.format.model_fields) <= described

    def test_brings_tables_that_there_are(self) -> None:
        assert set(self.format.tables) <= set(TABLES)
        assert self.format.whereabouts <= set(self.format.model_fields)
