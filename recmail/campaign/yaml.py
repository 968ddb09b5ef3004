"""YAML with places: what a campaign file says, where each part stands, and syntax mistakes in plain words.

Built on ruamel.yaml's events and not on its loader: a list of events shows aliases, tags and duplicate keys
before anything is made of them, so a file of a few lines cannot grow into gigabytes, and NO stays a word
whatever version a file claims.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from recmail.campaign.inside import written_place
from recmail.campaign.syntax import explain_syntax, without_value
from recmail.errors import ConfigError, Problem
from recmail.settings.source import SourceText

Path = tuple[str | int, ...]

DEPTH_LIMIT = 20
_SYNTAX_LIMIT = 20  # mistakes that end the reading; each begins it anew
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Scalar:
    """A single value: its text after unquoting, and where it stands."""

    start: int
    end: int
    text: str
    style: str  # | and > for blocks, ' and " for quoted, empty for plain

    def value(self) -> object:
        """Return what the text means; only plain text can be anything but text (YAML 1.2, core schema)."""
        if self.style:
            return self.text
        if self.text in _WORDS:
            return _WORDS[self.text]
        if _INTEGER.fullmatch(self.text):
            return int(self.text)
        if _FLOAT.fullmatch(self.text) and math.isfinite(float(self.text)):
            return float(self.text)
        return self.text


@dataclass(frozen=True)
class Items:
    """A list."""

    start: int
    items: list[Node]


@dataclass(frozen=True)
class Pairs:
    """Keys and values, in the order in which they are written, each key once."""

    start: int
    pairs: dict[str, tuple[Scalar, Node]]


Node = Scalar | Items | Pairs


@dataclass(frozen=True)
class Document:
    """A file: its values, and where each of them stands.

    Attributes:
        problems: what could not be read, and has values of no meaning now; and what campaigns do without:
            aliases, tags, keys that are there twice, a second document.
    """

    source: SourceText
    root: Pairs
    problems: tuple[Problem, ...] = ()

    @property
    def data(self) -> dict[str, Any]:
        """The values as dicts, lists and scalars."""
        found: dict[str, Any] = _plain(self.root)
        return found

    def node(self, path: Path) -> Node:
        """Return the value at a path, or the last one on the way to it."""
        return self._walk(path)[0]

    def existing(self, path: Path) -> Path:
        """Return a path as far as it is written: without the `show` that a bare number meant."""
        return path[: self._walk(path)[2]]

    def at_key(self, path: Path, message: str) -> Problem:
        """Return a mistake at the key that a path ends with; at none for what the whole file lacks."""
        if not path:
            return Problem(self.source.file, 0, 0, message)
        return self.source.problem(self._walk(path)[1], message)

    def at_value(self, path: Path, message: str) -> Problem:
        """Return a mistake at the value of a path, at its key when there is no value."""
        node, key_start, _ = self._walk(path)
        is_absent = isinstance(node, Scalar) and node.start == node.end
        return self.source.problem(key_start if is_absent else node.start, message)

    def inside(self, path: Path, line: int, column: int, message: str) -> Problem:
        """Return a mistake inside a text.

        Args:
            line: of the text, from 1.
            column: of that line, from 1.
        """
        node = self.node(path)
        if not isinstance(node, Scalar):
            return self.source.problem(node.start, message)
        lines = node.text.split("\n")[: line - 1]
        offset = sum(map(len, lines)) + len(lines) + column - 1
        raw = self.source.text[node.start : node.end]
        return self.source.problem(node.start + written_place(raw, node.style, node.text, offset), message)

    def scalars(self) -> Iterator[tuple[Path, Scalar]]:
        """Return every single value with its path."""
        waiting: list[tuple[Path, Node]] = [((), self.root)]
        while waiting:
            path, node = waiting.pop()
            if isinstance(node, Scalar):
                yield path, node
            elif isinstance(node, Items):
                waiting += [((*path, number), item) for number, item in enumerate(node.items)]
            else:
                waiting += [((*path, key), value) for key, (_, value) in node.pairs.items()]

    def _walk(self, path: Path) -> tuple[Node, int, int]:
        """Go along a path as far as it leads: the node there, where its key or item starts, and the steps."""
        node: Node = self.root
        start, steps = self.root.start, 0
        for part in path:
            if isinstance(node, Pairs) and part in node.pairs:
                key, node = node.pairs[str(part)]
                start = key.start
            elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
                node = node.items[part]
                start = node.start
            else:
                break
            steps += 1
        return node, start, steps


def _plain(node: Node) -> Any:
    if isinstance(node, Pairs):
        return {key: _plain(value) for key, (_, value) in node.pairs.items()}
    return [_plain(item) for item in node.items] if isinstance(node, Items) else node.value()


@lru_cache(maxsize=4)  # a check looks at one file in four ways
def read_yaml(source: SourceText) -> Document:
    """Read a YAML file that holds keys and values, as far as it can be read: `problems` says what cannot.

    Raises:
        ConfigError: a mistake in the syntax that leaves no doubt only about the value of one line.
    """
    problems: list[Problem] = []
    text = source.text
    while True:
        try:
            builder = _Builder(source, iter(YAML(typ="safe", pure=True).parse(text)))
            root = builder.document()
            break
        except MarkedYAMLError as error:
            problem, only_its_value = explain_syntax(source, error)
            if problems and problem.line <= problems[-1].line + (not only_its_value):
                raise ConfigError(problems) from error  # it follows from the last one
            problems.append(problem)
            if not only_its_value or len(problems) == _SYNTAX_LIMIT:
                raise ConfigError(problems) from error
            start = source.offset_of_line(problem.line)
            text = without_value(text, start, start + len(source.line_at(start)))
        except ReaderError as error:
            message = f"the character U+{_code(error):04X} may not stand in a YAML file; remove it"
            raise ConfigError([*problems, source.problem(error.position, message)]) from error
        except (ValueError, OverflowError) as error:
            message = 'an escape such as "\\UFFFFFFFF" stands for no character'
            raise ConfigError([*problems, Problem(source.file, 0, 0, message)]) from error
    problems += builder.problems
    if not isinstance(root, Pairs):
        raise ConfigError([*problems, _not_a_mapping(source, root)])
    return Document(source, root, tuple(problems))


def _code(error: ReaderError) -> int:
    return error.character if isinstance(error.character, int) else ord(error.character)


def _not_a_mapping(source: SourceText, root: Node | None) -> Problem:
    if root is None or (isinstance(root, Scalar) and root.value() is None):
        return Problem(source.file, 0, 0, "is empty; a campaign needs subject, audience and blocks")
    found = "a list" if isinstance(root, Items) else "text"
    return source.problem(root.start, f"found {found}; expected lines such as subject: …")


class _Builder:
    """Makes nodes of events, and collects what campaigns do without."""

    def __init__(self, source: SourceText, events: Iterator[Event]) -> None:
        self._source, self._events = source, events
        self.problems: list[Problem] = []

    def document(self) -> Node | None:
        """Read the whole file; None when there is nothing in it."""
        root = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if event.version or event.tags:
                    directive = re.search("^%", self._source.text, re.MULTILINE)
                    start = directive.start() if directive else event.start_mark.index
                    message = "lines that begin with % are not used in campaigns; remove it"
                    self.problems.append(self._source.problem(start, message))
                if documents == 2:
                    self._add(event, "a file holds one campaign; remove this line and what follows")
            elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent | AliasEvent):
                node = self._node(event, 1)
                root = node if root is None else root
        return root

    def _node(self, event: Event, depth: int) -> Node:
        start = event.start_mark.index
        if depth > DEPTH_LIMIT:
            raise ConfigError([self._source.problem(start, "is nested too deeply")])
        self._refuse_references(event)
        if isinstance(event, MappingStartEvent):
            return Pairs(start, self._pairs(depth))
        if isinstance(event, SequenceStartEvent):
            return Items(start, self._items(depth))
        if isinstance(event, ScalarEvent):
            return Scalar(start, event.end_mark.index, event.value, event.style or "")
        return Scalar(start, event.end_mark.index, "", "*")

    def _refuse_references(self, event: Event) -> None:
        what = None
        if isinstance(event, AliasEvent):
            what = "*"
        elif getattr(event, "anchor", None):
            what = "&"
        elif getattr(event, "ctag", None):
            what = "!"
        if what:
            self._add(
                event, f"text that begins with {what} must be in quotes; campaigns have no aliases and tags"
            )

    def _items(self, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return items

    def _pairs(self, depth: int) -> dict[str, tuple[Scalar, Node]]:
        pairs: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self.problems.append(self._about_key(key))
            elif key.text in pairs:
                line, _ = self._source.place(pairs[key.text][0].start)
                self.problems.append(
                    self._source.problem(key.start, f"{key.text}: is there twice, also in line {line}")
                )
            else:
                pairs[key.text] = (key, value)
        return pairs

    def _about_key(self, key: Node) -> Problem:
        # {{ name }} without quotes is a mapping whose key is a mapping.
        if self._source.text.startswith("{{", key.start - 1):
            return self._source.problem(key.start - 1, "text that begins with {{ must be in quotes")
        return self._source.problem(key.start, "a key must be a word")

    def _add(self, event: Event, message: str) -> None:
        self.problems.append(self._source.problem(event.start_mark.index, message))
