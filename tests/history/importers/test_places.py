"""Where a value stands in an event is written as a dotted path, into a list, or with a pattern."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from recmail.history.importers.places import Place, text
from recmail.history.importers.segment import Segment
from recmail.records import KINDS
from tests.history.importers.exported import options_of

EVENT = {
    "a": {"b": "x", "n": 3.0, "none": None, "list": [1]},
    "engagement_msec": "1500",
    "items": [{"id": "p", "price": 2.5, "quantity": "2", "deep": {"id": 7}}, "junk", {"price": "?"}, {}],
}


def places(written: Any) -> tuple[Place, ...]:
    found: tuple[Place, ...] = options_of(Segment, course_id=written).course_id
    return found


def first(written: Any) -> list[str]:
    return [course_id for course_id, _ in places(written)[0].courses(EVENT)]


def test_every_kind_of_ours_can_be_named_and_no_other() -> None:
    assert set(options_of(Segment, kinds={kind: kind for kind in KINDS}).kinds) == set(KINDS)
    with pytest.raises(ValidationError, match=r"found 'veiwed'; did you mean viewed\?"):
        options_of(Segment, kinds={"View": "veiwed"})
    with pytest.raises(ValidationError, match=r"found 'x'; expected one of viewed, searched, enrolled"):
        options_of(Segment, kinds={"View": "x"})


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a.b", ["x"]),
        ("a.n", ["3"]),
        ("a.none", []),
        ("a.list", []),
        ("a", []),
        ("a.b.c", []),
        ("nothing", []),
        ("items[].id", ["p"]),
        ("items[].deep.id", ["7"]),
        ("items[].price", ["5.0", "?"]),
        ("a[].id", []),
        ("engagement_msec", ["1.5"]),
        ({"from": "a.b", "match": "^(.)"}, ["x"]),
        ({"from": "a.b", "match": "^(y)?x"}, []),
        ({"from": "a.b", "match": "(y)"}, []),
        ({"from": "items[].id", "match": "(p)"}, ["p"]),
    ],
)
def test_a_place_is_read(written: Any, found: list[str]) -> None:
    assert first(written) == found


def test_of_several_places_each_is_kept_in_its_order() -> None:
    assert [place.keys for place in places(["a.b", "c"])] == [("a", "b"), ("c",)]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (7, r'expected a path such as "properties\.course_id", or \{ from'),
        ({"from": "a"}, r"expected a path such as"),
        ({"from": "a", "match": 1}, r"expected a path such as"),
        ({"from": "a", "match": "(a)", "flags": "i"}, r"expected a path such as"),
        ({"from": "a", "match": "("}, r"match: '\(' is no regular expression: missing \)"),
        ({"from": "a", "match": "^/courses/"}, r"has no group; put the course_id into round brackets"),
        ("", r"'': a name is missing"),
        ("a..b", r"'a\.\.b': a name is missing"),
        ("[].a", r"'\[\]\.a': a name is missing"),
        ("a[]", r"\[\] goes behind one list, with a name after it"),
        ("a[].b[].c", r"\[\] goes behind one list, with a name after it"),
        (["a", 7], r"expected a path such as"),
    ],
)
def test_a_place_that_is_none_is_refused_with_what_is_expected(written: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        places(written)


def test_values_of_json_are_texts_as_csv_has_them() -> None:
    values = ["a", "", 7, 7.0, 7.5, 1e300, True, False, None, [], {}]
    assert [text(value) for value in values] == [
        *("a", "", "7", "7", "7.5", "1e+300", "true", "false", "", "", ""),
    ]
