"""Finds what recipients would find: in the templates once, and in every message that they print.

Each rule is one file in rules/: its name, its severity, what it finds and how to mend that, and a function
for each place where it looks. docs/lint.md lists them.
"""

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.message_lint import MessageLint
from recmail.render.lint.template_lint import lint_templates

__all__ = ["Finding", "MessageLint", "Severity", "lint_templates"]
