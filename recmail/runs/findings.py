"""What was found in the emails of an audience, in words and with an example of whom to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recmail.db.people import user_ids_by_no
from recmail.db.runs import shard_findings
from recmail.errors import Problem
from recmail.render.lint import Finding, Severity
from recmail.render.lint.rules.size import CLIPPED_BYTES
from recmail.render.lint.tally import Counted, Seen, Tally
from recmail.settings.source import printable

SHOWN = 10
"""Different findings of one rule that are listed for a person to read; --json has all that were kept."""


@dataclass(frozen=True)
class Findings:
    """A tally, with the user_id of everybody who is named in it."""

    tally: Tally
    names: Mapping[int, str]

    @classmethod
    def of(cls, connection: sa.Connection, tally: Tally) -> Findings:
        """Look up who the examples are."""
        return cls(tally, user_ids_by_no(connection, sorted(tally.examples())))

    @property
    def errors(self) -> int:
        """People in whose email, or in place of it, there is an error."""
        return self.tally.with_any(Severity.ERROR)

    @property
    def warnings(self) -> int:
        """People whose email has a warning."""
        return self.tally.with_any(Severity.WARNING)

    @property
    def headline(self) -> str:
        """All in one line."""
        emails = f"{self.tally.people:,} email{'' if self.tally.people == 1 else 's'} looked at"
        counts = ((self.errors, "errors in"), (self.warnings, "warnings in"))
        said = [f"{words} {people:,}" for people, words in counts if people]
        return f"{emails}: {', '.join(said) or 'nothing found'}"

    def lines(self, *, only: Severity | None = None) -> Iterator[str]:
        """Say what each rule found, where, how to mend it, for how many people, and whom to look at."""
        for counted in self.tally:
            if only in (None, counted.severity):
                yield f"{counted.severity}  {counted.rule}: {self._whose(counted.seen)}"
                yield from self._found(counted)

    def _found(self, counted: Counted) -> Iterator[str]:
        alone = len(counted.findings) == 1
        for finding, seen in counted.findings[:SHOWN]:
            whose = "" if alone else f" ({self._whose(seen)})"
            yield f"  {_place(finding)}{printable(finding.found)}{whose}"
            yield f"    {printable(finding.fix)}"
        if counted.more or len(counted.findings) > SHOWN:
            yield "  and others"

    @property
    def largest(self) -> str | None:
        """The largest email against what Gmail shows; None when no email could be written."""
        largest = self.tally.largest
        if largest is None:
            return None
        size = f"{largest.size_bytes:,} of {CLIPPED_BYTES:,} bytes"
        return f"the largest email has {size}: {self._name(largest.user_no)}"

    def _whose(self, seen: Seen) -> str:
        if seen.people == 1:
            return f"1 person, {self._name(seen.user_no)}"
        return f"{seen.people:,} people, such as {self._name(seen.user_no)}"

    def _name(self, user_no: int) -> str:
        return printable(self.names.get(user_no, "somebody erased since"))

    def problems(self, campaign: str) -> Iterator[tuple[str, Problem]]:
        """Return severity and problem of each finding: in a template, else in the campaign's file."""
        for counted in self.tally:
            for finding, seen in counted.findings:
                found = f"{finding.found}; {finding.fix} ({counted.rule}: {self._whose(seen)})"
                is_file = finding.template.endswith((".j2", ".css"))
                file = f"templates/{finding.template}" if is_file else f"campaigns/{campaign}.yaml"
                line = finding.line if is_file else 1
                yield counted.severity, Problem(file, line, 0, printable(found))

    def to_dict(self) -> dict[str, Any]:
        """The findings with stable keys, for --json."""
        largest = self.tally.largest
        return {
            "looked_at": self.tally.people,
            "errors": self.errors,
            "warnings": self.warnings,
            "largest": largest
            and {
                "bytes": largest.size_bytes,
                "at_most": CLIPPED_BYTES,
                "user_id": self.names.get(largest.user_no),
            },
            "rules": [self._rule(counted) for counted in self.tally],
        }

    def _rule(self, counted: Counted) -> dict[str, Any]:
        findings = [
            {
                "found": finding.found,
                "fix": finding.fix,
                "template": finding.template or None,
                "line": finding.line or None,
                **self._seen(seen),
            }
            for finding, seen in counted.findings
        ]
        whom = self._seen(counted.seen)
        rule = {"severity": counted.severity, "rule": counted.rule}
        return {**rule, **whom, "findings": findings, "more": counted.more}

    def _seen(self, seen: Seen) -> dict[str, Any]:
        return {"people": seen.people, "example": self.names.get(seen.user_no)}


def read_findings(connection: sa.Connection, run_no: int) -> Findings | None:
    """Return what was found in the emails of a run; None while not all were looked at."""
    tally, kept = Tally(), shard_findings(connection, run_no).values()
    for found in kept:
        if found is None:
            return None
        tally.merge(Tally.from_dict(found))
    return Findings.of(connection, tally) if kept else None


def _place(finding: Finding) -> str:
    if not finding.template:
        return ""
    return f"{finding.template}:{finding.line}: " if finding.line else f"{finding.template}: "
