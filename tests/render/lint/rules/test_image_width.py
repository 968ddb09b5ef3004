"""Images without a width."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import body_found


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        ('width="544"', []),
        ('width="100%"', []),
        ("width=10", []),
        ("", ["image-width"]),
        ('width="auto"', ["image-width"]),
        ('style="width:544px"', ["image-width"]),
    ],
)
def test_outlook_needs_the_attribute(width, expected):
    assert body_found(f'<img src="https://acme.example/a.png" alt="A loaf" {width}>') == expected
