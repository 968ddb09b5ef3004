"""Links of a finished email are led through a door, all of those and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.render.email import Email
from recmail.render.tracking import through, with_picture


def email(html: str, text: str = "") -> Email:
    return Email(subject="Hi", preheader="", html=html, text=text)


def door(url: str) -> str | None:
    """A door that says where it leads, and none to what is kept."""
    return None if "/keep/" in url else "https://t.example/" + url.partition("://")[2].replace("&", "+")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<a href="https://a.example/1">x</a>', '<a\nhref="https://t.example/a.example/1">x</a>'),
        (
            '<a class="b"\n  href="https://a.example/1?x=1&amp;y=2" title="t">',
            '<a class="b"\nhref="https://t.example/a.example/1?x=1+y=2"\ntitle="t">',
        ),
        ("<A HREF = 'http://a.example/'>", '<A\nhref="https://t.example/a.example/">'),
        (
            '<area alt="a > b" href="https://a.example"/>',
            '<area alt="a > b"\nhref="https://t.example/a.example"/>',
        ),
        ('<v:roundrect href="https://a.example">', '<v:roundrect\nhref="https://t.example/a.example">'),
    ],
)
def test_a_link_leads_through_the_door(before: str, after: str) -> None:
    assert through(email(before), door).html == after


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:help@a.example">',
        '<a href="#top">',
        '<a href="https://a.example/keep/1">',
        '<img src="https://a.example/1.png">',
        '<link rel="stylesheet" href="https://a.example/x.css">',
        "<a title=\"a href='https://a.example'\">",
        '<a title="x">say href="https://a.example"</a>',
        "https://a.example/ in the words of a page",
        '<abbr href="https://a.example">',
    ],
)
def test_what_is_no_link_of_the_web_stays(html: str) -> None:
    assert through(email(html), door).html == html


def test_links_of_the_text_lead_through_it_without_the_stop_behind_them() -> None:
    text = "Enroll: https://a.example/1?x=1&y=2.\nLeave: https://a.example/keep/1\n(https://b.example)"
    assert through(email("", text), door).text == (
        "Enroll: https://t.example/a.example/1?x=1+y=2.\nLeave: https://a.example/keep/1\n"
        "(https://t.example/b.example)"
    )


_PIECE = st.sampled_from(
    [
        '<a href="https://a.example/1">',
        "<a ",
        'href="https://b.example"',
        "'",
        '"',
        ">",
        "<",
        " ",
        "x",
        "</a>",
    ]
)


@given(st.lists(_PIECE, max_size=12).map("".join))
def test_without_doors_no_letter_of_a_page_changes(html: str) -> None:
    assert through(email(html, html), lambda url: None) == email(html, html)


def test_the_picture_is_the_last_thing_of_a_page() -> None:
    url = "https://t.example/o/x.gif"
    found = with_picture(email("<body><p>Hi</p></body></html>"), url).html
    assert re.sub("<img [^>]*>", "IMG", found) == "<body><p>Hi</p>IMG</body></html>"
    assert f'src="{url}"' in found
    assert with_picture(email("Hi"), url).html.startswith('Hi<img src="')
