"""A file's lines are the same however its bytes fall into blocks, and so is the place of a bad byte."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.errors import DataError
from recmail.history.importers import packed, text
from recmail.history.importers.text import TextFile

LETTERS = st.text(alphabet=st.sampled_from('ab\r\n,"é€😀\u2028\x85\x0b'), max_size=60)
ANY_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY_FOLDER
@given(content=LETTERS, block=st.integers(1, 9), encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_lines_do_not_depend_on_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, block: int, encoding: str
) -> None:
    monkeypatch.setattr(packed, "BLOCK_BYTES", block)
    file = tmp_path / "file"
    file.write_bytes(content.encode(encoding))
    found = TextFile(file, encoding)
    assert list(found.lines()) == list(io.StringIO(content, newline=""))
    assert found.bytes_done == found.bytes_total == file.stat().st_size


@ANY_FOLDER
@given(before=LETTERS, block=st.integers(1, 9), mark=st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_a_bad_byte_is_found_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, block: int, mark: bytes
) -> None:
    monkeypatch.setattr(packed, "BLOCK_BYTES", block)
    good = mark + before.encode()
    file = tmp_path / "file"
    file.write_bytes(good + b"\xffand more")
    line = good.count(b"\n") + 1
    with pytest.raises(DataError, match=rf"file:{line}: byte {len(good)} \(0xff\) is not utf-8"):
        list(TextFile(file, "utf-8").lines())


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "BLOCK_BYTES", 10)
    monkeypatch.setattr(text, "LINE_CHARACTERS", 25)
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    found = TextFile(file, "utf-8")
    with pytest.raises(DataError, match="a line of more than 25 characters"):
        list(found.lines())
    assert found.bytes_done == 30


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("1.json.gz", bytes(range(7, 256)), "is named .gz, and is neither gzip nor text; copy it again"),
        ("people.csv", b"PK\x03\x04\x14\x00", "is a zip or Excel file; unpack it, or save the sheet as CSV"),
        ("1.json.gz", b"\x28\xb5\x2f\xfd\x00", "is packed by zstd; unpack it, or pack it by gzip"),
        ("a.csv", b"PAR1\x15\x04", "is a Parquet file; end its name in .parquet, or"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: {message}"):
        list(TextFile(tmp_path / name, "utf-8").lines())


def test_text_may_be_named_gz(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_text("é,\tb\r\n")
    assert list(TextFile(tmp_path / "a.gz", "utf-8").lines()) == ["é,\tb\r\n"]
