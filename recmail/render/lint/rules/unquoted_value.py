"""Attributes whose value is printed without quotes: what follows its first space becomes attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="unquoted-value",
    severity=Severity.WARNING,
    what="a template prints an attribute's value without quotes: alt={{ course.title }}",
    fix='write quotes around it: alt="{{ course.title }}"',
)
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_PRINTED = re.compile(r"([\w:-]+)\s*=\s*\{\{")


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Look at what is printed in tags."""
    for text, file, line in sources.tag_texts():
        for found in _PRINTED.finditer(_QUOTED.sub('""', text)):
            yield RULE.finding(
                f"the value of {found[1]} is printed without quotes: it ends at the first space",
                template=file,
                line=line,
            )
