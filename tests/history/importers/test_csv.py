"""CSV files that are packed: read as if they were not, and told where they are damaged."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa

from recmail.errors import DataError
from recmail.history.importers.csv import Csv
from recmail.history.importing import Counts, ImportOptions, import_file
from tests.history.imported import KEY, NOW, USERS
from tests.history.importers.contract import ImporterContract

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def bring(database: sa.Engine, file: Path, content: bytes) -> Counts:
    file.write_bytes(content)
    return import_file(database, "users", file, now=NOW, key=KEY, options=ImportOptions()).counts


@sqlite
@pytest.mark.parametrize("name", ["users.csv.gz", "users.csv", "USERS.CSV.GZ", "users"])
def test_gzip_is_unpacked_whatever_its_name(database: sa.Engine, tmp_path: Path, name: str) -> None:
    assert bring(database, tmp_path / name, gzip.compress(b"\xef\xbb\xbf" + USERS.encode())).added == 2


@sqlite
def test_a_file_that_was_cut_off_is_read_until_there(database: sa.Engine, tmp_path: Path) -> None:
    lines = "".join(f"{number:x}{number * 7919 % 99991:x},yes\n" for number in range(60_000))
    packed = gzip.compress(b"user_id,email_consent\n" + lines.encode())
    with pytest.raises(DataError, match=r"users.csv.gz:\d{4,}: the gzip file ends in the middle") as caught:
        bring(database, tmp_path / "users.csv.gz", packed[: len(packed) // 2])
    assert "rows before were taken in" in str(caught.value)


@sqlite
def test_a_bad_byte_in_a_packed_file_is_found_where_it_is(database: sa.Engine, tmp_path: Path) -> None:
    content = gzip.compress(b"user_id,email_consent\na,yes\n\xff,yes\n")
    with pytest.raises(DataError, match=r"users.csv.gz:3: byte 28 \(0xff\) is not utf-8"):
        bring(database, tmp_path / "users.csv.gz", content)


class TestCsv(ImporterContract):
    format = Csv
    keys: ClassVar[dict[str, object]] = {"file": "*.csv"}

    def write(self, folder: Path) -> None:
        (folder / "a.csv").write_text("user_id,query\n" + 'a,"two\nlines"\n\n' * 3)
