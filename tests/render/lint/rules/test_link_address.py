"""Links that lead nowhere."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import body_found


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "#",
        "https://",
        "https:///course",
        "https://acme.example/a b",
        "https://[acme/",
        "https://acme.example:port/",
        "https://{{ host }}/",
        "course/sql",
        "//acme.example/a",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "tel:+441234",
        "mailto:nobody",
    ],
)
def test_an_address_that_leads_nowhere_is_an_error(address):
    assert body_found(f'<a href="{address}">Enroll</a>') == ["link-address!"]


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.example",
        "HTTPS://acme.example/a?b=c&amp;d=%20#e",
        "https://bücher.example/ü",
        "https://acme.example:8080/a",
        "https://[2001:db8::1]/a",
        "https://acme.example/?filter={a:{b}}",
        "https://acme.example/100%}",
        "mailto:ana@acme.example",
        "mailto:?subject=Look",
        "#top",
    ],
)
def test_one_that_leads_somewhere_is_none(address):
    assert body_found(f'<a href="{address}">Enroll</a>') == []


def test_a_place_in_the_email_has_to_be_there():
    assert body_found('<a href="#more">More</a><h2 id="more">More</h2>') == []
    assert body_found('<a href="#more">More</a><a name="more"></a>') == []
    assert body_found('<a href="#more">More</a><h2 id="other">More</h2>') == ["link-address"]


def test_an_anchor_without_an_address_is_no_link():
    assert body_found("<a>12 May</a>") == []
