"""What a report counts: figures of messages, and of the places in them that showed a course."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

Money = Counter[str]
"""Minor units by currency; amounts of two currencies are never added up."""
NO_CURRENCY = "XXX"
"""Of amounts that were imported without one: no currency, by ISO 4217."""
PICKED = ""
"""What stands for the fallback where there was none: the block's own courses."""


@dataclass
class Figures:
    """What came of messages; all but enrolments and money are numbers of messages, one a person and run.

    Attributes:
        sent: the provider accepted them.
        delivered, bounced_hard, bounced_soft, complained: what the provider told; bounced for good is hard.
        unsubscribed: the person said no within the window after the message, on our page or by one click.
        opened, clicked: at least once, machines left out.
        clicked_by_machine: only by scanners and prefetching.
        waiting: their window is not over yet, or not covered by imports.
        enrolled: messages that at least one enrolment is counted to.
        enrolments: of any course; `enrolments_shown`, of courses that the message showed.
        value: of these orders; `value_shown`, of courses that the message showed.
    """

    sent: int = 0
    delivered: int = 0
    bounced_hard: int = 0
    bounced_soft: int = 0
    complained: int = 0
    unsubscribed: int = 0
    opened: int = 0
    clicked: int = 0
    clicked_by_machine: int = 0
    waiting: int = 0
    enrolled: int = 0
    enrolled_shown: int = 0
    enrolments: int = 0
    enrolments_shown: int = 0
    value: Money = field(default_factory=Counter)
    value_shown: Money = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        """Count what another has as well."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            setattr(self, one.name, _together(mine, theirs) if isinstance(mine, Counter) else mine + theirs)


def _together(first: Money, second: Money) -> Money:
    total = Counter(first)
    total.update(second)  # `+` would drop a currency whose orders are all of 0
    return total


@dataclass
class Place:
    """A block, course, position or fallback, and what came of it.

    Attributes:
        shown: how often it stood in a message that was sent.
        clicked: messages in which it was clicked, machines left out.
        enrolments: of courses that it showed.
        value: of these orders.
    """

    shown: int = 0
    clicked: int = 0
    enrolments: int = 0
    value: Money = field(default_factory=Counter)


DIMENSIONS = ("block", "course", "position", "fallback")
Key = tuple[str, str | int]


@dataclass
class Places:
    """What came of each block (by name), course (course_no), position (from 1) and fallback (block name)."""

    rows: dict[Key, Place] = field(default_factory=dict)

    def at(self, dimension: str, key: str | int) -> Place:
        """The place, made when it is the first time."""
        return self.rows.setdefault((dimension, key), Place())

    def of(self, dimension: str) -> Iterator[tuple[str | int, Place]]:
        """All places of a dimension: those by number in order, others by how often they were shown."""
        found = [(key, place) for (named, key), place in self.rows.items() if named == dimension]
        if dimension == "position":
            return iter(sorted(found))
        return iter(sorted(found, key=lambda row: (-row[1].enrolments, -row[1].shown, str(row[0]))))


ByRun = dict[tuple[int, str | None], Figures]
"""Figures by run and variant."""


def add_up(figures: Mapping[tuple[int, str | None], Figures], **only: int | str | None) -> Figures:
    """Figures of all, or of one `run` or `variant`."""
    total = Figures()
    for (run_no, variant), one in figures.items():
        if only.get("run", run_no) == run_no and only.get("variant", variant) == variant:
            total.add(one)
    return total
