"""The links of a template's author get the campaign's marks, and nothing else of a template changes."""

from __future__ import annotations

from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.links import link_mistakes, mark_links, with_marks
from tests.render.test_golden import GOLDEN

MARKS = {"utm_source": "re mail", "utm_campaign": "spring"}
OURS = "utm_source=re%20mail&amp;utm_campaign=spring"
PLAIN = OURS.replace("&amp;", "&")


def marked(text: str, name: str = "x.html.j2") -> str:
    return mark_links(TemplateBundle({name: text}), MARKS).files[name]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<a href="https://a.example">x</a>', f'<a href="https://a.example?{OURS}">x</a>'),
        (
            "<a class=b href = 'http://a.example/x?y=1&amp;z=2#top'>",
            f"<a class=b href = 'http://a.example/x?y=1&amp;z=2&amp;{OURS}#top'>",
        ),
        (
            '<a href="https://a.example/?utm_source=mine">',
            '<a href="https://a.example/?utm_source=mine&amp;utm_campaign=spring">',
        ),
        (
            '<a href="https://a.example/?a&#38;UTM_SOURCE=x#b">',
            '<a href="https://a.example/?a&#38;UTM_SOURCE=x&amp;utm_campaign=spring#b">',
        ),
        ('<a href="https://a.example?">', f'<a href="https://a.example?{OURS}">'),
        (
            '<a {% if 1 > 0 %}class="b"{% endif %}\n href="https://a.example">',
            f'<a {{% if 1 > 0 %}}class="b"{{% endif %}}\n href="https://a.example?{OURS}">',
        ),
        (
            '<!--[if mso]><v:rect href="https://a.example"><![endif]-->',
            f'<!--[if mso]><v:rect href="https://a.example?{OURS}"><![endif]-->',
        ),
    ],
)
def test_web_links_of_a_template_are_marked(source: str, expected: str) -> None:
    assert marked(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '<a href="mailto:help@a.example">',
        '<a href="#top">',
        '<a href="{{ links.unsubscribe }}">',
        '<a href="{{ course.url }}">',
        '<a href="https://a.example/{{ course.course_id }}">',
        '<link href="https://a.example/font.css"><img src="https://a.example/x.png">',
        '<a title="href=" data-href="https://a.example">https://a.example</a>',
        '<a href="https://a.example?utm_source=x&amp;utm_campaign=y">',
    ],
)
def test_other_addresses_stay(source: str) -> None:
    assert marked(source) == source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("See https://a.example/x.", f"See https://a.example/x?{PLAIN}."),
        ("(https://a.example/?a=b#c)\n", f"(https://a.example/?a=b&{PLAIN}#c)\n"),
        ("https://a.example/{{ x }} mailto:a@b.example", None),
        ("{{ 'https://a.example' }}{# https://a.example #}", None),
        ("Unsubscribe: {{ links.unsubscribe }}", None),
    ],
)
def test_links_of_the_text_part_are_marked_too(source: str, expected: str | None) -> None:
    assert marked(source, "x.txt.j2") == (source if expected is None else expected)


def test_a_campaign_without_marks_changes_nothing() -> None:
    bundle = load_bundle(GOLDEN.parents[1] / "templates")
    assert mark_links(bundle, {}) == bundle


_URLS = st.from_regex(r"https://a\.example/[a-z&]{0,4}(\?[a-z=&;+%]{0,10})?(#[a-z?&#]{0,6})?", fullmatch=True)


@given(_URLS)
def test_marks_are_added_to_the_query_and_the_rest_stays(url: str) -> None:
    before, after = urlsplit(url), urlsplit(with_marks(url, MARKS))
    assert parse_qsl(after.query)[-2:] == list(MARKS.items())
    assert parse_qsl(after.query)[:-2] == parse_qsl(before.query)
    assert (after.path, after.fragment) == (before.path, before.fragment)


@given(_URLS.filter(lambda url: "utm" not in url))
def test_in_html_the_same_marks_are_added(url: str) -> None:
    written = url.replace("&", "&amp;")
    found = marked(f'<a href="{written}">').removeprefix('<a href="').removesuffix('">')
    assert unescape(found) == with_marks(url, MARKS)


def test_wrong_addresses_are_found_before_anybody_is_rendered() -> None:
    bundle = TemplateBundle(
        {
            "x.html.j2": '{% extends "base.html.j2" %}\n{# <a href="/no"> #}\n<a\nhref="/course">x</a>',
            "base.html.j2": '{% include "part.html.j2" %}\n<img alt="src" src="images/logo.png">',
            "part.html.j2": '<a href="{{ course.url }}"><a href=\'javascript:x\'><a href="mailto:a@b">',
            "other.html.j2": '<a href="ftp://a.example">',
        }
    )
    found = sorted(
        (error.template, error.line, error.message.partition(";")[0]) for error in link_mistakes(bundle, "x")
    )
    assert found == [
        ("base.html.j2", 2, "src is 'images/logo.png'"),
        ("part.html.j2", 1, "href is 'javascript:x'"),
        ("x.html.j2", 4, "href is '/course'"),
    ]


def test_the_shipped_templates_have_no_wrong_addresses() -> None:
    assert link_mistakes(load_bundle(GOLDEN.parents[1] / "templates"), "weekly") == []
