"""CSS as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.render.lint.css import declarations_of, read_sheet


def read(css: str) -> list[tuple[str, str, int]]:
    return [(one.property, one.value, one.line) for one in read_sheet(css)]


def test_declarations_have_their_line_and_what_is_around_them():
    css = (
        "/* a: b;\n */ .a, .b {\n  color: RED;\n  margin:0 !important }\n@media (x) {\n .c { color: #FFF } }"
    )
    assert read(css) == [("color", "red", 3), ("margin", "0", 4), ("color", "#fff", 6)]
    assert [one.around for one in read_sheet(css)] == [(".a, .b",), (".a, .b",), ("@media (x)", ".c")]
    assert [one.important for one in read_sheet(css)] == [False, True, False]
    assert len({one.rule for one in read_sheet(css)}) == 2


def test_what_stands_in_quotes_and_brackets_ends_nothing():
    css = "a { background: url(data:image/png;base64,AA{}==); content: '};'; width: calc((1px + 2px)*3)"
    assert [name for name, _, _ in read(css)] == ["background", "content", "width"]


def test_rules_without_a_body_are_declarations():
    assert read('@import url("a.css");\na { color: red }') == [
        ("@import", 'url("a.css")', 1),
        ("color", "red", 2),
    ]


@pytest.mark.parametrize(
    "css", ["a { color", "}}} a { color: red", "a { : ; ;; }", 'a { x: "', "((((", "", "a{b:(c}"]
)
def test_broken_css_is_read_as_far_as_it_goes(css):
    assert len(list(read_sheet(css))) <= 1


@settings(deadline=None)
@given(st.text(alphabet="a:;{}()\"'/* \n@", max_size=200))
def test_any_text_is_read(css):
    for one in read_sheet(css):
        assert one.property == one.property.strip()
        assert 1 <= one.line <= css.count("\n") + 1


@pytest.mark.parametrize(
    ("style", "hidden"),
    [
        ("display:none", True),
        ("Display: None", True),
        ("max-height:0; overflow:hidden", True),
        ("opacity:0", True),
        ("mso-hide:all", False),
        ("visibility:hidden", True),
        ("max-height:none; opacity:1; display:block", False),
        ("opacity:0.5; max-height:10px", False),
        ("display:none; display:block", False),
        ("", False),
    ],
)
def test_what_is_not_seen(style, hidden):
    assert declarations_of(style).hidden is hidden
