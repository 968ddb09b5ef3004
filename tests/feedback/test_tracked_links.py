"""A token of a link says where it leads, and only we can make one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.feedback.tracked_links import (
    LONGEST_URL,
    OPENED,
    Place,
    TrackedLink,
    link_token,
    read_link,
    read_opening,
)
from recmail.tokens import Signer, sign

KEY, OTHER = b"k" * 32, b"o" * 32
PLACE = Place("top_picks", 17, 2, is_fallback=True)
URL = "https://acme.example/c/sql?utm_source=recmail&utm_term=a#top"


def token(url: str = URL, place: Place | None = PLACE, *, key: bytes = KEY) -> str:
    made = link_token(Signer(key, 3, 70_000), 5, url, place)
    assert made is not None
    return made


@pytest.mark.parametrize("place", [None, PLACE, Place("popular", 0, 0, is_fallback=False)])
def test_a_token_is_read_as_it_was_made(place: Place | None) -> None:
    assert read_link(KEY, token(place=place)) == TrackedLink(3, 70_000, 5, URL, place)


@given(
    st.text("aé /?#[]@!$&'()*+,;=%\"<>\\^`{|}~\n\t\r\0ल", max_size=60).map("https://acme.example/".__add__)
)
def test_an_address_comes_back_fit_for_a_header(url: str) -> None:
    found = read_link(KEY, token(url))
    assert found is not None
    assert found.url.isascii()
    assert found.url.isprintable()
    assert " " not in found.url
    plain = "".join(letter for letter in url if letter.isascii() and letter.isprintable() and letter != " ")
    assert found.url == url or plain.isascii()  # what was fit before is not touched
    if plain == url:
        assert found.url == url


def test_a_letter_outside_ascii_is_quoted_and_nothing_twice() -> None:
    found = read_link(KEY, token("https://acme.example/caf%C3%A9/naïve?q=a b"))
    assert found is not None
    assert found.url == "https://acme.example/caf%C3%A9/na%C3%AFve?q=a%20b"


def test_an_address_that_is_too_long_has_no_token() -> None:
    longest = "https://acme.example/" + "x" * (LONGEST_URL - 21)
    assert read_link(KEY, token(longest)) is not None
    assert link_token(Signer(KEY, 3, 4), 0, longest + "x", PLACE) is None


def test_only_our_own_tokens_of_links_are_read() -> None:
    mine = token()
    changed = mine[:-5] + ("A" if mine[-5] != "A" else "B") + mine[-4:]
    others = [sign(KEY, 3, 70_000, purpose) for purpose in ("unsubscribe", "preferences", OPENED, "click")]
    for wrong in (changed, token(key=OTHER), "", "x" * 10_000, "é", *others):
        assert read_link(KEY, wrong) is None
    assert read_link(KEY, token(key=OTHER), older=[OTHER]) is not None


def test_a_picture_says_whose_email_it_is_of() -> None:
    assert read_opening(KEY, sign(KEY, 3, 70_000, OPENED)) == (3, 70_000)
    assert read_opening(KEY, sign(KEY, 3, 70_000, "unsubscribe")) is None
    assert read_opening(KEY, token()) is None
