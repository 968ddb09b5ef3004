"""Which courses of a sent email gave way to reserves, found by the hash of the message that left."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

import sqlalchemy as sa

from recmail.db.courses import gone_stale
from recmail.errors import RenderError
from recmail.records import Claim
from recmail.render.frozen import replace_stale
from recmail.runs.message import RunWriter, links_for, shown_in
from recmail.runs.project import Project

Slot = list[Any]
_AT_ONCE = 2  # courses that are tried as gone, where the database does not remember any more which were


@dataclass(frozen=True)
class Replaced:
    """What the message that left showed.

    Attributes:
        slots: as frozen, those of reserves included.
        instead: which slot gave way to which reserve.
    """

    slots: Sequence[Slot]
    instead: Sequence[tuple[Slot, Slot]]


def find_replaced(
    connection: sa.Connection, project: Project, writer: RunWriter, claim: Claim, *, sha256: str, at: datetime
) -> Replaced | None:
    """Write the message again with one course after the other gone, until it is the one that left.

    Returns None when it never is: the address, public_url or the version of recmail is another one by now.

    Args:
        claim: with what was frozen; its address as it is now.
        sha256: of the message that left.
        at: when it left.
    """
    links = links_for(project, claim.run_no, claim.user_no)
    [gone] = gone_stale(connection, [shown_in(claim)], now=at)
    for context in _contexts(claim, gone):
        try:
            message = writer.finish(claim, context, links)
        except RenderError:
            continue
        if hashlib.sha256(message.mime).hexdigest() == sha256:
            planned, left = claim.context["slots"], context["slots"]
            changed = [(was, now) for was, now in zip(planned, left, strict=True) if was != now]
            return Replaced(left, changed)
    return None


def _contexts(claim: Claim, gone: set[int]) -> Iterator[Mapping[str, Any]]:
    """What may have been printed, the likeliest first."""
    yield claim.context
    shown = [course_no for _, course_no, *_ in claim.context["slots"]]
    tried = [gone, *(set(some) for count in range(1, _AT_ONCE + 1) for some in combinations(shown, count))]
    for courses in tried:
        context = replace_stale(claim.context, claim.reserves, courses)
        if context is not None:
            yield context
