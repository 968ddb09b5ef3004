"""What happens while recmail works by itself, a line an event, for whoever reads the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class News:
    """One event.

    Attributes:
        what: of which kind it is, in one word that stays the same.
        text: in words, for a person.
        is_bad: somebody should look.
    """

    at: datetime
    what: str
    text: str
    campaign: str | None = None
    run: int | None = None
    is_bad: bool = False

    def __str__(self) -> str:
        about = [self.campaign, f"run {self.run}" if self.run is not None else None]
        return f"{self.at:%Y-%m-%d %H:%M:%S} UTC  {'  '.join([*filter(None, about), self.text])}"

    def to_dict(self) -> dict[str, Any]:
        """The event with stable keys, for --json."""
        return {
            "at": self.at,
            "what": self.what,
            "campaign": self.campaign,
            "run": self.run,
            "text": self.text,
            "is_bad": self.is_bad,
        }


Tell = Callable[[News], None]
