"""The filters of templates: prices, durations, counts, excerpts, addresses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from jinja2.runtime import Context

from recmail.render import format as filters
from recmail.render.format import absolute, paragraphs, truncate_words, wordwrap
from recmail.render.locale import best_locale

NBSP, RLM = "\xa0", "\u200f"


def context(language: str = "en", own: str | None = None, country: str | None = None) -> Context:
    values = {"language": language, "user": {"language": own, "country": country}}
    return Environment(autoescape=True).from_string("").new_context(values)


def price(minor: int | None, currency: str | None, *free: str, at: Context | None = None) -> str:
    return filters.price(at or context(), minor, currency, *free)


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
        (2500, "KWD", f"KWD{NBSP}2.500"),
        (99900, "CHF", f"CHF{NBSP}999"),
        (500000, "NGN", "₦5,000"),
        (5000, "GNF", f"GNF{NBSP}5,000"),
        (12345, "CLF", f"CLF{NBSP}1.2345"),
        (-500, "GBP", "-£5"),
        (0, "INR", "Free"),
        (0, None, "Free"),
        (None, "INR", ""),
        (None, None, ""),
    ],
)
def test_prices_read_as_people_write_them(minor, currency, expected):
    assert price(minor, currency) == expected


@pytest.mark.parametrize(
    ("language", "own", "country", "minor", "currency", "expected"),
    [
        ("de", None, None, 149950, "EUR", f"1.499,50{NBSP}€"),
        ("de", "de-AT", None, 149950, "EUR", f"€{NBSP}1.499,50"),
        ("de", None, "CH", 4900, "CHF", f"CHF{NBSP}49"),
        ("fr", None, "FR", 149900, "EUR", f"1\u202f499{NBSP}€"),
        ("hi", "hi", "IN", 12345600, "INR", "₹1,23,456"),
        ("ar", "ar", "EG", 149900, "EGP", f"{RLM}1,499{NBSP}ج.م.{RLM}"),
        ("pt-BR", "pt-BR", "BR", 4990, "BRL", f"R${NBSP}49,90"),
        ("en", "en", "US", 10000000, "INR", "₹100,000"),
        ("en", "hi", "IN", 10000000, "INR", "₹1,00,000"),
        ("xx", "yy", "QQ", 4900, "USD", "$49"),
        ("zz-invalid-tag-of-many-parts", None, None, 4900, "USD", "$49"),
    ],
)
def test_prices_follow_the_language_of_the_email_and_the_country(
    language, own, country, minor, currency, expected
):
    assert price(minor, currency, at=context(language, own, country)) == expected


def test_free_can_be_said_in_other_words():
    assert price(0, "BRL", "grátis") == "grátis"


def test_a_price_without_a_currency_is_refused():
    with pytest.raises(ValueError, match="without a currency"):
        price(100, None)


def test_a_filter_without_context_writes_english():
    bare = Environment(autoescape=True).from_string("").new_context({})
    assert price(4999, "EUR", at=bare) == "€49.99"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("en", "en-GB", "IN"), "en_GB"),
        (("en", "de-AT", "IN"), "en_IN"),
        (("zh-Hant", None, "HK"), "zh_Hant_HK"),
        (("zh-Hant", None, "FR"), "zh_Hant"),
        (("pt-PT", None, "BR"), "pt_BR"),
        (("hi-IN", None, None), "hi_IN"),
        (("hi-XQ", None, None), "hi"),
        ((None, None, None), "en"),
        (("en", "../../etc", "/."), "en"),
    ],
)
def test_the_locale_is_the_nearest_that_there_is(tags, expected):
    assert best_locale(*tags) == expected


@given(st.text(max_size=12), st.none() | st.text(max_size=12), st.none() | st.text(max_size=3))
def test_any_tags_give_a_locale_that_can_write(language, own, country):
    assert price(4999, "USD", at=context(language, own, country))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(200, "3 hr 20 min"), (45, "45 min"), (60, "1 hr"), (720, "12 hr"), (59.6, "1 hr"), (0, ""), (None, "")],
)
def test_durations_read_as_people_say_them(minutes, expected):
    assert filters.duration(context(), minutes) == expected


def test_days_numbers_and_durations_speak_the_language_of_the_email():
    german, hindi = context("de"), context("hi", "hi", "IN")
    assert filters.date(german, "2026-11-24") == "24. November 2026"
    assert filters.date(hindi, "2026-11-24", "long") == "24 नवंबर 2026"
    assert filters.date(context("en", None, "US"), "2026-11-24", "medium") == "Nov 24, 2026"
    assert filters.date(german, None) == ""
    assert filters.number(german, 1204.5) == "1.204,5"
    assert filters.number(hindi, 1204567) == "12,04,567"
    assert filters.number(german, None) == ""
    assert filters.duration(german, 200) == "3 Std. 20 Min."


def test_a_style_of_dates_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="no date style 'tiny'; there are short, medium, long, full"):
        filters.date(context(), "2026-11-24", "tiny")


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
    assert filters.plural(context(), count, *words) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, "1 курс"), (3, "3 курса"), (5, "5 курсов"), (21, "21 курс"), (1.5, "1,5 курса")],
)
def test_languages_with_more_forms_name_them(count, expected):
    forms: dict[str, Any] = {"few": "курса", "many": "курсов"}
    assert filters.plural(context("ru"), count, "курс", "курса", **forms) == expected


def test_nothing_is_one_in_french():
    assert filters.plural(context("fr"), 0, "leçon") == "0 leçon"


@given(
    st.text(st.sampled_from("ab -\n\t—é"), max_size=120),
    st.integers(1, 30),
    st.booleans(),
    st.booleans(),
)
def test_words_wrap_as_jinja_wraps_them(text, width, long_words, hyphens):
    template = Environment(autoescape=False).from_string("{{ t|wordwrap(w, b, none, h) }}")
    assert wordwrap(text, width, long_words, break_on_hyphens=hyphens) == template.render(
        t=text, w=width, b=long_words, h=hyphens
    )


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
