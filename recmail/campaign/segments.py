"""What a campaign says in the segment language, `who` and `where`: mistakes at their places in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from recmail.campaign.explain import written
from recmail.campaign.yaml import Document, Path
from recmail.errors import ConfigError, Problem
from recmail.segment import check_segment, check_where


def who_of(data: Mapping[str, Any]) -> tuple[Path, str] | None:
    """Return where a campaign says whom it addresses, and the words; None when there are none."""
    audience = data.get("audience")
    path: Path = ("audience",) if isinstance(audience, str) else ("audience", "who")
    who = audience.get("who") if isinstance(audience, dict) else audience
    return (path, who) if isinstance(who, str) and who.strip() else None


def who_mistakes(
    document: Document, data: Mapping[str, Any], attributes: Mapping[str, str]
) -> Iterator[Problem]:
    """Check the audience.

    Args:
        attributes: types of people's declared attributes by name.
    """
    if (found := who_of(data)) is not None:
        path, who = found
        try:
            check_segment(who, attributes)
        except ConfigError as error:
            yield from placed(document, path, error.problems)


def where_mistakes(document: Document, path: Path, where: str) -> Iterator[Problem]:
    """Check a condition on courses."""
    try:
        check_where(where)
    except ConfigError as error:
        yield from placed(document, path, error.problems)


def placed(document: Document, path: Path, problems: Iterable[Problem]) -> Iterator[Problem]:
    """Move mistakes inside a text to their places in the file."""
    for problem in problems:
        yield document.inside(path, problem.line, problem.column, f"{written(path)}: {problem.message}")
