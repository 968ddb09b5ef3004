"""Values that may be None, printed as if everybody had them.

A template that prints None fails for that person (`{{ user.first_name }}`), or says "None" where it stands
within an expression (`{{ "Hello " ~ user.first_name }}`, `{{ user.first_name|upper }}`).
"""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.nullable import Nullable
from recmail.render.lint.rule import Rule
from recmail.render.lint.sources import Sources

RULE = Rule(
    name="nullable-value",
    severity=Severity.WARNING,
    what="a template prints a value that may be None without saying what to print then",
    fix="write {{ … or '…' }}, or {% if … %} around it",
)


def of_templates(sources: Sources) -> Iterator[Finding]:
    """Walk through the two lines of the campaign and the templates of both parts."""
    walk = Nullable(sources.bundle)
    for name, line in sources.lines.items():
        walk.line(line, name=name)
    for kind in ("html", "txt"):
        walk.part(f"{sources.template}.{kind}.j2")
    for bare in walk.finish_bare():
        value = bare.written
        yield RULE.finding(
            bare.found,
            fix=f"write {{{{ {value} or '…' }}}}, or {{% if {value} %}} around it",
            template=bare.template,
            line=bare.line,
        )
