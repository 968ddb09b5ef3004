"""Everything that a segment can ask about: fields of people and courses, and events, in one place.

Errors, types and docs/segments.md are made from this; a new field is a line here, and one in people.py or
courses.py when its column has another name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from recmail.errors import did_you_mean
from recmail.records import LEVELS, category_key
from recmail.settings.codes import country, language
from recmail.settings.values import currency, timezone


class Type(StrEnum):
    """What a field holds."""

    TEXT = "text"
    TEXTS = "list of texts"
    NUMBER = "number"
    BOOLEAN = "true or false"
    TIME = "time"
    DAY = "day"


def folded(text: str) -> str:
    """A text as it is compared where people spell in many ways: without regard to case and extra spaces."""
    return category_key(text) or ""


def _as_written(text: str) -> str:
    return text


def _small(text: str) -> str:
    """A to Z in small letters and nothing else changed, as both databases can do it."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _language(text: str) -> str:
    return _small(language(text))


def _level(text: str) -> str:
    if text not in LEVELS:
        hint = did_you_mean(text, LEVELS) or f"; expected {', '.join(LEVELS)}"
        raise ValueError(f"found {text!r}{hint}")
    return text


@dataclass(frozen=True)
class Field:
    """Something known of a person, a course or an event.

    Attributes:
        example: a rule that uses it.
        read: from a text of a segment to the text that is compared; raises ValueError.
        partly: `has` finds a part of the text, without regard to case.
        ahead: a time that lies before us: `within` counts forward from now.
        hidden: only whether it is set can be asked.
        attribute: declared in recmail.toml.
    """

    name: str
    type: Type
    description: str
    example: str
    read: Callable[[str], str] = _as_written
    partly: bool = False
    ahead: bool = False
    hidden: bool = False
    attribute: bool = False


_PEOPLE = (
    Field("user_id", Type.TEXT, "your own id of the person", 'user_id in ["u-1", "u-7"]'),
    Field("email", Type.TEXT, "the address; only whether there is one", "email is set", hidden=True),
    Field("first_name", Type.TEXT, "first name", "first_name is set"),
    Field("last_name", Type.TEXT, "last name", "last_name is set"),
    Field(
        "language",
        Type.TEXT,
        'language tag; "pt" includes "pt-BR"; capitals do not matter',
        'language == "pt"',
        read=_language,
    ),
    Field("country", Type.TEXT, "country, in two letters", 'country == "IN"', read=country),
    Field("timezone", Type.TEXT, "time zone", 'timezone == "Asia/Kolkata"', read=timezone),
    Field("signed_up", Type.TIME, "when the person signed up", "signed_up >= 2026-01-31"),
    Field(
        "last_seen",
        Type.TIME,
        "the later of the last visit that you recorded and the newest event",
        "last_seen within 30d",
    ),
    Field(
        "enrolments",
        Type.NUMBER,
        "number of different courses taken: enrolled, progressed or completed",
        "enrolments >= 3",
    ),
    Field("completions", Type.NUMBER, "number of different courses completed", "completions == 0"),
    Field(
        "favourite_category",
        Type.TEXT,
        "the category of most courses taken; of two with as many, the one taken last",
        'favourite_category == "Data"',
        read=folded,
    ),
)
_COURSES = (
    Field("course_id", Type.TEXT, "your own id of the course", 'course_id == "python-101"'),
    Field(
        "title", Type.TEXT, "title; case and extra spaces do not matter", 'title has "excel"', folded, True
    ),
    Field(
        "category",
        Type.TEXT,
        "category; case and extra spaces do not matter",
        'category in ["Data", "Design"]',
        read=folded,
    ),
    Field("level", Type.TEXT, f"level: {', '.join(LEVELS)}", 'level != "advanced"', read=_level),
    Field("tags", Type.TEXTS, "tags; case and extra spaces do not matter", 'tags has "excel"', read=folded),
    Field(
        "topics", Type.TEXTS, "topics; case and extra spaces do not matter", 'topics has "SQL"', read=folded
    ),
    Field(
        "language",
        Type.TEXT,
        'language tag; "pt" includes "pt-BR"; capitals do not matter',
        'language == "hi"',
        read=_language,
    ),
    Field("price", Type.NUMBER, "price, in the course's own currency; 0 is free", "price <= 49.50"),
    Field(
        "currency", Type.TEXT, "currency of the price, in three letters", 'currency == "EUR"', read=currency
    ),
    Field("duration_min", Type.NUMBER, "length in minutes", "duration_min <= 120"),
    Field("seats", Type.NUMBER, "places that the course has, taken ones included", "seats is not set"),
    Field("published", Type.TIME, "when it was published", "published within 30d"),
    Field("closes", Type.TIME, "when it closes; lies ahead", "closes within 14d", ahead=True),
    Field("staff_pick", Type.BOOLEAN, "whether your staff picked it", "staff_pick"),
)
_OF_EVENTS = {
    "rated": Field("rating", Type.NUMBER, "the rating given, 1 to 5", "rated(rating >= 4)"),
    "progressed": Field("progress", Type.NUMBER, "the part done, 0 to 1", "progressed(progress >= 0.8)"),
    "searched": Field(
        "query",
        Type.TEXT,
        "the words searched for; capitals of A to Z do not matter",
        'searched(query has "excel")',
        read=_small,
        partly=True,
    ),
}

