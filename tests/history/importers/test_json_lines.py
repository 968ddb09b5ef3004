"""Files of JSON lines, plain or gzip: what is broken is said with its line and reason, the rest goes on."""

from __future__ import annotations

import gzip
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.errors import DataError
from recmail.history.importers import json_lines, packed
from recmail.history.importers.json_lines import ObjectFile, Unreadable
from recmail.history.importers.mixpanel import Mixpanel
from recmail.history.importers.segment import Segment
from tests.history.importers.exported import options_of, read


def objects(path: Path, content: bytes) -> list[tuple[int, object]]:
    path.write_bytes(content)
    return list(ObjectFile(path).objects())


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_is_no_object_is_said_with_its_line_and_reason(tmp_path: Path, pack: object) -> None:
    lines = [
        b'\xef\xbb\xbf{"a": 1}',
        b"",
        b'{"a": 2}\r',
        b'{"a": ',
        b"[1]",
        b'"text"',
        b'{"a": "\xff"}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'{"a": NaN}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b"   ",
        b'{"a": 3} {"a": 4}',
        '{"ä": "\N{SNOWMAN}"}'.encode(),
    ]
    assert callable(pack)
    found = objects(tmp_path / "x", pack(b"\n".join(lines)))
    assert found == [
        (1, {"a": 1}),
        (3, {"a": 2}),
        (4, "the line cannot be read as JSON"),
        (5, "the line is JSON, but no object"),
        (6, "the line is JSON, but no object"),
        (7, "the line is not UTF-8"),
        (8, "a key is there twice in one object"),
        (9, "a key is there twice in one object"),
        (10, "the line cannot be read as JSON"),
        (11, "the line is nested too deeply"),
        (12, "the line cannot be read as JSON"),
        (14, "the line cannot be read as JSON"),
        (15, {"ä": "\N{SNOWMAN}"}),
    ]
    assert all(isinstance(one, dict | Unreadable) for _, one in found)


def test_lines_may_be_longer_than_a_block_and_too_long_ones_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "LINE_BYTES", 1_000)
    monkeypatch.setattr(packed, "BLOCK_BYTES", 100)
    long, too_long = b'{"a": "%s"}' % (b"x" * 900), b'{"a": "%s"}' % (b"x" * 5_000)
    found = objects(tmp_path / "x", b"\n".join([long, too_long, b"{}", too_long]))
    assert found == [
        (1, {"a": "x" * 900}),
        (2, "longer than 1,000 bytes"),
        (3, {}),
        (4, "longer than 1,000 bytes"),
    ]


def test_gzip_is_known_by_its_bytes_and_may_have_several_members(tmp_path: Path) -> None:
    content = gzip.compress(b'{"a": 1}\n{"a"') + gzip.compress(b": 2}\n") + b"\0\0\0"
    assert objects(tmp_path / "x.json", content) == [(1, {"a": 1}), (2, {"a": 2})]
    assert objects(tmp_path / "x.gz", b'{"a": 1}\n') == [(1, {"a": 1})]
    assert objects(tmp_path / "y.gz", b"") == []
    assert objects(tmp_path / "z.gz", gzip.compress(b"")) == []


def test_a_gzip_file_that_ends_early_gives_what_came_before_and_its_line(tmp_path: Path) -> None:
    noise = random.Random(1)
    lines = [b'{"a": %d}' % noise.getrandbits(200) for _ in range(20_000)]
    whole = gzip.compress(b"\n".join(lines))
    path = tmp_path / "x.gz"
    path.write_bytes(whole[: len(whole) // 2])
    found = list[object]()
    with pytest.raises(DataError, match=r"x\.gz:(\d+): the gzip file ends in the middle") as caught:
        found.extend(one for _, one in ObjectFile(path).objects())
    line = int(str(caught.value).split(":")[1])
    assert line == len(found) + 1 > 5_000
    assert all(isinstance(one, dict) for one in found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            gzip.compress(b"{}\n{}\n", mtime=0) + b"rest",
            r"x:3: the gzip file is damaged \(Not a gzipped file",
        ),
        (
            gzip.compress(b"{}\n{}", mtime=0)[:-8] + b"\0" * 8,
            r"x:\d: the gzip file is damaged \(CRC check failed",
        ),
        (b"\x1f\x8b\x08", r"x:1: the gzip file ends in the middle"),
        (b' [\n{"a": 1}\n]', r"x:1: is one JSON array; it has to be one object a line: jq -c"),
        ('{"a": 1}'.encode("utf-16"), r"x: is written in utf-16; it has to be UTF-8"),
    ],
    ids=["goes on", "damaged", "ends", "array", "utf-16"],
)
def test_a_file_that_is_wrong_as_a_whole_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        objects(tmp_path / "x", content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone: there is no such file"):
        ObjectFile(tmp_path / "gone")
    with pytest.raises(DataError, match=r"is a folder; name the file in it"):
        ObjectFile(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [
                    *(b'{"type": "track"', b'{"event": "x", "properties": {"time": 1}}', b"{", b"}", b"\n"),
                    *(b'"a"', b":", b"[", b"]", b",", b"null", b"1e999", b"\xff", b"\xef\xbb\xbf"),
                    b'"\\ud800"',
                ]
            ),
            max_size=12,
        ).map(b"".join),
    ),
    pack=st.sampled_from([bytes, gzip.compress, lambda content: gzip.compress(content)[:-3]]),
)  # fmt: skip
def test_any_bytes_are_records_or_rejects_or_a_data_error(
    tmp_path: Path, content: bytes, pack: object
) -> None:
    path = tmp_path / "x"
    assert callable(pack)
    path.write_bytes(pack(content))
    for options in (
        options_of(Segment, kinds={"x": "viewed"}),
        options_of(Mixpanel, kinds={"x": "viewed"}, project_timezone="UTC"),
    ):
        with suppress(DataError):
            read(options, path)
