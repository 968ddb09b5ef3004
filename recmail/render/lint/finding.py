"""One thing that is wrong with an email or its template, in words that say how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What follows from a finding: an error blocks approval, a warning is to be looked at."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong; equal findings of several people are one finding of so many people.

    Attributes:
        rule: its name, such as "image-alt".
        found: what is wrong, without anything of one person, so that it is the same for everybody.
        fix: what to do about it.
        template: the file it is in, empty where a message alone does not tell.
        line: of that file, from 1; 0 where unknown.
    """

    severity: Severity
    rule: str
    found: str
    fix: str
    template: str = ""
    line: int = 0
