"""Whatever a template or a style says, looking at the message ends in findings and never in a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.render.lint.messages import body_found, email, findings

NUMBERS = st.text("0123456789.-+e²٣", max_size=6)
VALUES = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["bold ", "/", "px", "pt", "em", "%", " arial", "#", "rgb(", ")", ",", "url(", "red", ";"]
        )
        | NUMBERS,
        max_size=6,
    ),
)
PROPERTIES = st.sampled_from(
    ["font-size", "font", "color", "background", "background-color", "opacity", "max-height", "width"]
)
STYLES = st.lists(st.builds("{}:{}".format, PROPERTIES, VALUES), max_size=4).map(";".join)
TAGS = st.sampled_from(["p", "td", "th", "h1", "h2", "a", "span", "font", "body", "li", "button", "img", ""])
STARTS = st.builds(
    '<{} class="a" style="{}" {}={}>'.format,
    TAGS,
    STYLES,
    st.sampled_from(["href", "src", "width", "bgcolor", "size", "text", "alt"]),
    VALUES,
)
ENDS = TAGS.map("</{}>".format)
WORDS = st.sampled_from(
    ["words", "None", "&#xd83d;", "\ud83d", "&nbsp;", "<!--", "-->", "<", ">", '"', "&#0;"]
)
SHEETS = st.builds(
    "<style>{} {{ {} }}</style>".format, st.sampled_from(["p", ".a > b", "@media x", "a:"]), STYLES
)


@settings(deadline=None, max_examples=60)
@given(st.lists(STARTS | ENDS | WORDS | SHEETS, max_size=15))
def test_any_page_is_looked_at(parts):
    sent = email(html="".join(parts))
    assert findings(sent) == findings(sent)


@pytest.mark.parametrize("size", ["32..5px", ".px", "1.2.3px", "..em", "1.2.3%"])
def test_a_size_that_is_no_number_is_ignored(size):
    assert body_found(f'<p><span style="font-size:{size}; color:#888">Hello</span></p>') == ["contrast"]
    assert body_found(f'<p><span style="font:bold {size}/4 arial; color:#888">Hello</span></p>') == [
        "contrast"
    ]
    assert body_found(f'<td class="a" style="font-size:{size}"></td>') == []


def test_an_end_tag_without_a_name_ends_nothing():
    assert body_found("</><p>Hello</></p></>") == []
    assert findings(email(html="</>")) != []
