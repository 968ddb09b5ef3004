"""Which major mail clients lack a feature, what happens there, and what may be lacking without harm.

The data is caniemail.com's (caniemail.json; its licence and how to renew it stand beside it); what counts as
harmless is decided here, by feature and for all templates alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# Left out are Gmail's mobile page and Windows Mail, which hardly anybody uses any more.
CLIENTS = {
    "gmail": ("desktop-webmail", "ios", "android"),
    "outlook": ("windows", "macos", "outlook-com", "ios", "android"),
    "apple-mail": ("macos", "ios"),
    "yahoo": ("desktop-webmail", "ios", "android"),
}
_FAMILIES = {"gmail": "Gmail", "outlook": "Outlook", "apple-mail": "Apple Mail", "yahoo": "Yahoo"}
_PLATFORMS = {
    "desktop-webmail": "on the web",
    "ios": "for iOS",
    "android": "for Android",
    "windows": "for Windows",
    "macos": "for Mac",
    "outlook-com": "on the web",
}
# Reported under the one name that people know them by.
GROUPS = {
    **dict.fromkeys(
        ("css-align-items", "css-justify-content", "css-flex-direction", "css-flex-wrap", "css-gap"),
        "css-display-flex",
    ),
    "css-grid-template": "css-display-grid",
    **dict.fromkeys(("css-left-right-top-bottom", "css-inset", "css-z-index"), "css-position"),
    "css-object-position": "css-object-fit",
    "css-radial-gradient": "css-linear-gradient",
    "css-conic-gradient": "css-linear-gradient",
    "css-function-min": "css-function-clamp",
    "css-function-max": "css-function-clamp",
    "css-unit-vmin": "css-unit-vw",
    "css-unit-vmax": "css-unit-vw",
    "css-unit-vh": "css-unit-vw",
}
HARMLESS = {
    "corners are square": ("css-border-radius", "css-border-radius-logical"),
    "nothing has a shadow": ("css-box-shadow", "css-text-shadow"),
    "nothing is seen through": ("css-opacity", "css-mix-blend-mode", "css-backdrop-filter"),
    "nothing moves": ("css-animation", "css-transition", "css-scroll-snap"),
    "what does not float need not be stopped": ("css-clear",),
    "lines break elsewhere": (
        *("css-word-break", "css-word-wrap", "css-overflow-wrap", "css-white-space", "css-hyphens"),
        *("css-hyphenate-character", "css-hyphenate-limit-chars", "css-text-wrap", "css-text-overflow"),
        *("css-white-space-collapse", "css-text-justify", "css-text-align-last", "css-widows", "css-orphans"),
    ),
    "underlines and outlines look plain": (
        *("css-text-decoration-color", "css-text-decoration-style", "css-text-decoration-thickness"),
        *("css-text-decoration-line", "css-text-decoration-skip-ink", "css-text-underline-offset"),
        *("css-text-underline-position", "css-outline", "css-outline-offset", "css-border-image"),
    ),
    "letters are set a little differently": (
        *("css-font-kerning", "css-font-size-adjust", "css-font-stretch", "css-word-spacing", "css-tab-size"),
        *(
            "css-text-emphasis",
            "css-text-emphasis-position",
            "css-list-style-image",
            "css-list-style-position",
        ),
    ),
    "boxes are as high and wide as what they hold": (
        *(
            "css-min-height",
            "css-max-height",
            "css-height",
            "css-min-width",
            "css-overflow",
            "css-table-layout",
            "css-aspect-ratio",
        ),
    ),
    "the background's colour stands alone": (
        *("css-background-position", "css-background-repeat", "css-background-size"),
        *("css-background-origin", "css-background-clip", "css-background-blend-mode"),
    ),
    "the pointer and colours of the system stay": (
        *("css-cursor", "css-user-select", "css-color-scheme", "css-accent-color", "css-resize"),
    ),
}
"""What a client that lacks a feature shows instead, where that is good enough: no finding."""

IS_HARMLESS = frozenset(slug for slugs in HARMLESS.values() for slug in slugs)

WITH_COLOUR = frozenset({"css-background-image", "css-linear-gradient"})
"""Harmless where the same styles have a background colour, which is shown instead."""

_HAPPENS = {
    "css-display-flex": "boxes stand below each other, or without gaps; build it with a table",
    "css-display-grid": "boxes stand below each other; build it with a table",
    "css-position": "things stand where they are written and not where they are put; build it with a table",
    "css-float": "things stand below each other; use the align attribute or a table",
    "css-box-sizing": "the padding comes on top of the width; write widths without padding",
    "css-object-fit": "pictures are squeezed; cut the files to the size that is shown",
    "css-background-image": "nothing is behind the words; give a background-color too",
    "css-linear-gradient": "nothing is behind the words; give a background-color too",
    "css-variables": "the declaration is ignored; write the value itself ({{ brand.accent }})",
    "css-visibility": "what is hidden is seen; use display:none, or {% if %}",
    "html-hidden": "what is hidden is seen; use display:none, or {% if %}",
    "css-unit-rem": "the size is ignored; write px",
    "css-unit-calc": "the declaration is ignored; write px or %",
    "css-function-clamp": "the declaration is ignored; write px, and another size in a media query",
    "css-unit-vw": "the declaration is ignored; write px or %",
    "css-rgba": "the colour is ignored; write #rrggbb",
    "css-modern-color": "the styles of the whole tag are ignored; write #rrggbb",
    "css-at-import": "the styles are not there; {% include %} the file",
    "html-link": "the styles are not there; {% include %} the file in a style element",
    "css-border-spacing": "the cells have no space between them; write cellspacing in the table",
    "css-pseudo-element-before": "what it adds is not there; write it into the page",
    "css-pseudo-element-after": "what it adds is not there; write it into the page",
    "html-video": "no video plays; show a picture that links to it",
    "html-audio": "nothing plays; link to it",
    "html-form": "nobody can fill it in; link to a page",
    "html-button-submit": "nothing happens when it is pressed; make it a link",
    "html-svg": "the drawing is not there; use a PNG",
    "image-svg": "the image is not there; use a PNG",
    "image-webp": "the image is not there; use a PNG or JPEG",
    "image-avif": "the image is not there; use a PNG or JPEG",
}
_TITLES = {
    "css-display-flex": "flexbox",
    "css-display-grid": "grid",
    "css-linear-gradient": "gradients",
    "css-function-clamp": "clamp(), min() and max()",
    "css-unit-vw": "vw, vh, vmin and vmax",
    "css-variables": "var()",
    "css-pseudo-element-before": "::before",
    "css-pseudo-element-after": "::after",
    "html-button-submit": "<button>",
    "html-hidden": "the hidden attribute",
    "image-svg": "an SVG image",
    "image-webp": "a WebP image",
    "image-avif": "an AVIF image",
}
_IGNORED = "it is ignored; build it without, or see to it that nothing depends on it"


@dataclass(frozen=True)
class Lack:
    """A feature that major clients lack, in words.

    Attributes:
        clients: such as "Gmail, Outlook for Windows".
        happens: what people see there.
        fix: what to write instead.
    """

    title: str
    clients: str
    happens: str
    fix: str


def lack_of(slug: str) -> Lack | None:
    """Return who lacks a feature; None where all have it, or where that does no harm."""
    group = GROUPS.get(slug, slug)
    return _lacks().get(group)


@cache
def upstream() -> Mapping[str, str]:
    """Return where the data comes from, and of when it is."""
    read = _read()
    return {name: read[name] for name in ("source", "licence", "api_version", "last_update_date")}


@cache
def _read() -> Mapping[str, Any]:
    data = files("recmail.render.lint").joinpath("caniemail.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(data)
    return found


@cache
def _lacks() -> Mapping[str, Lack]:
    features = _read()["features"]
    clients: dict[str, list[str]] = {}
    for slug, (_, lacking) in features.items():
        if slug not in IS_HARMLESS:
            clients.setdefault(GROUPS.get(slug, slug), []).extend(lacking.split())
    lacks = {}
    for slug, lacking in clients.items():
        happens, _, fix = _HAPPENS.get(slug, _IGNORED).partition("; ")
        lacks[slug] = Lack(_TITLES.get(slug) or features[slug][0], _named(lacking), happens, fix)
    return lacks


def _named(lacking: Sequence[str]) -> str:
    """Return the clients in words, a whole family under its name."""
    named = []
    for family, title in _FAMILIES.items():
        platforms = [one.partition(".")[2] for one in dict.fromkeys(lacking) if one.startswith(f"{family}.")]
        if len(platforms) == len(CLIENTS[family]):
            named.append(title)
        else:
            named += [f"{title} {_PLATFORMS[one]}" for one in platforms]
    return ", ".join(named)
