"""What may stand in recmail.toml, value by value."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.records import CURRENCY_DIGITS
from recmail.settings import Limit, format_duration, parse_duration, values
from recmail.settings.currencies import CURRENCIES


def test_durations_are_read_and_written() -> None:
    assert parse_duration("30m") == timedelta(minutes=30)
    assert parse_duration("3h") == timedelta(hours=3)
    assert parse_duration("2w") == timedelta(days=14)
    assert format_duration(timedelta(days=14)) == "14d"
    assert format_duration(timedelta(minutes=90)) == "90m"


@pytest.mark.parametrize("text", ["7", "0d", "7 d", "d", "-7d", "7D", "7y", "٧d", "1234567d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 7d"):
        parse_duration(text)


@given(st.integers(1, 999_999), st.integers(1, 999_999), st.sampled_from("mhdw"))
def test_a_limit_reads_back_what_it_writes(count: int, number: int, unit: str) -> None:
    limit = Limit.parse(f"{count} per {number}{unit}")
    assert limit.at_most == count
    assert str(Limit(limit.at_most, limit.within)).startswith(f"{count} per ")
    if unit != "w":
        assert parse_duration(f"{number}{unit}") == limit.within


@pytest.mark.parametrize(
    "good", ["learn@acme.example", "Acme <learn@acme.example>", '"Acme, Inc" <a@acme.example>']
)
def test_a_sender_is_an_address_or_a_name_with_one(good: str) -> None:
    assert values.mailbox(good) == good


@pytest.mark.parametrize(
    "bad",
    ["Acme", "Acme <learn>", "a@b", "Acme\nBcc: x@acme.example <a@acme.example>", "", "a@acme.example b", 7],
)
def test_another_sender_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"expected|must be one line|is empty"):
        values.mailbox(bad)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("", ""),
        ("https://acme.example/", "https://acme.example"),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025"),
        ("http://localhost:8025/mail/", "http://localhost:8025/mail"),
        ("http://[::1]:8025", "http://[::1]:8025"),
    ],
)
def test_a_public_url_is_https_or_on_this_machine(url: str, kept: str) -> None:
    assert values.public_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.example",
        "http://127.0.0.1.acme.example",
        "ftp://acme.example",
        "acme.example",
        "https://",
        "https://acme.example?a=b",
        "https://user@acme.example",
        "https://acme.example:port",
        "https://[::1",
        True,
    ],
)
def test_another_public_url_is_refused(url: object) -> None:
    with pytest.raises(ValueError, match=r"expected|everybody|not a web address"):
        values.public_url(url)


def test_an_unsubscribe_page_takes_the_token_once() -> None:
    assert values.unsubscribe_url("https://acme.example/u?t={token}") == "https://acme.example/u?t={token}"
    for url in (
        "https://acme.example/u",
        "https://{token}.acme.example/",
        "https://acme.example/{token}/{token}",
    ):
        with pytest.raises(ValueError, match=r"expected {token} once"):
            values.unsubscribe_url(url)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe", "", "\x00", 5])
def test_an_unknown_time_zone_is_refused(zone: object) -> None:
    with pytest.raises(ValueError, match=r"expected|must be one line|is empty"):
        values.timezone(zone)


@pytest.mark.parametrize("grades", [{}, {"viewed": 0}, {"viewed": 6}, {"viewed": True}, {"rated": 5}, 3])
def test_grades_are_numbers_above_nought_for_kinds_that_are_graded(grades: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        values.grades(grades)


def test_languages_and_lists_of_addresses() -> None:
    assert values.language("pt-BR") == "pt-BR"
    assert values.addresses(["ana@acme.example"]) == ("ana@acme.example",)
    assert values.engine("dask://10.0.0.1:8786") == "dask://10.0.0.1:8786"
    with pytest.raises(ValueError, match="expected a language"):
        values.language("Portuguese!")
    for wrong in ("ana@acme.example", ["ana"], [3]):
        with pytest.raises(ValueError, match=r"expected a list|expected an address"):
            values.addresses(wrong)
    with pytest.raises(ValueError, match="small letters"):
        values.plugin_name("../svd")


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("India", "Asia/Kolkata"),
        ("ist", "Europe/Dublin, Asia/Jerusalem, Asia/Kolkata"),
        ("UK", "Europe/London"),
        ("Deutschland", "Europe/Berlin or Europe/Busingen"),
        ("new york", "America/New_York"),
        ("Germany", "Europe/Berlin or Europe/Busingen"),
        ("United States", "America/New_York, America/Detroit, America/Kentucky/Louisville, ..."),
        ("Europe/Belrin", "Europe/Berlin"),
        ("Mumbai", ""),
    ],
)
def test_a_country_a_city_or_an_abbreviation_is_answered_with_time_zones(found: str, meant: str) -> None:
    hint = f"; did you mean {meant}?" if meant else ""
    with pytest.raises(ValueError, match="expected a time zone") as raised:
        values.timezone(found)
    assert str(raised.value) == f"found {found!r}; expected a time zone such as Europe/Berlin{hint}"


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        ("eur", "EUR"),
        ("EURO", "EUR"),
        ("Rs", "INR"),
        ("€", "EUR"),
        ("US", "USD"),
        ("USDD", "USD"),
        ("XYZ", ""),
    ],
)
def test_what_is_no_currency_is_answered_with_one(found: str, meant: str) -> None:
    with pytest.raises(ValueError, match="expected a currency") as raised:
        values.currency(found)
    assert str(raised.value).partition("mean ")[2].rstrip("?") == meant


def test_every_currency_whose_digits_are_known_is_one() -> None:
    assert set(CURRENCY_DIGITS) <= CURRENCIES


@pytest.mark.parametrize(
    ("text", "hours"), [("1 per 7d", 6.5 * 24), ("2 per 1d", 21), ("3 per 30d", 29.5 * 24), ("1 per 8h", 7)]
)
def test_a_cap_is_counted_an_eighth_shorter_and_at_most_twelve_hours(text: str, hours: float) -> None:
    limit = Limit.parse(text)
    assert limit.cap == (limit.at_most, timedelta(hours=hours))
    assert str(limit) == text
