"""Selectors against a tag and those around it, beside what lxml makes of the same page."""

from __future__ import annotations

import cssselect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from recmail.render.lint.page import Path, read_tag
from recmail.render.lint.selectors import applies, read_selectors

NAMES = st.sampled_from(["div", "p", "a"])
CLASSES = st.lists(st.sampled_from(["x", "y"]), max_size=2)
TAG = st.builds(lambda name, kinds: f'<{name} class="{" ".join(kinds)}">', NAMES, CLASSES)
SIMPLE = st.sampled_from(
    ["*", "div", "p", ".x", ".y", "p.x", "[class]", '[class~="y"]', "a:not(.x)", "p.x.y"]
)
SELECTOR = st.lists(SIMPLE, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([" ", " > "]).map(lambda joint: joint.join(parts))
)


def path_of(tags: list[str]) -> Path:
    path = Path(read_tag("<html>"), Path(read_tag("<!-- -->"), None, ""), "")
    for tag in tags:
        path = Path(read_tag(tag), path, "")
    return path


@settings(deadline=None)
@given(st.lists(TAG, min_size=1, max_size=4), SELECTOR)
def test_what_can_be_told_from_a_path_is_what_lxml_selects(tags, selector):
    root = element = etree.Element("html")
    for tag in tags:
        read = read_tag(tag)
        element = etree.SubElement(element, read.name, dict(read.attributes))
    chosen = root.xpath(cssselect.GenericTranslator().css_to_xpath(selector))
    (parsed,) = read_selectors(selector)
    assert applies(parsed, path_of(tags)) is (element in chosen)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("p:first-child", None),
        ("a:first-child", False),
        ("div + p", None),
        ("div ~ .y", False),
        (".x:hover", False),
        ("p:link", False),
        ("p:not(:hover)", True),
        ("div:first-child p", None),
        ("div:first-child > p, a", None),
        ("p::before", False),
        ("[class^=x]", True),
        ("[class$=q]", False),
        ("#top p", True),
        ("[data-ogsc] p", False),
    ],
)
def test_what_neighbours_decide_cannot_be_told(selector, expected):
    path = path_of(['<div id="top">', '<p class="x z">'])
    assert applies(read_selectors(selector)[0], path) is expected


def test_links_that_nobody_has_followed():
    link = path_of(['<a href="https://acme.example">'])
    assert applies(read_selectors("a:link")[0], link) is True
    assert applies(read_selectors("a:visited")[0], link) is False


def test_what_nobody_can_read_selects_nothing():
    assert read_selectors("a >> b {") == []
