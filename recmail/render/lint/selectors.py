"""Tells which rules of a stylesheet apply to a path."""

from __future__ import annotations

from functools import lru_cache

import cssselect
from cssselect import parser

from recmail.render.lint.page import Path, Tag

Selected = bool | None
"""Whether a selector applies; None where a path alone does not tell: siblings, :first-child."""
# What a person does with a link or field; nothing of it holds when an email is opened.
_DONE = frozenset(
    {"hover", "focus", "focus-within", "focus-visible", "active", "visited", "target", "checked"}
)


@lru_cache(maxsize=1_024)
def read_selectors(text: str) -> list[cssselect.Selector]:
    """Read selectors with commas between them; what nobody can read selects nothing."""
    try:
        return list(cssselect.parse(text))
    except (cssselect.SelectorError, ValueError):
        return []


def applies(selector: cssselect.Selector, path: Path) -> Selected:
    """Return whether a selector applies to a path."""
    if selector.pseudo_element:
        return False
    return _applies(selector.parsed_tree, path)


def _applies(tree: object, path: Path) -> Selected:
    tag = path.tag
    match tree:
        case parser.Element():
            return bool(tag.name) and (tree.element is None or tree.element.lower() == tag.name)
        case parser.Class():
            return _both(tree.class_name in _classes(tag), _applies(tree.selector, path))
        case parser.Hash():
            return _both(tag.attributes.get("id") == tree.id, _applies(tree.selector, path))
        case parser.Attrib():
            return _both(_attribute(tree, tag), _applies(tree.selector, path))
        case parser.CombinedSelector():
            return _both(_around(tree, path), _applies(tree.subselector, path))
        case parser.Pseudo():
            return _both(_state(tree.ident.lower(), tag), _applies(tree.selector, path))
        case parser.Negation():
            other = _applies(tree.subselector, path)
            return _both(None if other is None else not other, _applies(tree.selector, path))
        case _:
            selected = getattr(tree, "selector", None)
            return _both(None, True if selected is None else _applies(selected, path))


def _state(name: str, tag: Tag) -> Selected:
    """Return whether a pseudo-class applies to a tag."""
    if name in ("link", "any-link"):
        return tag.name in ("a", "area") and "href" in tag.attributes
    return False if name in _DONE else None


def _both(one: Selected, other: Selected) -> Selected:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _around(tree: parser.CombinedSelector, path: Path) -> Selected:
    """Return whether the left side of a combined selector applies to what stands around a path."""
    parent = path.parent
    if tree.combinator not in (" ", ">"):
        return None
    maybe: Selected = False
    while parent is not None:
        found = _applies(tree.selector, parent)
        if found or tree.combinator == ">":
            return found
        maybe = None if found is None else maybe
        parent = parent.parent
    return maybe


def _attribute(tree: parser.Attrib, tag: Tag) -> Selected:
    value = tag.attributes.get(tree.attrib.lower())
    if value is None or tree.operator == "exists":
        return value is not None
    asked = (tree.value.value if tree.value is not None else None) or ""
    operations: dict[str, bool] = {
        "=": value == asked,
        "~=": asked in value.split(),
        "^=": bool(asked) and value.startswith(asked),
        "$=": bool(asked) and value.endswith(asked),
        "*=": bool(asked) and asked in value,
        "|=": value == asked or value.startswith(f"{asked}-"),
    }
    return operations.get(tree.operator)


def _classes(tag: Tag) -> list[str]:
    return tag.attributes.get("class", "").split()
