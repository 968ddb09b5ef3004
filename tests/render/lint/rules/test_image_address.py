"""Images that nobody can see."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import body_found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://acme.example/a.png", []),
        ("", ["image-address!"]),
        ("a.png", ["image-address!"]),
        ("data:image/png;base64,AAAA", ["image-address!"]),
        ("file:///home/ana/a.png", ["image-address"]),
    ],
)
def test_an_image_has_an_address_of_the_web(address, expected):
    assert body_found(f'<img src="{address}" alt="A loaf" width="9">') == expected


def test_an_image_without_an_address_is_found():
    assert body_found('<img alt="A loaf" width="9">') == ["image-address!"]
