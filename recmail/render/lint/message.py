"""One person's rendered email, as the rules look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from recmail.render.email import Email
from recmail.render.lint.page import Page, plain


@dataclass(frozen=True)
class Message:
    """An email with what it was made of.

    Attributes:
        html_bytes: the size of its HTML as mail clients see it, after decoding.
        own_words: the stretches of text that stand in the templates themselves.
    """

    email: Email
    context: Mapping[str, Any]
    page: Page
    html_bytes: int
    own_words: Sequence[str]

    @cached_property
    def html_words(self) -> str:
        """All that is read in the HTML, in one line."""
        return " ".join(self.page.words)

    @cached_property
    def text_words(self) -> str:
        """All that is read in the text part, in one line."""
        return plain(self.email.text)

    def value(self, name: str, field: str) -> str | None:
        """Return a text of the context, such as `links.unsubscribe`."""
        fields = self.context.get(name)
        found = fields.get(field) if isinstance(fields, Mapping) else None
        return found if isinstance(found, str) and found else None
