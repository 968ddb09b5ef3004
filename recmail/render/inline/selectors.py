"""Which selectors can be decided once for every message, and what they look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cssselect
from cssselect import parser


@dataclass
class Looked:
    """What the selectors of a page look at.

    Attributes:
        at_values_of: attributes whose value is compared.
        above: classes as .x, ids as #x and attributes as [x] that a rule asks of tags around those it styles.
        unreadable: premailer cannot use one of them.
    """

    at_values_of: set[str] = field(default_factory=set)
    above: set[str] = field(default_factory=set)
    unreadable: bool = False


def look(selectors: Sequence[str], report: Callable[[str, str], None]) -> Looked:
    """Take selectors apart; what cannot be decided once goes to `report`, with its selector."""
    looked = Looked()
    for selector in selectors:
        try:
            (parsed,) = cssselect.parse(selector)
        except (cssselect.SelectorError, ValueError) as error:
            looked.unreadable = True
            report(f"the selector {selector} cannot be read: {error}", selector)
            continue
        why = (
            "it asks for a pseudo-element"
            if parsed.pseudo_element
            else _look(parsed.parsed_tree, looked, set())
        )
        if why:
            report(f"the selector {selector} cannot be decided once: {why}", selector)
    return looked


def _look(tree: object, looked: Looked, around: set[str]) -> str:
    """Note what a part of a selector looks at, in `around` too; return why it cannot be decided."""
    match tree:
        case parser.CombinedSelector():
            if tree.combinator not in (" ", ">"):
                return "it asks for neighbours; give the tag a class"
            return _look(tree.subselector, looked, around) or _look(tree.selector, looked, looked.above)
        case parser.Element():
            return "it names a namespace" if tree.namespace else ""
        case parser.Class():
            around.add(f".{tree.class_name}")
        case parser.Hash():
            looked.at_values_of.add("id")
            around.add(f"#{tree.id}")
        case parser.Attrib():
            if tree.namespace:
                return "it names a namespace"
            if tree.operator != "exists":
                looked.at_values_of.add(tree.attrib.lower())
            around.add(f"[{tree.attrib.lower()}]")
        case _:
            return "it asks for the place among neighbours, or a function; give the tag a class"
    return _look(tree.selector, looked, around)
