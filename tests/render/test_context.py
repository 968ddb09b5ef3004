"""Contexts: what is removed from values, what is isolated, what is refused."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from recmail.errors import RenderError
from recmail.render.context import clean_name, isolate, printable
from recmail.render.names import NAMES
from tests.render.contexts import block, context, course, full

FSI, PDI = "\u2068", "\u2069"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ana\r\nBcc: x", "Ana Bcc: x"),
        ("A\x00n\x1b\x85a", "A n a"),
        ("\u202eanA\u202c", "anA"),
        (f"Ana{PDI}{PDI}", "Ana"),
        ("  Ana  Maria ", "Ana Maria"),
        ("\x01\x02", ""),
        ("O'Brien & Sons", "O'Brien & Sons"),
        ("श्र\u200dीमती", "श्र\u200dीमती"),  # the joiner belongs to the spelling
        ("👩\u200d🏫", "👩\u200d🏫"),
    ],
)
def test_names_lose_controls_and_direction_marks_and_nothing_else(name, expected):
    assert clean_name(name) == expected


@pytest.mark.parametrize(
    ("text", "direction", "expected"),
    [
        ("Ana", "ltr", "Ana"),
        ("José", "ltr", "José"),
        ("अनन्या", "ltr", "अनन्या"),
        ("שרה", "ltr", f"{FSI}שרה{PDI}"),
        ("ليلى", "ltr", f"{FSI}ليلى{PDI}"),
        ("ליאת SQL", "ltr", f"{FSI}ליאת SQL{PDI}"),
        ("ليلى", "rtl", "ليلى"),
        ("Ana", "rtl", f"{FSI}Ana{PDI}"),
        ("123", "rtl", "123"),
    ],
)
def test_only_text_of_the_other_direction_is_isolated(text, direction, expected):
    assert isolate(text, direction) == expected


def test_names_and_titles_are_isolated_wherever_they_are():
    user = {"first_name": "שרה", "last_name": None, "language": "he", "country": "IL"}
    picks = block("top_picks", [course("a", title="עברית", category="שפות")])
    values = printable(context([picks], user=user, because={"title": "גם", "course_id": "b"}), user_id="u1")
    assert values["user"]["first_name"] == f"{FSI}שרה{PDI}"
    assert values["because"]["title"] == f"{FSI}גם{PDI}"
    assert values["courses"][0]["title"] == f"{FSI}עברית{PDI}"
    assert values["blocks"][0]["courses"][0]["title"] == f"{FSI}עברית{PDI}"
    assert values["courses"][0]["category"] == "שפות"  # templates compare it


def test_these_contexts_have_every_documented_name_and_no_other():
    assert shape(full()) == shape_of(NAMES)


def shape(value: object) -> object:
    """Return a value with its fields and without its contents."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(value[-1])] if isinstance(value, list) and value else None


def shape_of(documented: object) -> object:
    if isinstance(documented, dict):
        return {name: shape_of(item) for name, item in documented.items()}
    return [shape_of(item) for item in documented] if isinstance(documented, list) else None


def test_the_frozen_context_itself_is_left_alone():
    frozen = full()
    frozen["user"]["first_name"] = "שרה\x07"
    printable(frozen, user_id="u1")
    assert frozen["user"]["first_name"] == "שרה\x07"


def test_controls_and_lone_surrogates_are_removed_from_every_value_and_lines_stay():
    text = "One\n\x00two\ud800\tthree\x0c"
    values = printable(context([block("text", [], text=text)]), user_id="u1")
    assert values["blocks"][0]["text"] == "One\ntwo\tthree"


class Account:
    def delete(self) -> None:
        raise AssertionError("a template must never get here")


@pytest.mark.parametrize("value", [Account(), Markup("<b>Ana</b>"), ("a", "b"), {1, 2}, b"Ana"])
def test_only_plain_values_are_printed(value):
    frozen = full()
    frozen["courses"][1]["title"] = value
    with pytest.raises(RenderError, match=r"courses\[1\]\.title is a .* \(for user u1\)"):
        printable(frozen, user_id="u1")
