"""Which branch each condition inside a tag takes on which page, until every combination was on one."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_PAGES = 64


@dataclass
class Choices:
    """The conditions of one tag: a walk through the tree of their combinations, depth first."""

    taken: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    at: int = 0
    done: bool = False

    def next(self, count: int) -> int:
        """Return the branch to take at the next condition met, of `count`."""
        if self.at == len(self.taken):
            self.taken.append(0)
            self.counts.append(count)
        self.at += 1
        return self.taken[self.at - 1]

    def advance(self) -> None:
        """Move on to the next combination; after the last comes the first again."""
        while self.taken and self.taken[-1] + 1 == self.counts[-1]:
            self.taken.pop()
            self.counts.pop()
        if self.taken:
            self.taken[-1] += 1
        else:
            self.done = True
        self.at = 0
