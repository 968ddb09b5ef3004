"""What a segment may say, how its words bind, and what each mistake is answered with, at its place."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recmail.errors import ConfigError
from recmail.segment import check_segment, check_where
from recmail.segment.fields import courses, inside, people
from recmail.segment.reading import DEPTH_LIMIT
from recmail.segment.tree import (
    All,
    AnyOf,
    Compare,
    Event,
    Everyone,
    Has,
    IsSet,
    Node,
    Not,
    OneOf,
    Rule,
    Span,
    Value,
)

ATTRIBUTES = {"plan": "text", "trial": "boolean", "visits": "number", "renews": "date", "lives-in": "text"}
FIELDS = people(ATTRIBUTES).fields
OF_COURSES = courses().fields
RATED, SEARCHED = inside("rated").fields, inside("searched").fields
DAY = timedelta(days=1)


def read(text: str) -> Node:
    """The only rule of a segment."""
    [rule] = check_segment(text, ATTRIBUTES)
    return rule.node


def compare(name: str, op: str, value: str | Decimal | date | bool) -> Compare:
    return Compare(FIELDS[name], op, Value(value))


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("everyone", Everyone()),
        ("last_seen within 30d", Span(FIELDS["last_seen"], 30 * DAY)),
        ("  last_seen\n within\t12h ", Span(FIELDS["last_seen"], DAY / 2)),
        ("last_seen within last 2w", Span(FIELDS["last_seen"], 14 * DAY)),
        ("signed_up over 90d", Span(FIELDS["signed_up"], 90 * DAY, over=True)),
        ("renews within next 7d", Span(FIELDS["renews"], 7 * DAY, ahead=True)),
        ("renews within last 7d", Span(FIELDS["renews"], 7 * DAY)),
        ("signed_up >= 2026-01-31", compare("signed_up", ">=", date(2026, 1, 31))),
        ('country == "in"', compare("country", "==", "IN")),
        ("country != 'IN'", compare("country", "!=", "IN")),
        ('plan == "it\'s"', compare("plan", "==", "it's")),
        ('lives-in in ["a", "b"]', OneOf(FIELDS["lives-in"], (Value("a"), Value("b")))),
        ('country not in ["NO"]', OneOf(FIELDS["country"], (Value("NO"),), negated=True)),
        ("visits in [1, -2.50]", OneOf(FIELDS["visits"], (Value(Decimal(1)), Value(Decimal("-2.5"))))),
        ("email is set", IsSet(FIELDS["email"])),
        ("last_seen is not set", IsSet(FIELDS["last_seen"], negated=True)),
        ("trial", compare("trial", "==", True)),
        ("trial == false", compare("trial", "==", False)),
        ("visits>3", compare("visits", ">", Decimal(3))),
        ('favourite_category == " AI  basics"', compare("favourite_category", "==", "ai basics")),
        ("enrolled()", Event("enrolled")),
        ('completed("c-1")', Event("completed", Compare(OF_COURSES["course_id"], "==", Value("c-1")))),
        ('searched("Excel")', Event("searched", Has(SEARCHED["query"], Value("excel")))),
        ("viewed() at least 3 times within 60d", Event("viewed", None, ">=", 3, 60 * DAY)),
        ("viewed() within 60d at most 1 time", Event("viewed", None, "<=", 1, 60 * DAY)),
        (
            'rated(rating >= 4, category="AI")',
            Event(
                "rated",
                All(
                    (
                        Compare(RATED["rating"], ">=", Value(Decimal(4))),
                        Compare(OF_COURSES["category"], "==", Value("ai")),
                    )
                ),
            ),
        ),
    ],
)
def test_one_rule(text: str, node: Node) -> None:
    assert read(text) == node


A, B, C, D = (compare("plan", "==", letter) for letter in "abcd")
_WRITTEN = {letter: f'plan == "{letter}"' for letter in "abcd"}


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a or b and c", AnyOf((A, All((B, C))))),
        ("a and b or c", AnyOf((All((A, B)), C))),
        ("a and b or c and d", AnyOf((All((A, B)), All((C, D))))),
        ("a or b or c", AnyOf((A, B, C))),
        ("(a or b)", AnyOf((A, B))),
        ("((a))", A),
        ("not a or b", AnyOf((Not(A), B))),
        ("not (a or b)", Not(AnyOf((A, B)))),
        ("not not a", Not(Not(A))),
        ("a or not b and c", AnyOf((A, All((Not(B), C))))),
        ("a or (b or c)", AnyOf((A, AnyOf((B, C))))),
    ],
)
def test_not_binds_before_and_and_and_before_or(text: str, node: Node) -> None:
    assert read(_spelt(text)) == node


def _spelt(text: str) -> str:
    words = text.replace("(", "( ").replace(")", " )").split()
    return " ".join(_WRITTEN.get(word, word) for word in words)


def test_rules_are_the_parts_between_the_outermost_ands_as_they_are_written() -> None:
    text = (
        'last_seen within 90d\n  and not completed("python-101")\n'
        'and (country == "IN"\n     or trial and email is set)\n'
    )
    assert [rule.text for rule in check_segment(text, ATTRIBUTES)] == [
        "last_seen within 90d",
        'not completed("python-101")',
        '(country == "IN" or trial and email is set)',
    ]
    [rule] = check_segment("trial or everyone and everyone", ATTRIBUTES)
    assert rule.text == "trial or everyone and everyone"
    assert check_segment("everyone", {}) == (Rule("everyone", Everyone()),)


def test_a_where_is_one_condition_on_courses() -> None:
    price = Compare(OF_COURSES["price"], "<=", Value(Decimal("49.50")))
    level = Compare(OF_COURSES["level"], "!=", Value("advanced"))
    assert check_where('price <= 49.50 and level != "advanced"') == All((price, level))
    assert check_where("closes within 14d") == Span(OF_COURSES["closes"], 14 * DAY, ahead=True)
    assert check_where('tags has "Excel" or staff_pick') == AnyOf(
        (Has(OF_COURSES["tags"], Value("excel")), Compare(OF_COURSES["staff_pick"], "==", Value(True)))
    )


def test_a_declared_attribute_does_not_hide_a_field_of_ours() -> None:
    assert check_segment('country == "in"', {"country": "number"})[0].node == compare("country", "==", "IN")


def problems(text: str, check: object = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_where(text) if check is check_where else check_segment(text, ATTRIBUTES)
    return [f"{one.line}:{one.column} {one.message}" for one in caught.value.problems]


def written_down(name: str) -> list[tuple[str, list[str]]]:
    """Texts with their mistakes; a file has a text, its answers after `!`, and an empty line."""
    blocks = (Path(__file__).parent / name).read_text().rstrip().split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [
        ("\n".join(one for one in block if one[:2] != "! "), [one[2:] for one in block if one[:2] == "! "])
        for block in lines
    ]


@pytest.mark.parametrize(("text", "answers"), written_down("mistakes.txt"))
def test_a_mistake_is_answered_as_written_down(text: str, answers: list[str]) -> None:
    assert problems(text) == answers


@pytest.mark.parametrize(("text", "answers"), written_down("mistakes_in_where.txt"))
def test_a_mistake_in_a_where_is_answered_as_written_down(text: str, answers: list[str]) -> None:
    assert problems(text, check_where) == answers


RULE = "expected a rule such as last_seen within 30d, or everyone"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", f"1:1 is empty; {RULE}"),
        (" \n ", f"1:1 is empty; {RULE}"),
        ("everyone and\n", f"1:13 found the end; {RULE}"),
        ("x" * 5000, "1:4001 a segment has at most 4,000 characters"),
        ("not " * 900 + "everyone", "1:161 is nested more than 40 deep"),
        ('plan == "\x00"', "1:10 the character U+0000 may not stand in a segment"),
        ('plan == "\ud800"', "1:10 the character U+D800 may not stand in a segment"),
    ],
)
def test_what_no_file_can_hold_is_answered_too(text: str, answer: str) -> None:
    assert problems(text) == [answer]


@pytest.mark.parametrize(
    "text",
    [
        '"x"; drop table users',
        'plan == "x"; drop table users',
        "everyone or 1=1 --",
        "everyone or true --",
        "everyone/**/or/**/everyone",
        '__import__("os").system("true")',
        "plan == 'x' or 'a'='a'",
        "plan == users.email",
        "(select 1)",
        "country in (select country from users)",
        "plan == {{ user.plan }}",
        "plan == :plan",
        "everyone union select 1",
    ],
)
def test_what_is_no_segment_never_reaches_the_database(text: str) -> None:
    assert all(answer[0] == "1" for answer in problems(text))


_PIECES = """
viewed searched rated completed viewed( searched( everyone and or not in is set has within over next last at
least most times 3 30d 7 h 2026-01-31 true "x" 'y' " “x” ( ) [ ] , == != < = && é # -
"""
WORDS = st.sampled_from([*FIELDS, *OF_COURSES, *_PIECES.split(), "\n", " ", "\x00"])
TEXTS = st.one_of(st.text(), st.lists(WORDS).map("".join), st.lists(WORDS).map(" ".join))


@given(TEXTS)
@settings(deadline=None)
@example("last_seen within 36500d")
@example("(" * 2_000)
@example("not " * (DEPTH_LIMIT + 1))
@example("and " * 1_000)
@example("[" * 2_000 + "]" * 1_000)
def test_any_text_is_read_or_refused(text: str) -> None:
    for check in (check_where, lambda one: check_segment(one, ATTRIBUTES)):
        with suppress(ConfigError):
            check(text)
