"""Courses and interactions are checked row by row, and known ones stay as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from recmail.db.tables import courses, interactions
from recmail.errors import DataError
from recmail.history.importing import Counts
from tests.history.imported import EVENTS, Import, everything, rejected

# --- courses --------------------------------------------------------------------------------------


def test_courses_come_in_with_prices_in_minor_units(database: sa.Engine, bring: Import) -> None:
    text = (
        "course_id,title,level,tags,price,currency,published_at,seats,url,image_url,staff_pick,active\n"
        "a,A,Beginner,sql; data ;;sql basics,49.50,EUR,2027-01-01,20,https://example.org/a,images/a.png,yes,no\n"
        "b,B,,,1499,,,,,,,\n"
        "c,C,expert,,1200,JPY,,,javascript:alert(1),,no,yes\n"
        "d,D,all,,0,,,,,,,\n"
        "e,E,all,,,,,,,,,\n"
    )
    result = bring("courses", text, currency="INR")
    assert result.counts == Counts(added=5)
    assert result.warnings == {"level: unknown": 1, "url: not a web address": 1}
    names = ("course_no", "level", "tags", "price_minor", "currency", "seats", "url", "staff_pick", "active")
    assert everything(database, courses, *names) == [
        (0, "beginner", ["sql", "data", "sql basics"], 4950, "EUR", 20, "https://example.org/a", True, False),
        (1, None, [], 149900, "INR", None, None, False, True),
        (2, None, [], 1200, "JPY", None, None, False, True),
        (3, "all", [], 0, "INR", None, None, False, True),
        (4, "all", [], None, None, None, None, False, True),
    ]
    assert bring("courses", text, currency="INR").counts == Counts(unchanged=5)


def test_a_course_links_only_to_the_web(database: sa.Engine, bring: Import) -> None:
    good = ["https://example.org/a?b=c:d#e", "HTTP://example.org"]
    bad = ["/courses/1", "example.org/a", "//example.org/a", "javascript:alert(1)", "ftp://example.org/a"]
    bad += ["https://", "https:///a", "https://exa mple.org", "https://example.org/'onclick"]
    result = bring("courses", "".join(["course_id,title,url\n", *rows_of(good + bad)]))
    assert everything(database, courses, "url") == [(url,) for url in good] + [(None,)] * len(bad)
    assert result.warnings == {"url: not a web address": len(bad)}


def test_a_picture_is_on_the_web_or_below_the_images(database: sa.Engine, bring: Import) -> None:
    good = ["https://example.org/a.png?w=2", "//example.org/a.png"]
    good += ["images/a.png", "/images/a.png", "a..b.png"]
    bad = [
        "../a.png",
        "images/../../a.png",
        "images/%2E%2e/a.png",
        "images\\..\\a.png",
        "images/..",
        "///a.png",
    ]
    bad += ["/", "data:image/png;base64", "file:///etc/a.png", "C:\\a.png"]
    result = bring("courses", "".join(["course_id,title,image_url\n", *rows_of(good + bad)]))
    assert everything(database, courses, "image_url") == [(url,) for url in good] + [(None,)] * len(bad)
    assert result.warnings == {"image_url: not a web address or path": len(bad)}


def rows_of(addresses: list[str]) -> list[str]:
    return [f"c{number},A course,{address}\n" for number, address in enumerate(addresses)]


def test_courses_are_refused_with_line_and_reason(bring: Import) -> None:
    text = (
        "course_id,title,price,currency,seats,closes_at\n"
        ",A,,,,\n"
        "b,,,,,\n"
        "c,C,cheap,EUR,,\n"
        "d,D,9.999,EUR,,\n"
        "e,E,9,Euro,,\n"
        "f,F,9,,,\n"
        "g,G,-1,EUR,,\n"
        "h,H,,,2.5,\n"
        "i,I,,,,soon\n"
        "j,J,,,99999999999,\n"
        "k,K,9.90,EUR,3.0,2027-01-01\n"
    )
    result = bring("courses", text)
    assert rejected(result) == [
        (2, "course_id: empty"),
        (3, "title: empty"),
        (4, "price: bad number"),
        (5, "price: more digits than the currency has"),
        (6, "currency: not three letters"),
        (7, "currency: empty; name one in the row, or in recmail.toml: [project] currency"),
        (8, "price: not from 0 to 100,000,000,000"),
        (9, "seats: not a whole number"),
        (10, "closes_at: bad time"),
        (11, "seats: not from 0 to 2,147,483,647"),
    ]
    assert result.counts == Counts(added=1)


def test_one_column_says_the_price(bring: Import) -> None:
    assert bring("courses", "course_id,title,price_minor,currency\na,A,4950,EUR\n").counts.added == 1
    with pytest.raises(DataError, match="both price and price_minor"):
        bring("courses", "course_id,title,price,price_minor\na,A,1,100\n")


# --- interactions ---------------------------------------------------------------------------------


def test_interactions_come_in_once_however_often_they_are_delivered(
    database: sa.Engine, filled: Import
) -> None:
    result = filled("interactions", EVENTS)
    assert result.counts == Counts(added=4)
    assert result.newest == datetime(2026, 10, 4, tzinfo=UTC)
    names = ("user_no", "course_no", "kind", "at", "value", "amount_minor", "currency", "seconds", "query")
    assert everything(database, interactions, *names) == [
        (0, 0, "enrolled", datetime(2026, 10, 1, 10, tzinfo=UTC), None, 4950, "EUR", None, None),
        (0, 0, "progressed", datetime(2026, 10, 2, 8, 0, 0, 250000, tzinfo=UTC), 0.5, None, None, 90.5, None),
        (1, None, "searched", datetime(2026, 10, 3, 8, tzinfo=UTC), None, None, None, None, "excel   pivot"),
        (1, 1, "rated", datetime(2026, 10, 4, tzinfo=UTC), 4.0, None, None, None, None),
    ]
    assert everything(database, interactions, "event_key")[0] == ("csv:1",)
    assert filled("interactions", EVENTS).counts == Counts(unchanged=4)
    header, *lines = EVENTS.splitlines(keepends=True)
    overlapping = header + "".join(lines[2:]) + ",a,py,viewed,2026-10-05,,,,,\n"
    assert filled("interactions", overlapping).counts == Counts(added=1, unchanged=2)


def test_an_event_id_counts_within_its_source_only(filled: Import) -> None:
    text = "event_id,user_id,course_id,kind,at\n1,a,sql,viewed,2026-10-01\n"
    assert filled("interactions", text, source="shop").counts.added == 1
    assert filled("interactions", text, source="app").counts.added == 1


def test_interactions_are_refused_with_line_and_reason(filled: Import) -> None:
    text = (
        "user_id,course_id,kind,at,value,seconds\n"
        ",sql,viewed,2026-10-01,,\n"
        "a,sql,clicked,2026-10-01,,\n"
        "a,sql,viewed,01/10/2026,,\n"
        "a,sql,viewed,,,\n"
        "a,sql,viewed,2026-11-03T09:00:01Z,,\n"
        "a,cobol,viewed,2026-10-01,,\n"
        "a,,viewed,2026-10-01,,\n"
        "a,sql,rated,2026-10-01,6,\n"
        "a,sql,rated,2026-10-01,,\n"
        "a,sql,progressed,2026-10-01,45,\n"
        "a,sql,viewed,2026-10-01,lots,\n"
        "a,sql,viewed,2026-10-01,nan,\n"
        "a,sql,viewed,2026-10-01,1e999,\n"
        "a,sql,viewed,2026-02-30,,\n"
        "a,sql,viewed,2026-10-01,,-1\n"
        "a,sql,Viewed,2026-11-03T09:00:00Z,,\n"
    )
    result = filled("interactions", text)
    kinds = "kind: none of viewed, searched, enrolled, progressed, completed, rated"
    assert rejected(result) == [
        (2, "user_id: empty"),
        (3, kinds),
        (4, "at: bad time"),
        (5, "at: empty"),
        (6, "at: in the future"),
        (7, "course_id: unknown course"),
        (8, "course_id: empty"),
        (9, "value: a rating goes from 1 to 5"),
        (10, "value: a rating goes from 1 to 5"),
        (11, "value: progress goes from 0 to 1"),
        (12, "value: bad number"),
        (13, "value: bad number"),
        (14, "value: bad number"),
        (15, "at: bad time"),
        (16, "seconds: below 0"),
    ]
    assert result.rejects["at: bad time"] == 2
    assert result.counts == Counts(added=1)


def test_events_of_unknown_people_are_counted_and_not_listed(filled: Import) -> None:
    text = "user_id,course_id,kind,at\nnobody,sql,viewed,2026-10-01\na,sql,viewed,2026-10-01\n"
    result = filled("interactions", text)
    assert (result.counts, result.rejects_file) == (Counts(added=1, unknown_people=1), None)


def test_interactions_need_courses_first(bring: Import) -> None:
    with pytest.raises(DataError, match="import the courses before"):
        bring("interactions", EVENTS)


def test_ids_have_a_length_that_an_index_takes(filled: Import) -> None:
    long = "x" * 256
    event = "sql,viewed,2026-10-01\n"
    events = f"event_id,user_id,course_id,kind,at\n{long},a,{event}1,{long},{event}"
    assert rejected(filled("interactions", events)) == [
        (2, "event_id: longer than 255 characters"),
        (3, "user_id: longer than 255 characters"),
    ]
    assert filled("courses", f"course_id,title\n{long},A\n{long[1:]},B\n").counts == Counts(added=1)
