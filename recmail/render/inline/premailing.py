"""The one door to premailer: CSS rules copied into style attributes, media queries kept."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from inspect import unwrap

import cssutils
from lxml import etree
from premailer import Premailer, merge_style
from premailer import premailer as engine

from recmail.errors import RenderError

# cssutils reports on the root logger whatever it does not know: mso- properties, color-scheme.
cssutils.log.setLevel(logging.CRITICAL)

# Its cached stylesheets are changed while they are written out (!important is added in media queries).
_one_at_a_time = threading.Lock()


def _own_caches() -> None:
    """Give each of premailer's cached functions a cache of its own, large enough for a template set.

    Its one cache has 128 entries where a set needs 200, so that every message costs 3 to 4 times as much;
    and its keys leave the function out: style="p" beside a rule for p fails, in premailer 3.10.
    """
    pairs = lru_cache(4096)(unwrap(merge_style.csstext_to_pairs))
    pairs._lock = threading.RLock()  # type: ignore[attr-defined]  # which the function itself takes
    merge_style.csstext_to_pairs = engine.csstext_to_pairs = pairs
    for name in ("_create_cssselector", "_cache_parse_css_string"):
        setattr(engine, name, lru_cache(4096)(unwrap(getattr(engine, name))))


_own_caches()


def _premailer() -> Premailer:
    return Premailer(
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        allow_network=False,
        disable_basic_attributes=["height"],
    )


def inline_styles(html: str) -> str:
    """Return a page with its `<style>` rules in style attributes; what cannot be inlined stays in `<style>`.

    Kept are media queries (phones, dark mode) and pseudo-classes, all with !important, since inlined styles
    would win over them otherwise.

    Raises:
        RenderError: premailer could not read the page or its styles.
    """
    inlined: str = _transformed(html)
    return inlined


def inline_tree(page: etree._Element) -> None:
    """Do the same to a page that is parsed already: it is changed.

    Raises:
        RenderError: premailer could not read the styles.
    """
    _transformed(page)


def _transformed(page: str | etree._Element) -> str:
    try:
        with _one_at_a_time:
            inlined: str = _premailer().transform(page, pretty_print=False)
    except Exception as error:
        # Whatever this raises comes from the author's HTML or CSS: SelectorSyntaxError, …
        raise RenderError(f"the styles could not be inlined: {_plainly(error)}") from error
    return inlined


def _plainly(error: Exception) -> str:
    """Say what an error of premailer means where its own words do not."""
    if isinstance(error, AttributeError) and "CSSMediaRule" in str(error):  # premailer issue 290
        return "a media query stands inside another; write them one after the other"
    return str(error)


def applied_selectors(page: etree._Element) -> list[str]:
    """Return the selectors of the rules that premailer would copy into a page's tags.

    Raises:
        RenderError: premailer could not read the styles.
    """
    selectors = []
    try:
        with _one_at_a_time:
            for style in page.iter("style"):
                if style.get("media") in (None, "", "all", "screen"):
                    rules, _ = _premailer()._parse_style_rules(style.text, 0)
                    selectors += [selector for _, selector, _ in rules]
    except Exception as error:
        raise RenderError(f"the styles could not be read: {error}") from error
    return list(dict.fromkeys(selectors))


def parse_page(html: str) -> etree._Element:
    """Parse a page as premailer does.

    Raises:
        RenderError: there is nothing in it.
    """
    try:
        root = etree.fromstring(html.strip(), etree.HTMLParser())
    except etree.XMLSyntaxError as error:
        raise RenderError(f"the page could not be read: {error}") from error
    if root is None:
        raise RenderError("the page is empty")
    return root
