"""Small emails with which rules are tried: good in all respects but the one that a test changes."""

from __future__ import annotations

from typing import Any

from recmail.render.email import Email
from recmail.render.lint import Finding, MessageLint, Severity
from tests.render.contexts import Context, block, context, course

SUBJECT = "Ana, three courses picked for you"
PREHEADER = "Each course with the reason why you see it here"
ADDRESS = "Acme Learning, 12 Residency Road, Bengaluru 560025, India"
FOOTER = f'<p><a href="https://acme.example/u/3yQ">Unsubscribe</a></p><p>{ADDRESS}</p>'
TEXT = f"Hello\n\nUnsubscribe:\nhttps://acme.example/u/3yQ\n\n{ADDRESS}\n"


def page(body: str, *, style: str = "") -> str:
    """Return a page with a footer as the law wants it."""
    return f"<html><head><style>{style}</style></head><body>{body}{FOOTER}</body></html>"


def email(body: str = "<p>Hello</p>", *, style: str = "", **changes: Any) -> Email:
    """Return an email around some HTML; `changes` replace its other parts."""
    made = {"subject": SUBJECT, "preheader": PREHEADER, "html": page(body, style=style), "text": TEXT}
    return Email(**(made | changes))


def one_course(**changes: Any) -> Context:
    """Return the context of an email with one course."""
    return context([block("popular", [course("bread", title="Bread at Home", **changes)])])


def findings(sent: Email, values: Context | None = None, lint: MessageLint | None = None) -> list[Finding]:
    """Return what is found in an email."""
    return (lint or MessageLint()).findings(sent, values or one_course())


def found(sent: Email, values: Context | None = None, lint: MessageLint | None = None) -> list[str]:
    """Return what is found in an email in short: `rule` for a warning, `rule!` for an error."""
    return [
        finding.rule + "!" * (finding.severity is Severity.ERROR) for finding in findings(sent, values, lint)
    ]


def body_found(body: str, *, style: str = "", rule: str = "") -> list[str]:
    """Return what is found in an email around some HTML, in short; with `rule` only what that one finds."""
    return [one for one in found(email(body, style=style)) if not rule or one.removesuffix("!") == rule]
