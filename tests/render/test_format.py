"""The filters of templates: prices, durations, counts, excerpts, addresses."""

from __future__ import annotations

import pytest

from recmail.render.format import absolute, duration, paragraphs, plural, price, truncate_words


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (149900, "INR", "₹1,499"),
        (10000000, "INR", "₹1,00,000"),
        (123456700, "INR", "₹12,34,567"),
        (123456789050, "INR", "₹1,23,45,67,890.50"),
        (4900, "USD", "$49"),
        (4999, "usd", "$49.99"),
        (120005, "EUR", "€1,200.05"),
        (1200, "JPY", "¥1,200"),
        (2500, "KWD", "KWD 2.500"),
        (99900, "CHF", "CHF 999"),
        (5000, "GNF", "GNF 5,000"),
        (12345, "CLF", "CLF 1.2345"),
        (-500, "GBP", "-£5"),
        (0, "INR", "Free"),
        (0, None, "Free"),
        (None, "INR", ""),
        (None, None, ""),
    ],
)
def test_prices_read_as_people_write_them(minor, currency, expected):
    assert price(minor, currency) == expected


def test_free_can_be_said_in_other_words():
    assert price(0, "BRL", "grátis") == "grátis"


def test_a_price_without_a_currency_is_refused():
    with pytest.raises(ValueError, match="without a currency"):
        price(100, None)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(200, "3 h 20 min"), (45, "45 min"), (60, "1 h"), (720, "12 h"), (59.6, "1 h"), (0, ""), (None, "")],
)
def test_durations_read_as_people_say_them(minutes, expected):
    assert duration(minutes) == expected


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (1, ("course",), "1 course"),
        (0, ("course",), "0 courses"),
        (1204, ("learner",), "1,204 learners"),
        (2, ("person", "people"), "2 people"),
    ],
)
def test_counts_take_the_right_noun(count, words, expected):
    assert plural(count, *words) == expected


def test_an_excerpt_ends_after_whole_words():
    assert truncate_words("Autos, markets, neighbours and more", 3) == "Autos, markets, neighbours…"
    assert truncate_words("Autos, markets, neighbours", 2) == "Autos, markets…"
    assert truncate_words("Autos,  markets", 2) == "Autos, markets"
    assert truncate_words(None, 2) == ""


def test_blank_lines_part_paragraphs():
    assert paragraphs("One\nline.\n \n\nTwo. ") == ["One line.", "Two."]
    assert paragraphs(None) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sql.png", "https://acme.example/images/sql.png"),
        ("/sql.png", "https://acme.example/images/sql.png"),
        ("//cdn.example/sql.png", "https://cdn.example/sql.png"),
        ("https://cdn.example/sql.png", "https://cdn.example/sql.png"),
        ("data:image/png;base64,AA", "data:image/png;base64,AA"),
    ],
)
def test_relative_pictures_get_the_base_in_front(url, expected):
    assert absolute(url, "https://acme.example/images/") == expected


def test_a_relative_picture_without_base_is_refused():
    with pytest.raises(ValueError, match=r"links\.images is empty"):
        absolute("sql.png", None)
