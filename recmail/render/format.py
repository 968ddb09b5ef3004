"""The filters that a marketer has in templates: prices, dates, durations, counts, excerpts, addresses."""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache

from jinja2 import pass_context
from jinja2.runtime import Context

from recmail.render.context import isolate
from recmail.render.locale import (
    best_locale,
    plural_form,
    written_date,
    written_duration,
    written_number,
    written_price,
)

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def _locale(context: Context) -> str:
    """Return how this person's email writes values; in a macro imported without context nobody knows."""
    user, language = context.resolve("user"), context.resolve("language")
    own, country = (user.get("language"), user.get("country")) if isinstance(user, dict) else (None, None)
    return best_locale(language if isinstance(language, str) else None, own, country)


@pass_context
def price(context: Context, minor: int | None, currency: str | None, free: str = "Free") -> str:
    """Return an amount of minor units as the reader writes it: "₹1,499", "49,50 €"; "" for None."""
    if minor is None:
        return ""
    if minor == 0:
        return free
    if not currency:
        raise ValueError("a price without a currency")
    return written_price(minor, currency, _locale(context))


@pass_context
def date(context: Context, day: str | None, style: str = "long") -> str:
    """Return a day in the reader's language, in the style short, medium, long or full; "" for None."""
    return written_date(day, style, _locale(context)) if day else ""


@pass_context
def number(context: Context, value: float | None) -> str:
    """Return a number with the separators that the reader is used to: "1,204"; "" for None."""
    return "" if value is None else written_number(value, _locale(context))


@pass_context
def duration(context: Context, minutes: float | None) -> str:
    """Return minutes as the reader writes them: "45 min", "3 hr 20 min", "12 Std."; "" for None and 0."""
    return written_duration(round(minutes or 0), _locale(context))


@pass_context
def plural(context: Context, count: float, one: str, other: str | None = None, **forms: str) -> str:
    """Return a count with its noun: `2|plural("course")` is "2 courses"; `other` where adding s is wrong.

    Languages with more forms name them: `5|plural("курс", "курса", few="курса", many="курсов")`.
    """
    locale = _locale(context)
    form = plural_form(count, locale)
    noun = one if form == "one" else forms.get(form) or other or forms.get("many") or f"{one}s"
    return f"{written_number(count, locale)} {noun}"


@lru_cache(maxsize=4_096)
def wordwrap(
    text: str,
    width: int = 79,
    break_long_words: bool = True,
    wrapstring: str | None = None,
    break_on_hyphens: bool = True,
) -> str:
    """Return a text in lines of at most `width` characters, as Jinja's own filter does."""
    # Titles and reasons recur in other people's emails, and this takes as long as all else of a course.
    wrapper = textwrap.TextWrapper(
        width,
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=break_long_words,
        break_on_hyphens=break_on_hyphens,
    )
    joint = "\n" if wrapstring is None else wrapstring
    return joint.join(joint.join(wrapper.wrap(line)) for line in text.splitlines())


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
    "date": date,
    "number": number,
    "duration": duration,
    "plural": plural,
    "truncate_words": truncate_words,
    "paragraphs": paragraphs,
    "absolute": absolute,
    "isolate": isolate,
    "wordwrap": wordwrap,
}
