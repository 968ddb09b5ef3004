"""People whose messages are the ends of what a campaign sends, found in a sample of its audience."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice
from typing import Any

import sqlalchemy as sa

from recmail.campaign import all_blocks
from recmail.db.samples import sample_of
from recmail.db.tables import users
from recmail.errors import RenderError
from recmail.pipeline import Composed, Facts, compose_people
from recmail.records import SHARD_SIZE, SKIP_WORDS
from recmail.runs.message import Writers, links_for
from recmail.runs.project import Project

LOOKED_AT = SHARD_SIZE  # people: what one worker composes at once
# How much is printed for a person tells how long their message is; of those with most, all are rendered.
_RENDERED = 25
_REASONS = ("too_few_courses", "duplicate_address", "cap")


@dataclass(frozen=True)
class Extremes:
    """Who was found, (why, user_no), among how many people of the audience."""

    found: Sequence[tuple[str, int]]
    looked_at: int


def find_extremes(
    connection: sa.Connection,
    project: Project,
    writers: Writers,
    facts: Facts,
    *,
    audience: sa.Select[tuple[int]],
) -> Extremes:
    """Compose a sample of the audience, the same each time, and find the ends of it; nobody is written to."""
    composed = compose_people(connection, facts, sample_of(connection, audience, LOOKED_AT))
    emails = [one for one in composed if one.context is not None]
    found = [*_largest(connection, project, writers, emails), *_each_variant(emails)]
    for search in (_longest_title, _no_image, _only_fallbacks, _lowest_score):
        found += search([one for one in emails if _slots(one)], facts)
    for reason in _REASONS:
        found += [(SKIP_WORDS[reason], one.user_no) for one in composed if one.reason == reason][:1]
    found += [("in the control group", one.user_no) for one in composed if one.held_out][:1]
    return Extremes(found, len(composed))


def _each_variant(emails: Sequence[Composed]) -> list[tuple[str, int]]:
    """Somebody for each variant, where there are any."""
    first = {one.variant: one.user_no for one in reversed(emails) if one.variant is not None}
    return [(f"gets the variant {variant!r}", first[variant]) for variant in sorted(first)]


def _slots(one: Composed) -> list[list[Any]]:
    """What is shown, as it is frozen: block, course_no, reason, source, fallback, score, because."""
    return list((one.context or {})["slots"])


def _longest_title(emails: Sequence[Composed], facts: Facts) -> list[tuple[str, int]]:
    letters = facts.catalogue.frame["title"].str.len().tolist()
    longest = max(
        ((max(letters[slot[1]] for slot in _slots(one)), -one.user_no) for one in emails), default=None
    )
    return [(f"the longest title ({longest[0]} letters)", -longest[1])] if longest else []


def _no_image(emails: Sequence[Composed], facts: Facts) -> list[tuple[str, int]]:
    images = facts.catalogue.frame["image_url"].tolist()
    found = (one for one in emails if not all(images[slot[1]] for slot in _slots(one)))
    return [("a course without image", one.user_no) for one in islice(found, 1)]


def _only_fallbacks(emails: Sequence[Composed], facts: Facts) -> list[tuple[str, int]]:
    """Who sees nothing but fallbacks, where the campaign has any."""
    found = (one for one in emails if all(slot[4] for slot in _slots(one)))
    return [("only courses of fallbacks", one.user_no) for one in islice(found, 1)]


def _lowest_score(emails: Sequence[Composed], facts: Facts) -> list[tuple[str, int]]:
    """The course that a model thinks least of: in the first block that asks one, without fallbacks."""
    asking = {block.number: block.name for block in all_blocks(facts.campaign) if block.options.needs_model}
    own = (
        (slot[0], slot[5], one.user_no)
        for one in emails
        for slot in _slots(one)
        if slot[0] in asking and not slot[4]
    )
    block, score, user_no = min(own, default=(0, 0.0, None))
    if user_no is None:
        return []
    return [(f"the lowest score ({score:.3g} in {asking[block]})", user_no)]


def _largest(
    connection: sa.Connection, project: Project, writers: Writers, emails: Sequence[Composed]
) -> list[tuple[str, int]]:
    """The largest message, and one that cannot be written, of those that print most."""

    def context(one: Composed) -> dict[str, Any]:
        return writers.of(one.variant).context(one.context or {}, links_for(project, 0, one.user_no))

    most = nlargest(_RENDERED, emails, key=lambda one: (len(json.dumps(context(one))), -one.user_no))
    sizes, failed = list[tuple[int, int]](), list[tuple[str, int]]()
    for one in most:
        user_id = connection.scalar(sa.select(users.c.user_id).where(users.c.user_no == one.user_no))
        try:
            email = writers.of(one.variant).render(context(one), user_id=str(user_id))
            sizes.append((len(email.html.encode()), -one.user_no))
        except RenderError:  # the sheet shows it, and says why
            failed.append(("its message cannot be written", one.user_no))
    largest = max(sizes, default=None)
    found = [(f"the largest message ({largest[0] / 1024:.0f} KB)", -largest[1])] if largest else []
    return found + failed[:1]