EVENTS: Mapping[str, str] = {
    "viewed": "looked at a course",
    "searched": "searched for something",
    "enrolled": "enrolled in a course",
    "progressed": "went on in a course",
    "completed": "completed a course",
    "rated": "rated a course",
}
"""What people do: the kinds of interactions, with plain words."""
IN_CLUSTER = "in_cluster"
"""Written as events are, with the name of a cluster that `recmail train` found."""

_ATTRIBUTE_TYPES = {
    "text": (Type.TEXT, '{} == "pro"'),
    "number": (Type.NUMBER, "{} >= 3"),
    "boolean": (Type.BOOLEAN, "{}"),
    "date": (Type.DAY, "{} >= 2026-01-31"),
}


@dataclass(frozen=True)
class Scope:
    """What can be asked at one place: of people, of courses, or inside the parentheses of an event.

    Attributes:
        noun: what a condition is about.
        events: whether events can be asked, which only people have.
        example: a rule to show to somebody who has none.
        event: the kind of event whose parentheses these are.
    """

    noun: str
    fields: Mapping[str, Field]
    example: str
    events: bool = False
    event: str | None = None


def people(attributes: Mapping[str, str]) -> Scope:
    """What can be asked of people.

    Args:
        attributes: types (text, number, boolean, date) by name, as [attributes] in recmail.toml has them.
    """
    declared = {name: _attribute(name, kind) for name, kind in attributes.items()}
    return Scope(
        "people", {**declared, **_by_name(_PEOPLE)}, "last_seen within 30d, or everyone", events=True
    )


def courses() -> Scope:
    """What can be asked of courses."""
    return Scope("courses", _by_name(_COURSES), 'level == "beginner"')


def inside(event: str) -> Scope:
    """What can be asked inside the parentheses of an event; a search is not about a course."""
    own = [_OF_EVENTS[event]] if event in _OF_EVENTS else []
    fields = _by_name((*own, *(() if event == "searched" else _COURSES)))
    example = 'query has "excel"' if event == "searched" else 'category == "Data"'
    return Scope(event, fields, example, event=event)


def _by_name(fields: tuple[Field, ...]) -> dict[str, Field]:
    return {field.name: field for field in fields}


def _attribute(name: str, kind: str) -> Field:
    what, example = _ATTRIBUTE_TYPES[kind]
    return Field(name, what, "declared in recmail.toml", example.format(name), attribute=True)


def of_people() -> tuple[Field, ...]:
    """All fields of people but the declared ones, in the order of the documentation."""
    return _PEOPLE


def of_courses() -> tuple[Field, ...]:
    """All fields of courses, in the order of the documentation."""
    return _COURSES


def of_events() -> Mapping[str, Field]:
    """What events have of their own, by kind."""
    return _OF_EVENTS
