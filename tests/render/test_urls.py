"""Addresses in a page: the quick look finds harmless only what the slow one finds harmless."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.errors import RenderError
from recmail.render.urls import check_addresses

# What the quick look does not know, and the slow one lets pass: with it in front, a page is taken apart.
STRANGE = "<p class='x'>"
TOKENS = (
    *(
        "<a",
        "<A",
        "<img",
        "<td",
        "</a>",
        ">",
        "/>",
        " ",
        "\n",
        "=",
        " = ",
        '"',
        "'",
        '"x"',
        "'y'",
        "<",
        "<!--",
    ),
    *("-->", " href", " HREF", " src", " alt", " data-href", " nowrap", "href", '="', "='", " background"),
    *(
        " xlink:href",
        "https://a.example",
        "http:",
        "mailto:a@b.example",
        "javascript:x",
        "java\nscript:",
        "#",
    ),
    *("#top", "/path", "&#106;avascript:", "data:x", "&quot;", "text", "é"),
)


def refusal(page: str) -> str | None:
    try:
        check_addresses(page, images=None, template="", user_id="")
    except RenderError as error:
        return error.message
    return None


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=14).map("".join))
def test_the_quick_look_agrees_with_the_slow_one(page: str) -> None:
    assert refusal(page) == refusal(STRANGE + page)


@pytest.mark.parametrize(
    "page",
    [
        '<a href="https://a.example/x?a=1&amp;b=2" class="b">x</a>',
        '<a class="b" href="mailto:help@a.example">x</a><a href="#top">x</a>',
        '<td nowrap background="https://a.example/x.png"><img alt="" src="HTTP://a.example/x.png"/>',
        '<a data-href="javascript:x">x</a>',
    ],
)
def test_web_and_mail_addresses_pass(page: str) -> None:
    assert refusal(page) is None


@pytest.mark.parametrize(
    "page",
    [
        '<a href="">x</a>',
        "<a href>x</a>",
        '<a href ="javascript:x">x</a>',
        '<a nowrap href="tel:+49">x</a>',
        '<img alt="x" src="cid:1">',
        '<a title="' + "x" * 2_000 + '" href="javascript:x">x</a>',
        '<a href="https:// a.example">x</a><a href="/course">x</a>',
    ],
)
def test_anything_else_is_refused(page: str) -> None:
    assert "may link only to http:, https: and mailto:" in (refusal(page) or "")
