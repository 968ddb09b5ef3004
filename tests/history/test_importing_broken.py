"""A file that is broken as a whole is told where and how to mend it, and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recmail.db.tables import imports
from recmail.errors import DataError, RecmailError
from recmail.history.importing import KINDS, Counts, ImportOptions, import_file
from tests.history.imported import KEY, NOW, USERS, Import, everything


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"users\.csv: is empty"),
        (b" \n\n", r"users\.csv: is empty"),
        (b"email,email_consent\nx,yes\n", r"csv:1: user_id: this column is missing; found email, email_"),
        (b"user_id,emial,email_consent\n", r"emial: unknown column; did you mean email\?"),
        (b"user_id,user_id,email_consent\n", r"user_id: 2 columns of this name"),
        (b"user_id,email_consent\na,yes\nb\xff,yes\n", r"csv:3: byte 29 \(0xff\) is not utf-8.*cp1252"),
        (b"user_id,email_consent\na,yes\n\0b,yes\n", r"users\.csv:3: there is a NUL byte"),
        ("user_id,email_consent\n".encode("utf-16"), r"is written in utf-16; .*--encoding utf-16"),
        (b'user_id,email_consent\na,yes\n"b,yes\nc,yes\n', r"users\.csv:3: a quoted field begins here"),
        (b'user_id,email_consent\na,yes\nb,"y"es\n', r"users\.csv:3: a quoted field begins here"),
        (
            b'user_id,first_name,email_consent\na,"x\ny",yes\n"b\n\n","open,yes\nd,"e",yes\n',
            r"users\.csv:6: a quoted field begins here",
        ),
        (b"user_id,email_consent\n" + b"x" * 200_000, r"users\.csv:2: cannot be read as CSV: field larger"),
        (b'"user_id,email_consent\n', r"users\.csv:1: a quoted field begins here"),
        (b'user_id,first_name\nq,"' + b"long\n" * 40_000, r"users\.csv:2: a quoted field begins here"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_wrong_as_a_whole_is_told_where_and_how(
    bring: Import, content: bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        bring("users", content, consent_basis="test")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_all_problems_of_a_header_are_told_at_once(bring: Import) -> None:
    with pytest.raises(DataError) as caught:
        bring("courses", "curse_id,titel\n", columns={"tittel": "title", "titel": "name"})
    assert str(caught.value).splitlines() == [
        line.format(file=str(caught.value).partition(":1:")[0])
        for line in (
            "{file}:1: --map tittel=title: there is no column tittel; did you mean titel?",
            "{file}:1: --map titel=name: name is none of our columns",
            "{file}:1: curse_id: unknown column; did you mean course_id? "
            "(then --map curse_id=course_id, or rename it)",
            "{file}:1: course_id: this column is missing; found curse_id, titel (if one of them holds it: "
            "--map THEIRS=course_id)",
            "{file}:1: title: this column is missing; found curse_id, titel (if one of them holds it: "
            "--map THEIRS=title)",
        )
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_is_not_there_is_told_so(database: sa.Engine, bring: Import, tmp_path: Path) -> None:
    def bring_in(path: Path, **options: object) -> None:
        import_file(database, "users", path, now=NOW, key=KEY, options=ImportOptions(**options))

    with pytest.raises(DataError, match="no such file"):
        bring_in(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="is a folder"):
        bring_in(tmp_path)
    with pytest.raises(DataError, match="unknown encoding 'klingon'"):
        bring("users", USERS, encoding="klingon")
    with pytest.raises(DataError, match="attribute plan: unknown type 'texts'"):
        bring("users", USERS, attributes={"plan": "texts"})


def test_what_came_before_the_mistake_is_kept_and_the_mended_file_goes_on(
    database: sa.Engine, bring: Import
) -> None:
    good = "".join(f"{number},yes\n" for number in range(20_000))
    bad = "user_id,email_consent\n" + good + '"last,yes\n'
    with pytest.raises(DataError, match=r":20002: a quoted field .*; the 20,000 rows before were taken in"):
        bring("users", bad)
    assert everything(database, imports, "finished_at") == [(None,)]
    result = bring("users", bad.replace('"last', "last"))
    assert result.counts == Counts(added=1, unchanged=20_000, consents=1)


PIECES = [
    *b"user_id email email_consent email_consent_at course_id title kind at value price currency".split(),
    *b"seats timezone yes no a a@b.org sql rated viewed searched 1e5 -1 0.1 2026-10-01T00:00:00Z".split(),
    *b"9999-12-31 2026-01-01T00:00:00+99:99 \xf0\x9f\x98\x80 \xed\xa0\x80 \xe2\x80\xae \xff".split(),
    *(b",", b";", b"\t", b'"', b"\n", b"\r", b"\r\n", b"\0", b"\xef\xbb\xbf"),
]
HEADERS = {
    "users": b"user_id,email,email_consent,email_consent_at,timezone,signed_up_at,personalization\n",
    "courses": b"course_id,title,price,currency,seats,closes_at,level,url\n",
    "interactions": b"user_id,kind,course_id,at,value,amount,currency,seconds,query\n",
    "suppressions": b"Email Address,reason,at,status,unsub_time,updated_at\n",
}
CELLS = st.text(max_size=12) | st.sampled_from(
    [
        "a",
        "b",
        "sql",
        "rated",
        "viewed",
        "yes",
        "2026-10-01",
        "9999-12-31",
        "3",
        "9" * 30,
        "1e308",
        "x@y.org",
        "enabled",
        "2023-05-01 10:00:00.5 +0530 IST",
        "",
    ]
)


def files(kind: str) -> st.SearchStrategy[tuple[str, bytes]]:
    """A kind and bytes that may or may not be a file of it."""
    width = HEADERS[kind].count(b",") + 1
    rows = st.lists(st.lists(CELLS, min_size=width - 1, max_size=width).map(",".join), max_size=8)
    content = st.one_of(
        rows.map(lambda lines: HEADERS[kind] + "\n".join(lines).encode("utf-8", "surrogatepass")),
        st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join),
        st.binary(max_size=200),
    )
    return st.tuples(st.just(kind), content)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.one_of([files(kind) for kind in KINDS]))
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the stricter of the two
def test_any_bytes_are_taken_in_or_told_what_is_wrong(filled: Import, file: tuple[str, bytes]) -> None:
    kind, content = file
    try:
        result = filled(kind, content, consent_basis="test", currency="EUR")
    except RecmailError as error:
        assert len(str(error)) > 20  # noqa: PT017 - either outcome is right
        return
    counts = result.counts
    accepted = counts.added + counts.changed + counts.unchanged + counts.unknown_people + counts.erased
    assert result.rows == accepted + counts.left_out + result.rejected
