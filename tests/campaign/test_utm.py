"""Course addresses get the campaign's marks, and nothing else about them changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.campaign import parse_frozen, with_utm

BASE = "subject: Hello\naudience: everyone\nblocks: [popular]\n"
MARKED = parse_frozen(BASE + "utm: {source: recmail, medium: email}\n", "spring")
OURS = "utm_source=recmail&utm_medium=email&utm_campaign=spring&utm_content=popular&utm_term=sql-1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://acme.example/c/sql", f"https://acme.example/c/sql?{OURS}"),
        ("https://acme.example/c/sql#what", f"https://acme.example/c/sql?{OURS}#what"),
        ("https://acme.example/c?id=7&x=a%20b#a?b", f"https://acme.example/c?id=7&x=a%20b&{OURS}#a?b"),
        ("https://acme.example/c?", f"https://acme.example/c?{OURS}"),
        ("https://acme.example/c?utm_source=old&id=7&utm_term", f"https://acme.example/c?id=7&{OURS}"),
        ("https://acme.example/c?utm_sourcery=1", f"https://acme.example/c?utm_sourcery=1&{OURS}"),
        ("HTTP://acme.example", f"HTTP://acme.example?{OURS}"),
        ("https://[broken", f"https://[broken?{OURS}"),
        ("mailto:help@acme.example", "mailto:help@acme.example"),
        ("mailto:help@acme.example?subject=https://x", "mailto:help@acme.example?subject=https://x"),
        ("tel:+49123", "tel:+49123"),
    ],
)
def test_marks_are_added_to_web_addresses_only(url: str, expected: str) -> None:
    assert with_utm(url, MARKED, block="popular", course="sql-1") == expected


def test_a_campaign_without_utm_changes_no_address() -> None:
    url = "https://acme.example/c?utm_source=old"
    assert with_utm(url, parse_frozen(BASE, "spring"), block="popular", course="1") == url


def test_names_are_encoded_and_the_variant_comes_before_the_block() -> None:
    found = with_utm("https://acme.example/", MARKED, block="popular", course="c&d/ü", variant="b")
    assert found.endswith("&utm_content=b.popular&utm_term=c%26d%2F%C3%BC")


@given(
    st.from_regex(r"https://acme\.example/[a-z]{0,5}(\?[a-z=&%;+]{0,12})?(#[a-z?&#]{0,6})?", fullmatch=True)
)
def test_adding_twice_is_adding_once_and_the_fragment_stays(url: str) -> None:
    once = with_utm(url, MARKED, block="popular", course="sql-1")
    assert with_utm(once, MARKED, block="popular", course="sql-1") == once
    assert once.partition("#")[2] == url.partition("#")[2]
