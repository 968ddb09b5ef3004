"""Gmail reads no style element that is too large: phones and dark mode then get the wide, light layout.

Source: https://github.com/hteumeuleu/email-bugs/issues/90.
"""

from __future__ import annotations

from collections.abc import Iterator

from recmail.render.lint.finding import Finding, Severity
from recmail.render.lint.rule import Rule

LARGEST_BYTES = 16 * 1024

RULE = Rule(
    name="style-size",
    severity=Severity.WARNING,
    what="the style elements (media queries and what else cannot be inlined) have more than 16 KB",
    fix="leave rules out that no tag needs, above all in media queries",
)


def of_style(css: str) -> Iterator[Finding]:
    """Compare the size of what inlining leaves in a page with what Gmail reads."""
    if len(css.encode(errors="surrogatepass")) > LARGEST_BYTES:
        yield RULE.finding("the style element has more than 16 KB: Gmail ignores all of it")
