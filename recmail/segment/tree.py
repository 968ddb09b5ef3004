"""A segment as a tree: what was written, its names and types checked, before it is asked of anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from recmail.segment.fields import Field


@dataclass(frozen=True)
class Value:
    """A text (in the form that is compared), number, day, true or false; as written, and where it stands."""

    value: str | Decimal | date | bool
    written: str = field(default="", compare=False, repr=False)
    line: int = field(default=0, compare=False, repr=False)
    column: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Everyone:
    """All people."""


@dataclass(frozen=True)
class All:
    """Parts joined by and."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class AnyOf:
    """Parts joined by or."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not:
    """The exact opposite."""

    part: Node


@dataclass(frozen=True)
class Compare:
    """A field beside a value; op is one of == != < <= > >=."""

    field: Field
    op: str
    value: Value


@dataclass(frozen=True)
class OneOf:
    """`in [...]`, or `not in [...]`."""

    field: Field
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True)
class IsSet:
    """Something is known, or, negated, nothing is."""

    field: Field
    negated: bool = False


@dataclass(frozen=True)
class Span:
    """A time at most (`within`), or more than (`over`), a length of time from now, back or ahead."""

    field: Field
    length: timedelta
    over: bool = False
    ahead: bool = False


@dataclass(frozen=True)
class Has:
    """A list contains a text, or a text contains another."""

    field: Field
    value: Value


@dataclass(frozen=True)
class Event:
    """The person did something so many times up to now.

    Attributes:
        what: a condition on the event and its course; None: any.
        op: `>=` or `<=` before the number of times.
        within: only events of this time up to now.
    """

    kind: str
    what: Node | None = None
    op: str = ">="
    times: int = 1
    within: timedelta | None = None


@dataclass(frozen=True)
class InCluster:
    """The person is in a cluster that training found; its name in the form that is compared."""

    value: Value


Node = InCluster | Everyone | All | AnyOf | Not | Compare | OneOf | IsSet | Span | Has | Event


@dataclass(frozen=True)
class Rule:
    """One of the parts that `and` joins at the top, as it is written."""

    text: str
    node: Node


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it, in the order in which it is written."""
    yield node
    match node:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from walk(part)
        case Not(part):
            yield from walk(part)
        case Event(what=what) if what is not None:
            yield from walk(what)


def fields_of(node: Node) -> frozenset[Field]:
    """All fields that a node mentions."""
    return frozenset(one.field for one in walk(node) if isinstance(one, Compare | OneOf | IsSet | Span | Has))
