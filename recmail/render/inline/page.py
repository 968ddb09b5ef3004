"""The expanded page: its text, and for each character the place in a template that it comes from."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from jinja2 import nodes

VALUE = "\ue000"
"""Stands on the page for each value that a message prints; a private-use character, in no template."""


class Undecided(Exception):  # noqa: N818 - not a failure: the template goes per message
    """Nothing can be said about the rest of a template; `at` is a place on the page, -1 for its end."""

    def __init__(self, message: str, at: int = -1) -> None:
        self.message, self.at = message, at
        super().__init__(message)


class Origin(NamedTuple):
    """Where a character comes from.

    Attributes:
        node: the text of a template; None for what an expression prints.
        printed: the expression, if it prints a constant or one of several.
    """

    file: str
    line: int
    node: nodes.TemplateData | None
    offset: int
    printed: nodes.Node | None = None

    @property
    def key(self) -> tuple[int, int]:
        """The same for the same character of the same template."""
        return id(self.node), self.offset


@dataclass
class Page:
    """A page that grows piece by piece."""

    pieces: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    size: int = 0

    def add(self, text: str, origin: Origin) -> None:
        """Append a piece; `origin` is that of its first character."""
        self.pieces.append(text)
        self.starts.append(self.size)
        self.origins.append(origin)
        self.size += len(text)

    @cached_property
    def text(self) -> str:
        """The whole page, once it is complete."""
        return "".join(self.pieces)

    def origin(self, at: int) -> Origin:
        """Return where the character at a place of the page comes from."""
        if not self.starts:
            return Origin("", 0, None, 0)
        number = bisect_right(self.starts, min(at, self.size - 1) if at >= 0 else self.size - 1) - 1
        file, line, node, offset, printed = self.origins[number]
        inside = (at if at >= 0 else self.size) - self.starts[number]
        line += self.pieces[number].count("\n", 0, inside) if node else 0
        return Origin(file, line, node, offset + inside, printed)

    def pieces_of(self, start: int, end: int) -> list[tuple[Origin, int]]:
        """Return where a stretch of the page comes from: its parts, each with its length."""
        parts = []
        while start < end:
            number = bisect_right(self.starts, start) - 1
            stop = min(end, self.starts[number] + len(self.pieces[number]))
            parts.append((self.origin(start), stop - start))
            start = stop
        return parts
