"""One page with the emails of people who matter, each with why they are on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from recmail.render.email import Email


@dataclass(frozen=True)
class Sample:
    """One person on the contact sheet.

    Attributes:
        why: why this person is on it, such as "the longest name".
        verdict: "would be sent", or why it would not.
        email: None when there is nothing to show.
        shown: course titles with their reasons.
    """

    user_id: str
    name: str
    why: str
    sent: bool
    verdict: str
    email: Email | None
    shown: Sequence[tuple[str, str | None]]

    @property
    def file(self) -> str:
        """The name of this person's files, without ending: safe on every file system."""
        return re.sub(r"[^A-Za-z0-9._-]", "_", self.user_id)[:80].lstrip(".") or "user"


def contact_sheet(samples: Sequence[Sample], *, campaign: str, sender: str, made: str) -> str:
    """The page as HTML; the emails are the files `NAME.html` and `NAME.txt` beside it.

    Args:
        made: when, in words.
    """
    source = files("recmail.render").joinpath("contact_sheet.html.j2").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(source)
    return page.render(samples=samples, campaign=campaign, sender=sender, made=made)
