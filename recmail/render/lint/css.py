"""Reads CSS: declarations of a style attribute, and those of a stylesheet with what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# A semicolon or brace inside quotes or brackets ends nothing: url(data:image/png;base64,…).
_PIECE = re.compile(
    r"""((?:[^{};"'(]++|"[^"]*+"|'[^']*+'|\((?:[^()"']++|"[^"]*+"|'[^']*+'|\([^()]*+\))*+\)|["'(])*+)([{};]|$)"""
)
_NO_SIZE = re.compile(r"0+(?:\.0+)?[a-z%]*$")


@dataclass(frozen=True)
class Declaration:
    """One property with its value.

    Attributes:
        property: in lower case.
        value: in lower case, without !important.
        line: of the stylesheet, from 1.
        around: the at-rules and the selector that it stands in, outermost first.
        rule: the number of its rule in the stylesheet.
    """

    property: str
    value: str
    important: bool = False
    line: int = 1
    around: Sequence[str] = ()
    rule: int = 0


@dataclass(frozen=True, eq=False)
class Declarations:
    """The declarations of one style attribute."""

    all: Sequence[Declaration]

    @cached_property
    def last(self) -> Mapping[str, str]:
        """The value of each property, as the last declaration says."""
        return {declaration.property: declaration.value for declaration in self.all}

    @cached_property
    def hidden(self) -> bool:
        """What has these styles is not seen."""
        last = self.last
        return (
            last.get("display") == "none"
            or last.get("visibility") == "hidden"
            or any(_NO_SIZE.match(last.get(name, "1")) for name in ("opacity", "max-height"))
        )

    @cached_property
    def pictured(self) -> bool:
        """What has these styles shows a picture."""
        return any("url(" in self.last.get(name, "") for name in ("background", "background-image"))


@lru_cache(maxsize=4_096)
def declarations_of(style: str) -> Declarations:
    """Return what a style attribute declares."""
    return Declarations(list(_declarations(style, 1, (), 0)))


def read_sheet(css: str) -> Iterator[Declaration]:
    """Yield the declarations of a stylesheet in its order; an at-rule without a body is a property.

    What cannot be read is left out.
    """
    css = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), css)
    around: list[str] = []
    rule = 0
    for piece in _PIECE.finditer(css):
        text, end = piece[1], piece[2]
        line = css.count("\n", 0, piece.start() + len(text) - len(text.lstrip())) + 1
        if end == "{":
            around.append(" ".join(text.split()))
            rule += 1
            continue
        yield from _declarations(text, line, tuple(around), rule)
        if end == "}" and around:
            around.pop()


def _declarations(text: str, line: int, around: Sequence[str], rule: int) -> Iterator[Declaration]:
    for piece in _PIECE.finditer(text):
        written = " ".join(piece[1].split()).lower()
        name, colon, value = written.partition(":")
        if written.startswith("@"):
            name, colon, value = written.partition(" ")
        if not colon:
            continue
        value, important, _ = value.partition("!important")
        yield Declaration(name.strip(), value.strip(), bool(important), line, around, rule)
