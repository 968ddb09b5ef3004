"""What a rule says about itself, and the ways in which one is asked."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TypeVar

from recmail.render.lint import rules
from recmail.render.lint.finding import Finding, Severity

Asked = TypeVar("Asked")


@dataclass(frozen=True)
class Rule:
    """A rule's own words, for its findings and for docs/lint.md.

    Attributes:
        severity: of what it finds, where a finding does not say otherwise.
        what: what it finds, as the table of the documentation says it.
        fix: how to mend it.
    """

    name: str
    severity: Severity
    what: str
    fix: str

    def finding(
        self,
        found: str,
        *,
        fix: str = "",
        severity: Severity | None = None,
        template: str = "",
        line: int = 0,
    ) -> Finding:
        """Return a finding of this rule; `found` is the same for all people whom it concerns."""
        return Finding(severity or self.severity, self.name, found, fix or self.fix, template, line)


@cache
def rule_modules() -> Sequence[ModuleType]:
    """Return the file of each rule, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    return [importlib.import_module(f"{rules.__name__}.{name}") for name in names]


def ask(hook: str, asked: Asked) -> list[Finding]:
    """Return what all rules find in one thing, by the function `hook` that some of them have."""
    found: list[Finding] = []
    for look in _functions(hook):
        found += look(asked)
    return found


@cache
def _functions(hook: str) -> Sequence[Callable[[object], Iterable[Finding]]]:
    return [getattr(module, hook) for module in rule_modules() if hasattr(module, hook)]
