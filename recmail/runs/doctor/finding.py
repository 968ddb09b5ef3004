"""One line of the doctor's report, and its three states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """What is to be done about a finding: nothing, something some day, or something now."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        check: what was looked at; the same word in every report.
        next: a command, or a line to paste, or what to do in words; empty where nothing is to be done.
        section: the group of checks that it belongs to.
        makes_invalid: recmail.toml itself is wrong, so that other commands end with "invalid input".
    """

    check: str
    state: State
    found: str
    next: str = ""
    section: str = ""
    makes_invalid: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The finding with stable keys, for --json."""
        values = asdict(self)
        return {key: values[key] for key in ("section", "check", "state", "found", "next")}


def ok(check: str, found: str, next_step: str = "") -> Finding:
    """Nothing is to be done."""
    return Finding(check, State.OK, found, next_step)


def warning(check: str, found: str, next_step: str = "") -> Finding:
    """Campaigns can go out; this should be looked at."""
    return Finding(check, State.WARNING, found, next_step)


def wrong(check: str, found: str, next_step: str = "") -> Finding:
    """Something does not work, or will hurt."""
    return Finding(check, State.WRONG, found, next_step)


def said(problem: object) -> str:
    """Return a mistake without the source line that follows it."""
    return str(problem).partition("\n")[0]


def count(findings: Sequence[Finding]) -> dict[State, int]:
    """How many findings there are of each state."""
    return {state: sum(one.state is state for one in findings) for state in State}
