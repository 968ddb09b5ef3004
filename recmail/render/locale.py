"""The one door to Babel: amounts, dates and numbers as people of a language and country write them (CLDR).

Digits are Latin ones in every language: Babel's other ones come with separators only, "1٬499".

To format one value takes 20 to 60 µs, a whole email's worth of Jinja a few hundred: everything is remembered,
since a campaign has few prices, days and counts, however many people it goes to. Babel is imported when the
first value is formatted, because a check of templates formats none and should not wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from recmail.records import CURRENCY_DIGITS

FALLBACK = "en"
DATE_STYLES = ("short", "medium", "long", "full")
# CLDR parts a currency's letters from a digit beside them, "KWD 2.500" (currencySpacing); Babel does not.
_LETTER_BY_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@lru_cache(maxsize=4_096)
def best_locale(language: str | None, person: str | None = None, country: str | None = None) -> str:
    """Return the locale in which values are written inside a text, such as en_IN.

    Args:
        language: of the text; values never speak another one than the words around them.
        person: the person's language, which may say more: pt-BR where the text is pt.
        country: where the person lives: an English text writes 1,00,000 in India and 100,000 elsewhere.
    """
    from babel import Locale, UnknownLocaleError

    for tag in _candidates(language or FALLBACK, person or "", country or ""):
        try:
            return str(Locale.parse(tag))
        except (UnknownLocaleError, ValueError):
            continue
    return FALLBACK


def _candidates(language: str, person: str, country: str) -> Iterator[str]:
    tag, own = language.replace("-", "_"), person.replace("-", "_")
    base = tag.split("_")[0]
    if own.startswith(f"{base}_"):
        yield own
    if re.fullmatch("[A-Za-z]{2}", country):
        # Of a script only, not of another country: zh_Hant and TW, pt_PT and BR.
        script = re.match(r"[A-Za-z]{2,3}_[A-Za-z]{4}(?=_|$)", tag)
        yield f"{script[0] if script else base}_{country.upper()}"
    yield tag
    yield base


@lru_cache(maxsize=4_096)
def written_price(minor: int, currency: str, locale: str) -> str:
    """Return an amount of minor units, without decimals when it is a whole one: "₹1,499", "49,50 €"."""
    from babel import Locale
    from babel.numbers import format_currency

    code = currency.upper()
    digits = CURRENCY_DIGITS.get(code, 2)
    amount = Decimal(minor).scaleb(-digits)
    at = Locale.parse(locale)
    if not at.territory:
        # Where nobody knows the country, a currency is written as at home: ISO 4217 begins with ISO 3166.
        at = Locale.parse(best_locale(at.language, None, code[:2]))
    decimals = f".{'0' * digits}" if amount % 1 else ""
    pattern = re.sub(r"0\.00", f"0{decimals}", at.currency_formats["standard"].pattern)
    text = format_currency(amount, code, format=pattern, locale=at, currency_digits=False)
    return _LETTER_BY_DIGIT.sub("\xa0", text)


@lru_cache(maxsize=4_096)
def written_date(day: str, style: str, locale: str) -> str:
    """Return a day (ISO 8601) in one of DATE_STYLES: "24 November 2026".

    Raises:
        ValueError: it is not a day, or there is no such style.
    """
    from babel.dates import format_date

    if style not in DATE_STYLES:
        raise ValueError(f"there is no date style {style!r}; there are {', '.join(DATE_STYLES)}")
    return format_date(date.fromisoformat(day[:10]), style, locale=locale)


@lru_cache(maxsize=4_096)
def written_number(value: int | float, locale: str) -> str:
    """Return a number with the separators of its locale: "1,204", "1.204,5"."""
    from babel.numbers import format_decimal

    return format_decimal(value, locale=locale)


@lru_cache(maxsize=4_096)
def written_duration(minutes: int, locale: str) -> str:
    """Return minutes as hours and minutes: "3 hr 20 min", "45 min"."""
    from babel.units import format_unit

    parts = zip(divmod(minutes, 60), ("duration-hour", "duration-minute"), strict=True)
    return " ".join(format_unit(value, unit, "short", locale=locale) for value, unit in parts if value)


@lru_cache(maxsize=4_096)
def written_weeks(weeks: int, locale: str) -> str:
    """Return a number of weeks in words: "2 weeks", "2 Wochen"."""
    from babel.units import format_unit

    return format_unit(weeks, "duration-week", "long", locale=locale)


@lru_cache(maxsize=4_096)
def plural_form(count: int | float, locale: str) -> str:
    """Return which word a count takes in a language: zero, one, two, few, many or other (CLDR)."""
    from babel import Locale

    return str(Locale.parse(locale).plural_form(count))
