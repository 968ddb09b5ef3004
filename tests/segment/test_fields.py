"""docs/segments.md says what the registry says, and every example in it can be written as it stands.

python -m tests.segment.test_reference      writes the reference into the page anew
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recmail.records import KINDS
from recmail.segment import check_segment, check_where
from recmail.segment.fields import EVENTS, Field, of_courses, of_events, of_people

PAGE = Path(__file__).parents[2] / "docs" / "segments.md"
ATTRIBUTES = {"plan": "text", "trial": "boolean", "visits": "number", "renews": "date"}


def examples(language: str) -> list[str]:
    """All code of one kind; a line that begins with and or or goes on with the one before."""
    code = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [one for block in code for one in re.split(r"\n(?!\s*(?:and|or)\b)", block.strip()) if one]


@pytest.mark.parametrize("text", examples("segment"))
def test_examples_of_segments_are_right(text: str) -> None:
    check_segment(text, ATTRIBUTES)


@pytest.mark.parametrize("text", examples("where"))
def test_examples_of_where_are_right(text: str) -> None:
    check_where(text)


def test_there_are_examples() -> None:
    assert len(examples("segment")) > 20
    assert len(examples("where")) > 5


@pytest.mark.parametrize("field", [*of_people(), *of_events().values()], ids=lambda field: field.name)
def test_examples_of_fields_are_right(field: Field) -> None:
    assert field.name in field.example
    check_segment(field.example, {})


@pytest.mark.parametrize("field", of_courses(), ids=lambda field: field.name)
def test_examples_of_fields_of_courses_are_right(field: Field) -> None:
    assert field.name in field.example
    check_where(field.example)


def test_every_kind_of_interaction_is_an_event() -> None:
    assert tuple(EVENTS) == KINDS
