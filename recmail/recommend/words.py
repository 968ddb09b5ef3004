"""How reasons are worded: short enough for a line of an email."""

from __future__ import annotations

from datetime import datetime

_TITLE_LIMIT = 45  # characters: a reason is at most 80


def shortened(title: str, at_most: int = _TITLE_LIMIT) -> str:
    """Return a title that fits into a sentence, cut between words where that is possible."""
    title = " ".join(title.split())
    if len(title) <= at_most:
        return title
    cut = title[: at_most - 1]
    whole_words = cut.rpartition(" ")[0] if title[at_most - 1] != " " else cut
    return (whole_words or cut).rstrip(" ,;:-") + "…"


def day(at: datetime) -> str:
    """Write a day as `3 March 2026`."""
    return f"{at.day} {at:%B %Y}"


def learners(count: int) -> str:
    """Write how many learners: `1 learner`, `1,204 learners`."""
    return f"{count:,} {'learner' if count == 1 else 'learners'}"
