"""Counts what was found in many emails: how many people have it, one of them, and the largest email."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from recmail.render.lint.finding import Finding, Severity

MOST = 500
"""Different findings of one rule that are kept, so that any audience fits into memory."""
SHOWN = 50
"""Of these, those that are told: what most people have."""
Key = tuple[Severity, str]


@dataclass(frozen=True, order=True)
class Seen:
    """How many people, and the one with the lowest number."""

    people: int
    user_no: int

    def __add__(self, other: Seen) -> Seen:
        return Seen(self.people + other.people, min(self.user_no, other.user_no))


@dataclass(frozen=True)
class Largest:
    """The largest email, and whose; of two as large that of the lower number."""

    size_bytes: int
    user_no: int

    def or_larger(self, other: Largest) -> Largest:
        """Return the larger of two."""
        return min(self, other, key=lambda one: (-one.size_bytes, one.user_no))


@dataclass(frozen=True)
class Counted:
    """One rule over many people.

    Attributes:
        seen: who has anything that the rule finds.
        findings: the different ones, at most SHOWN; what most people have is first.
        more: findings that are not among these, each counted once for each person.
    """

    severity: Severity
    rule: str
    seen: Seen
    findings: tuple[tuple[Finding, Seen], ...]
    more: int


@dataclass
class _OfRule:
    """What one rule found so far.

    Only the MOST lowest findings are kept. One that is dropped was above so many others for good, so those
    that are kept at the end were kept from the start, and their counts are exact, whatever came in between.
    """

    seen: Seen
    all: int = 0
    findings: dict[Finding, Seen] = field(default_factory=dict)

    def add(self, found: Iterable[tuple[Finding, Seen]]) -> None:
        for finding, seen in found:
            before = self.findings.get(finding)
            self.findings[finding] = before + seen if before else seen
        if len(self.findings) > MOST:
            self.findings = dict(sorted(self.findings.items())[:MOST])


class Tally:
    """Adds up the findings of an audience, person by person or part by part, in any order."""

    def __init__(self) -> None:
        self.people = 0
        self.largest: Largest | None = None
        self._with: dict[Severity, int] = {}
        self._rules: dict[Key, _OfRule] = {}

    def add(self, user_no: int, findings: Iterable[Finding], *, size_bytes: int | None = None) -> None:
        """Count one person's email, or what kept it from being written.

        Args:
            findings: what was found in it; what stands in it several times counts once.
            size_bytes: of the whole email; None when there is none.
        """
        one, different = Seen(1, user_no), sorted(set(findings))
        self.people += 1
        for severity in {finding.severity for finding in different}:
            self._with[severity] = self._with.get(severity, 0) + 1
        for key in dict.fromkeys((finding.severity, finding.rule) for finding in different):
            mine = [(finding, one) for finding in different if (finding.severity, finding.rule) == key]
            self._count(key, one, len(mine), mine)
        if size_bytes is not None:
            self._measure(Largest(size_bytes, user_no))

    def merge(self, other: Tally) -> None:
        """Add what was counted for other people."""
        self.people += other.people
        for severity, people in other._with.items():
            self._with[severity] = self._with.get(severity, 0) + people
        for key, of_rule in other._rules.items():
            self._count(key, of_rule.seen, of_rule.all, of_rule.findings.items())
        if other.largest:
            self._measure(other.largest)

    def _count(self, key: Key, seen: Seen, count: int, found: Iterable[tuple[Finding, Seen]]) -> None:
        of_rule = self._rules.get(key)
        if of_rule is None:
            of_rule = self._rules[key] = _OfRule(seen)
        else:
            of_rule.seen += seen
        of_rule.all += count
        of_rule.add(found)

    def _measure(self, email: Largest) -> None:
        self.largest = self.largest.or_larger(email) if self.largest else email

    def with_any(self, severity: Severity) -> int:
        """How many people have a finding of this severity."""
        return self._with.get(severity, 0)

    def __iter__(self) -> Iterator[Counted]:
        """What each rule found: errors first, then what most people have."""
        order = sorted(self._rules.items(), key=lambda item: (item[0][0], -item[1].seen.people, item[0][1]))
        for (severity, rule), of_rule in order:
            findings = sorted(of_rule.findings.items(), key=lambda item: (-item[1].people, item[0]))
            findings = findings[:SHOWN]
            more = of_rule.all - sum(seen.people for _, seen in findings)
            yield Counted(severity, rule, of_rule.seen, tuple(findings), more)

    def examples(self) -> set[int]:
        """Whoever is named as an example: their user_no."""
        named = {seen.user_no for counted in self for _, seen in counted.findings}
        named |= {counted.seen.user_no for counted in self}
        return named | ({self.largest.user_no} if self.largest else set())

    def to_dict(self) -> dict[str, Any]:
        """Return the tally as JSON that `from_dict` reads; equal tallies give equal JSON."""
        return {
            "people": self.people,
            "largest": astuple(self.largest) if self.largest else None,
            "with": dict(sorted(self._with.items())),
            "rules": [
                [severity, rule, *astuple(of_rule.seen), of_rule.all, _rows(of_rule.findings)]
                for (severity, rule), of_rule in sorted(self._rules.items())
            ],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Tally:
        """Read back what `to_dict` wrote."""
        tally = cls()
        tally.people = kept["people"]
        tally.largest = Largest(*kept["largest"]) if kept["largest"] else None
        tally._with = {Severity(severity): people for severity, people in kept["with"].items()}
        for severity, rule, people, user_no, count, rows in kept["rules"]:
            key = Severity(severity), rule
            found = {
                Finding(*key, found, fix, template, line): Seen(has, example)
                for found, fix, template, line, has, example in rows
            }
            tally._rules[key] = _OfRule(Seen(people, user_no), count, found)
        return tally


def _rows(findings: Mapping[Finding, Seen]) -> list[list[Any]]:
    return [
        [one.found, one.fix, one.template, one.line, seen.people, seen.user_no]
        for one, seen in sorted(findings.items())
    ]
