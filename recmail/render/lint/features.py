"""Which features of CSS and HTML stand in a declaration or a tag, by the names that caniemail gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recmail.render.lint.css import Declaration
from recmail.render.lint.page import Tag

# Where a property is not called as its feature.
_PROPERTIES = {
    **dict.fromkeys(("column-gap", "row-gap", "grid-gap", "grid-column-gap", "grid-row-gap"), "css-gap"),
    **dict.fromkeys(("left", "right", "top", "bottom"), "css-left-right-top-bottom"),
    **dict.fromkeys(
        ("grid-template-columns", "grid-template-rows", "grid-template-areas"), "css-grid-template"
    ),
    **dict.fromkeys(("block-size", "inline-size"), "css-block-inline-size"),
    **dict.fromkeys(("border-inline", "border-block"), "css-border-inline-block"),
    **dict.fromkeys(("margin-inline", "margin-block"), "css-margin-inline-block"),
    **dict.fromkeys(("padding-inline", "padding-block"), "css-padding-inline-block"),
    **dict.fromkeys(("margin-inline-start", "margin-inline-end"), "css-margin-inline-start-end"),
    **dict.fromkeys(("margin-block-start", "margin-block-end"), "css-margin-block-start-end"),
    **dict.fromkeys(("padding-inline-start", "padding-inline-end"), "css-padding-inline-start-end"),
    **dict.fromkeys(("padding-block-start", "padding-block-end"), "css-padding-block-start-end"),
    **dict.fromkeys(
        ("columns", "column-rule", "column-width", "column-span"), "css-column-layout-properties"
    ),
    **dict.fromkeys(("inset-inline", "inset-block"), "css-inset"),
    **dict.fromkeys(("scroll-snap-type", "scroll-snap-align"), "css-scroll-snap"),
    "@import": "css-at-import",
}
_VALUES = {
    slug: re.compile(pattern)
    for slug, pattern in {
        "css-function-clamp": r"\bclamp\(",
        "css-function-max": r"\bmax\(",
        "css-function-min": r"\bmin\(",
        "css-function-light-dark": r"\blight-dark\(",
        "css-unit-calc": r"\bcalc\(",
        "css-variables": r"\bvar\(",
        "css-linear-gradient": r"linear-gradient\(",
        "css-radial-gradient": r"radial-gradient\(",
        "css-conic-gradient": r"conic-gradient\(",
        "css-modern-color": r"\b(?:ok)?(?:lch|lab)\(",
        "css-rgba": r"\brgba\(",
        "css-intrinsic-size": r"\b(?:fit|min|max)-content\b",
        "css-unit-rem": r"\d(?:rem)\b",
        "css-unit-vw": r"\d(?:vw)\b",
        "css-unit-vh": r"\d(?:vh)\b",
        "css-unit-vmin": r"\d(?:vmin)\b",
        "css-unit-vmax": r"\d(?:vmax)\b",
        "css-unit-ch": r"\d(?:ch)\b",
    }.items()
}
_PICTURES = re.compile(r"\burl\(")
_DISPLAYS = {
    **dict.fromkeys(("flex", "inline-flex"), "css-display-flex"),
    **dict.fromkeys(("grid", "inline-grid"), "css-display-grid"),
}
# Declarations of these do nothing that the default would not do.
_NO_EFFECT = frozenset(
    {
        *("none", "normal", "auto", "static", "relative", "visible", "0", "0px"),
        *("initial", "inherit", "unset", "content-box", "baseline"),
    }
)
# What stands in these is for clients that have it; the others do without.
_ADDITIONS = ("@media", "@supports", "@font-face", "@keyframes", ":hover", ":focus", ":active")
_AROUND = {
    "css-pseudo-element-before": re.compile(r"::?before\b"),
    "css-pseudo-element-after": re.compile(r"::?after\b"),
}
_ELEMENTS = {
    **{name: f"html-{name}" for name in ("audio", "video", "object", "form", "select", "textarea", "dialog")},
    **{name: f"html-{name}" for name in ("meter", "progress", "marquee", "link", "svg", "base")},
    "button": "html-button-submit",
}
_INPUTS = ("checkbox", "radio", "submit", "reset", "text")
_IMAGES = {
    **{suffix: f"image-{suffix}" for suffix in ("svg", "webp", "avif", "apng", "bmp", "ico", "hdr", "mp4")},
    **dict.fromkeys(("tif", "tiff"), "image-tiff"),
    **dict.fromkeys(("heif", "heic"), "image-heif"),
}
OF_TAGS = frozenset(
    {"html-hidden", *_ELEMENTS.values(), *_IMAGES.values(), *(f"html-input-{kind}" for kind in _INPUTS)}
)
"""All that `of_tag` can yield."""


def of_declaration(declaration: Declaration) -> Iterator[str]:
    """Yield the features of one declaration, without those of additions such as media queries and fonts."""
    around = " ".join(declaration.around).lower()
    name, value = declaration.property, declaration.value
    if any(addition in around for addition in _ADDITIONS) or (name == "@import" and "font" in value):
        return
    yield from (slug for slug, pattern in _AROUND.items() if pattern.search(around))
    if name.startswith("--"):
        yield "css-variables"
        return
    if value not in _NO_EFFECT:
        yield _PROPERTIES.get(name, f"css-{name}")
    if name == "display" and value in _DISPLAYS:
        yield _DISPLAYS[value]
    if name == "background" and _PICTURES.search(value):
        yield "css-background-image"
    yield from (slug for slug, pattern in _VALUES.items() if pattern.search(value))


def of_tag(tag: Tag) -> Iterator[str]:
    """Yield the features of one tag, without its styles."""
    if tag.name in _ELEMENTS and not _fonts(tag):
        yield _ELEMENTS[tag.name]
    if tag.name == "input" and tag.attributes.get("type", "text").lower() in _INPUTS:
        yield f"html-input-{tag.attributes.get('type', 'text').lower()}"
    if "hidden" in tag.attributes:
        yield "html-hidden"
    if tag.name == "img":
        path = tag.attributes.get("src", "").partition("?")[0].partition("#")[0]
        _, dot, suffix = path.rpartition("/")[2].lower().rpartition(".")
        if dot and suffix in _IMAGES:
            yield _IMAGES[suffix]


def _fonts(tag: Tag) -> bool:
    """Return whether a link brings a font, for which others take the next one, or is no style at all."""
    rel = tag.attributes.get("rel", "").lower()
    return tag.name == "link" and (rel != "stylesheet" or "font" in tag.attributes.get("href", ""))
