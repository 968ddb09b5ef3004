"""What is documented of templates' names is true of the contexts that they get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recmail.render.frozen import freeze_people, full_context
from recmail.render.names import DOCUMENTED, IN_TEMPLATES, NAMES
from tests.render.contexts import arabic, full
from tests.render.test_frozen import PAIRS, PEOPLE, SLOTS, wording

BY_PATH = {name.path: name for name in DOCUMENTED}
CONTEXTS = [full(), arabic(), *(full_context(one, wording()) for one in freeze_people(SLOTS, PEOPLE, PAIRS))]
TYPES = {"text": str, "number": int, "fields": dict, "list": list, "courses": list}


def values(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a context with the path that documents it; a block's courses under courses[]."""
    if path:
        yield path + ("[]" if isinstance(value, list) else ""), value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from values(inner, f"{path}.{name}" if path else name)
    for item in value if isinstance(value, list) else ():
        inside = "courses[]" if path == "blocks[].courses" else f"{path}[]"
        for name, inner in item.items():
            yield from values(inner, f"{inside}.{name}")


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_value_is_of_the_documented_kind_and_none_only_where_that_is_said(context: dict) -> None:
    for path, value in values(context):
        name = BY_PATH[path]
        assert name.may_be_none if value is None else isinstance(value, TYPES[name.kind]), path


def test_every_name_is_documented_once_and_has_an_example_when_it_can_be_printed() -> None:
    names = [*DOCUMENTED, *IN_TEMPLATES]
    assert len({name.path for name in names}) == len(names)
    for name in names:
        assert bool(name.example) == (name.kind in ("text", "number")), name.path


def test_a_blocks_courses_have_the_fields_of_all_courses() -> None:
    [block] = NAMES["blocks"]
    assert block["courses"] == NAMES["courses"]
