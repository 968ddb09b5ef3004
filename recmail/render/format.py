"""The filters that a marketer has in templates: prices, durations, counts, excerpts, addresses of images."""

from __future__ import annotations

import re

from recmail.records import CURRENCY_DIGITS
from recmail.render.context import isolate

_SYMBOLS = {
    "INR": "₹", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "KRW": "₩", "VND": "₫",
    "AUD": "A$", "CAD": "CA$", "NZD": "NZ$", "SGD": "S$", "HKD": "HK$", "BRL": "R$", "MXN": "MX$",
    "ILS": "₪", "NGN": "₦", "PHP": "₱", "UAH": "₴", "TRY": "₺", "BDT": "৳", "GHS": "₵", "KZT": "₸",
}  # fmt: skip
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def price(minor: int | None, currency: str | None, free: str = "Free") -> str:
    """Return an amount of minor units as people read it: "₹1,499", "$49.50", "Free" for 0, "" for None."""
    if minor is None:
        return ""
    if minor == 0:
        return free
    if not currency:
        raise ValueError("a price without a currency")
    code = currency.upper()
    digits = CURRENCY_DIGITS.get(code, 2)
    whole, rest = divmod(abs(minor), 10**digits)
    amount = _indian(whole) if code == "INR" else f"{whole:,}"
    if rest:
        amount += f".{rest:0{digits}d}"
    sign = "-" if minor < 0 else ""
    return f"{sign}{_SYMBOLS[code]}{amount}" if code in _SYMBOLS else f"{sign}{code} {amount}"


def _indian(whole: int) -> str:
    """Group digits as in India: 12,34,567."""
    head, tail = divmod(whole, 1000)
    if not head:
        return str(tail)
    pairs = f"{head:d}"
    groups = [pairs[max(end - 2, 0) : end] for end in range(len(pairs), 0, -2)]
    return ",".join([*reversed(groups), f"{tail:03d}"])


def duration(minutes: float | None) -> str:
    """Return minutes as people read them: "45 min", "3 h 20 min", "12 h"; "" for None and 0."""
    hours, rest = divmod(round(minutes or 0), 60)
    return " ".join(part for part in (f"{hours:,} h" if hours else "", f"{rest} min" if rest else "") if part)


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `2|plural("course")` is "2 courses"; `many` where adding s is wrong."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def truncate_words(text: str | None, count: int) -> str:
    """Return at most `count` words of a text, with "…" if any were left out; "" for None."""
    words = (text or "").split()
    return " ".join(words) if len(words) <= count else " ".join(words[:count]).rstrip(",;:.–—-") + "…"


def paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a text: blank lines part them, single newlines are spaces."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text or "") if part.strip()]


def absolute(url: str, base: str | None) -> str:
    """Return an address that works in an email: `base` (ends with "/") goes before one without a scheme."""
    if url.startswith("//"):
        return f"https:{url}"
    if _SCHEME.match(url):
        return url
    if not base:
        raise ValueError(f"the address {url!r} is relative and links.images is empty")
    return base + url.lstrip("/")


FILTERS = {
    "price": price,
    "duration": duration,
    "plural": plural,
    "truncate_words": truncate_words,
    "paragraphs": paragraphs,
    "absolute": absolute,
    "isolate": isolate,
}
