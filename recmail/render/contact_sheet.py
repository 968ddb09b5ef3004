"""One page with the emails of people who matter, each with why they are on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from recmail.render.email import Email
from recmail.render.lint import Finding


@dataclass(frozen=True)
class Rule:
    """One rule that was asked for a person, and whether it let their email pass."""

    passed: bool
    says: str


@dataclass(frozen=True)
class Shown:
    """One course in a person's email.

    Attributes:
        block: its name in the campaign, and the fallback that the course comes from, if one does.
        reason: as it is printed, None where none is.
    """

    title: str
    block: str
    reason: str | None


@dataclass(frozen=True)
class Sample:
    """One person on the contact sheet.

    Attributes:
        why: why this person is on it, such as "the longest name".
        verdict: "would be sent", or why it would not.
        email: None when there is nothing to show.
        shown: courses with their reasons, in the order of the email.
        rules: all that decided it, in order.
        findings: what lint says of the email.
        variant: in which it is shown; None where the campaign has none.
        file: the name of this person's files, without ending; `with_files` gives one.
    """

    user_id: str
    name: str
    why: str
    sent: bool
    verdict: str
    email: Email | None
    shown: Sequence[Shown] = ()
    rules: Sequence[Rule] = ()
    findings: Sequence[Finding] = ()
    variant: str | None = None
    file: str = ""

    @property
    def size_kb(self) -> float:
        """The size of the HTML part, in units of 1,024 bytes."""
        return len(self.email.html.encode()) / 1024 if self.email else 0.0

    def to_dict(self) -> dict[str, Any]:
        """What is known of this person with stable keys, for --json; the email is in its files."""
        known = asdict(replace(self, email=None))
        del known["email"], known["user_id"], known["file"]
        made = {"subject": self.email.subject, "file": f"{self.file}.html"} if self.email else {}
        return {"user": self.user_id, **known, "subject": None, "file": None, **made}


def with_files(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Name each person's files: safe on every file system, none twice, and never the page's own."""
    taken = {"index"}
    for sample in samples:
        name = base = re.sub(r"[^A-Za-z0-9._-]", "_", sample.user_id)[:80].strip(".") or "user"
        number = 1
        while name.lower() in taken:  # ids that differ in signs or capitals only
            number += 1
            name = f"{base}-{number}"
        taken.add(name.lower())
        yield replace(sample, file=name)


def contact_sheet(
    samples: Sequence[Sample], *, campaign: str, sender: str, made: str, notes: Sequence[str] = ()
) -> str:
    """The page as HTML; the emails are the files `NAME.html` and `NAME.txt` beside it.

    Args:
        made: when, in words.
        notes: what the page cannot know, a sentence each.
    """
    source = files("recmail.render").joinpath("contact_sheet.html.j2").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(source)
    groups = [
        (title, [sample for sample in samples if sample.sent is sent])
        for title, sent in (("Would be sent", True), ("Would not be sent", False))
    ]
    return page.render(groups=groups, campaign=campaign, sender=sender, made=made, notes=notes)
