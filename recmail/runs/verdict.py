"""Why one person would or would not get an email of a campaign: rule by rule, in the words of plans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import sqlalchemy as sa

from recmail.campaign import in_variant
from recmail.db.tables import users
from recmail.pipeline import Composed, Facts, explain
from recmail.records import SKIP_WORDS, STATE_WORDS, MessageState
from recmail.render.contact_sheet import Rule

Filled = Sequence[tuple[int, str, bool]]
"""A row for each course that is shown: block, source, fallback."""


def verdict_of(composed: Composed | None) -> str:
    """Say in a line whether there would be an email; None is somebody outside the audience."""
    if composed is None:
        return "would not be sent: not in the audience"
    if composed.held_out:
        return f"would not be sent: {STATE_WORDS[MessageState.HELD_OUT]}"
    if composed.reason is None:
        return "would be sent"
    return f"would not be sent: {SKIP_WORDS[composed.reason]}"


def rules_of(connection: sa.Connection, facts: Facts, user_no: int, composed: Composed | None) -> list[Rule]:
    """Every rule that was asked for this person, in order; the first that failed is the last of them.

    Where somebody is outside the audience, every rule of `who` is told.
    """
    if composed is None:
        return list(_audience_rules(connection, facts, user_no))
    rules = [Rule(True, "in the audience")]
    if composed.reason not in (None, "too_few_courses"):
        return [*rules, Rule(False, SKIP_WORDS[composed.reason])]
    rules.append(Rule(True, "may be written to"))
    theirs = replace(facts, campaign=in_variant(facts.campaign, composed.variant))
    rules += _block_rules(theirs, _filled(connection, theirs, composed))
    return [*rules, Rule(False, "in the control group")] if composed.held_out else rules


def _audience_rules(connection: sa.Connection, facts: Facts, user_no: int) -> Iterator[Rule]:
    for rule in facts.segment.rules:
        met = replace(facts.segment, rules=(rule,)).where(users)
        asked = sa.select(users.c.user_no).where(users.c.user_no == user_no, met)
        yield Rule(connection.scalar(asked) is not None, rule.text)


def _filled(connection: sa.Connection, facts: Facts, composed: Composed) -> Filled:
    if composed.context is not None:
        return [(block, source, fallback) for block, _, _, source, fallback, *_ in composed.context["slots"]]
    slots = explain(connection, facts, composed.user_no).slate.slots
    return list(slots[["block", "source", "fallback"]].itertuples(index=False, name=None))


def _block_rules(facts: Facts, filled: Filled) -> Iterator[Rule]:
    campaign = facts.campaign
    blocks = zip(campaign.block_names, campaign.blocks, strict=True)
    for number, (name, block) in enumerate(blocks):
        show = getattr(block, "show", None)
        if show is not None:
            here = [(source, fallback) for at, source, fallback in filled if at == number]
            yield _block_rule(name, here, show=show, at_least=min(getattr(block, "at_least", 0), show))
    if not filled and any(hasattr(block, "show") for block in campaign.blocks):
        yield Rule(False, "no block has a course to show")


def _block_rule(name: str, here: Sequence[tuple[str, bool]], *, show: int, at_least: int) -> Rule:
    if len(here) < at_least:
        return Rule(False, f"{name}: {len(here)} of {show} courses, at_least is {at_least}")
    if not here:
        return Rule(True, f"{name}: nothing to show, left out")
    stand_ins = [source for source, fallback in here if fallback]
    said = f"{name}: {len(here)} of {show} courses"
    if stand_ins:
        said += f", {len(stand_ins)} from {' and '.join(dict.fromkeys(stand_ins))}"
    return Rule(True, said)
