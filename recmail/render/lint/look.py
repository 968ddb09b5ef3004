"""How the words of a path look: their colour, what is behind them, their size; in light and in dark mode.

Light is what inlined styles, attributes and rules that could not be inlined (a:link) say; dark adds those of
@media (prefers-color-scheme: dark). What clients do of their own accord without them is not foretold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cssselect

from recmail.render.lint.colours import BLACK, LINK_BLUE, WHITE, Colour, read_colour
from recmail.render.lint.css import Declaration, read_sheet
from recmail.render.lint.page import Path, Tag
from recmail.render.lint.selectors import applies, read_selectors

_DARK = re.compile(
    r"@media\s+(?:(?:only\s+)?(?:all|screen)\s+and\s+)?\(\s*prefers-color-scheme\s*:\s*dark\s*\)"
)
_ALWAYS = re.compile(r"@media\s+(?:only\s+)?(?:all|screen)")
_WORD = re.compile(r"(?:[^\s()]|\([^()]*\))+")
_SIZE = re.compile(r"(\d+\.?\d*|\.\d+)(px|pt|em|rem|%)")
_KEYWORDS = {"x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0, "xx-large": 32.0}
_HTML_SIZES = {"1": 10.0, "2": 13.0, "3": 16.0, "4": 18.0, "5": 24.0, "6": 32.0, "7": 48.0}
_LARGER = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h5": 0.83, "h6": 0.67, "small": 0.83}
_BOLD = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_LOOKED_AT = frozenset({"color", "background", "background-color", "background-image", "font-size", "font"})
_ROOT_PX = 16.0


@dataclass(frozen=True)
class Look:
    """What decides whether words can be read; a colour is None where it cannot be told."""

    ink: Colour | None
    behind: Colour | None
    size_px: float
    bold: bool


@dataclass(frozen=True)
class _Rule:
    """One selector of a rule in a style element."""

    selector: cssselect.Selector
    declarations: Sequence[Declaration]


@lru_cache(maxsize=64)
def has_dark(sheet: str) -> bool:
    """Return whether style elements say how an email looks in dark mode."""
    return any(_DARK.fullmatch(" ".join(one.around[:1]).lower()) for one in read_sheet(sheet))


@lru_cache(maxsize=128)
def _rules(sheet: str, dark: bool) -> Sequence[_Rule]:
    """Return the rules that hold in a mode, in the order in which they win."""
    rules: dict[tuple[int, str], list[Declaration]] = {}
    for one in read_sheet(sheet):
        *media, selectors = one.around or ("",)
        if all(_ALWAYS.fullmatch(rule.lower()) or (dark and _DARK.fullmatch(rule.lower())) for rule in media):
            rules.setdefault((one.rule, selectors), []).append(one)
    found = [
        _Rule(selector, declarations)
        for (_, selectors), declarations in rules.items()
        for selector in read_selectors(selectors)
    ]
    return sorted(found, key=lambda rule: rule.selector.specificity())


def look(path: Path, dark: bool) -> Look:
    """Return how words look that stand in a path."""
    seen = Look(None, None, _ROOT_PX, False) if dark else Look(BLACK, WHITE, _ROOT_PX, False)
    tags = []
    while path.parent is not None:
        tags.append(path)
        path = path.parent
    for tag in reversed(tags):
        seen = _inside(tag, seen, dark)
    return seen


@lru_cache(maxsize=8_192)
def _inside(path: Path, around: Look, dark: bool) -> Look:
    styles, sure = _styles(path, dark)
    behind = _behind(styles, around) if sure else None
    ink = _ink(path.tag, styles, around, dark) if sure else None
    size = _size(styles.get("font-size", ""), around.size_px, _LARGER.get(path.tag.name, 1.0))
    weight = styles.get("font-weight", "bold" if path.tag.name in _BOLD else "")
    bold = (
        around.bold if weight in ("", "inherit") else weight in ("bold", "bolder", "600", "700", "800", "900")
    )
    return Look(ink, behind, size, bold)


def _styles(path: Path, dark: bool) -> tuple[Mapping[str, str], bool]:
    """Return what counts for a tag, by property, and whether that can be told from the path."""
    tag, styles, sure = path.tag, _attributes(path.tag), True
    chosen = [(rule, applies(rule.selector, path)) for rule in _rules(path.sheet, dark)]
    for rule, chose in chosen:
        if chose is None:
            sure = sure and not any(one.property in _LOOKED_AT for one in rule.declarations)
    weak = [one for rule, chose in chosen if chose for one in rule.declarations if not one.important]
    strong = [one for rule, chose in chosen if chose for one in rule.declarations if one.important]
    own = tag.styles.all
    for one in (*weak, *own, *strong, *(one for one in own if one.important)):
        styles.update(_longhands(one.property, one.value))
    return styles, sure


def _attributes(tag: Tag) -> dict[str, str]:
    """Return what old attributes say, as styles."""
    styles = {}
    if "bgcolor" in tag.attributes:
        styles["background-color"] = tag.attributes["bgcolor"].lower()
    if tag.attributes.get("background"):
        styles["background-image"] = "url()"
    if tag.name == "font" and "color" in tag.attributes:
        styles["color"] = tag.attributes["color"].lower()
    if tag.name == "font" and tag.attributes.get("size") in _HTML_SIZES:
        styles["font-size"] = f"{_HTML_SIZES[tag.attributes['size']]}px"
    if tag.name == "body" and "text" in tag.attributes:
        styles["color"] = tag.attributes["text"].lower()
    return styles


def _longhands(name: str, value: str) -> dict[str, str]:
    """Return a declaration with its parts, where it is one of background or font."""
    if name == "background":
        pictured = "url(" in value or "gradient(" in value
        colours = [word for word in _WORD.findall(value) if read_colour(word) or word == "inherit"]
        return {
            "background-image": "url()" if pictured else "none",
            "background-color": colours[-1] if colours else "transparent",
        }
    if name == "font":
        words = _WORD.findall(value)
        heights = [word.partition("/")[0] for word in words]
        sizes = [word for word in heights if _SIZE.fullmatch(word) or word in _KEYWORDS]
        weights = [word for word in words if word in ("bold", "bolder", "600", "700", "800", "900")]
        return {"font-size": sizes[0] if sizes else "", "font-weight": weights[0] if weights else "normal"}
    return {name: value}


def _behind(styles: Mapping[str, str], around: Look) -> Colour | None:
    if styles.get("background-image", "none") not in ("none", "", "initial") or _faded(styles):
        return None
    written = styles.get("background-color", "transparent")
    if written in ("transparent", "inherit", "initial", ""):
        return around.behind
    colour = read_colour(written)
    if colour is None or colour.alpha == 1:
        return colour
    return colour.over(around.behind) if around.behind else None


def _ink(tag: Tag, styles: Mapping[str, str], around: Look, dark: bool) -> Colour | None:
    written = styles.get("color", "")
    if written in ("", "inherit", "currentcolor"):
        if tag.name == "a" and "href" in tag.attributes and not written:
            return None if dark else LINK_BLUE
        return around.ink
    return read_colour(written)


def _faded(styles: Mapping[str, str]) -> bool:
    return styles.get("opacity", "1") not in ("1", "1.0", "100%")


def _size(written: str, around_px: float, larger: float) -> float:
    if written in _KEYWORDS:
        return _KEYWORDS[written]
    found = _SIZE.fullmatch(written)
    if not found:
        return around_px * larger
    number, unit = float(found[1]), found[2]
    return number * {"px": 1.0, "pt": 4 / 3, "em": around_px, "rem": _ROOT_PX, "%": around_px / 100}[unit]
