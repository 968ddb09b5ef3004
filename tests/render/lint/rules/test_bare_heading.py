"""Headings with nothing under them."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import body_found


def rows(*cells: str) -> str:
    return "<table>" + "".join(f"<tr><td>{cell}</td></tr>" for cell in cells) + "</table>"


@pytest.mark.parametrize(
    "body",
    [
        rows("<h2>Picked for you</h2>", "<h2>Popular</h2>", "<p>Bread</p>"),
        rows("<h3>Picked for you</h3>", "&nbsp;", "<h2>Popular</h2><p>Bread</p>"),
    ],
)
def test_a_heading_before_one_of_its_rank_is_found(body):
    assert body_found(body) == ["bare-heading"]


@pytest.mark.parametrize(
    "body",
    [
        rows("<h1>Hello Ana</h1>", "<h2>Picked for you</h2>", "<h3>Bread</h3>", "<p>Words</p>"),
        rows("<h2>Picked</h2>", "<p>Bread</p>", "<h2>Popular</h2>", "<p>Bread</p>"),
        rows("<h2>Picked</h2>", '<img src="https://acme.example/a.png" alt="" width="9">', "<h2>New</h2>"),
        rows("<h1>Two lines</h1><h1>of one heading</h1>", "<p>Words</p>"),
    ],
)
def test_one_with_something_under_it_is_not(body):
    assert body_found(body) == []
