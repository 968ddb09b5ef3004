"""What happened to everybody of a run: the one count behind every screen, report and file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.tables import ledger, run_shards
from recmail.records import FAIL_WORDS, SKIP_WORDS, STATE_WORDS, MessageState

S = MessageState


@dataclass(frozen=True)
class Account:
    """How many people of a run, or of an audience before there is one, are where, and why.

    Attributes:
        planned_for: how many the planners wrote down, or the segment has, counted apart from the rest.
        reasons: of skipped and failed messages, by state and reason.
        variants: of the people who may be mailed by the variant that is theirs, by name and state; nothing
            where there are no variants.
    """

    planned_for: int
    states: Mapping[MessageState, int]
    reasons: Mapping[tuple[MessageState, str], int]
    variants: Mapping[str, Mapping[MessageState, int]] = field(default_factory=dict)

    @property
    def audience(self) -> int:
        """Everybody who matched the campaign's `who`: the sum of all states."""
        return sum(self.states.values())

    @property
    def adds_up(self) -> bool:
        """Nobody of the plan is missing from the ledger, and nobody came in beside it."""
        return self.audience == self.planned_for

    def as_rows(self) -> list[tuple[int, str]]:
        """People and what happened to them in words, those who waited first; only what occurs."""
        counts: dict[str, int] = {}
        for state, count in self.states.items():
            for words, part in self._parts(state, count):
                counts[words] = counts.get(words, 0) + part
        return [(count, words) for words, count in counts.items() if count]

    def variants_as_rows(self) -> list[tuple[int, str, str]]:
        """People of each variant, its name, and how many of them are where, in words; only what occurs."""
        rows = []
        for name, states in self.variants.items():
            counts: dict[str, int] = {}
            for state, count in states.items():
                counts[STATE_WORDS[state]] = counts.get(STATE_WORDS[state], 0) + count
            said = ", ".join(f"{count:,} {words}" for words, count in counts.items() if count)
            rows.append((sum(states.values()), name, said))
        return rows

    def _parts(self, state: MessageState, count: int) -> list[tuple[str, int]]:
        words = STATE_WORDS[state]
        named = {**SKIP_WORDS, **FAIL_WORDS}
        parts = [
            (f"{words}: {named.get(reason, reason)}", people)
            for (of, reason), people in self.reasons.items()
            if of == state
        ]
        return [*parts, (words, count - sum(people for _, people in parts))]

    def to_dict(self) -> dict[str, Any]:
        """Stable keys for --json: the states by name, and the reasons of those that have some."""
        reasons: dict[str, dict[str, int]] = {S.FAILED: {}, S.SKIPPED: {}}
        for (state, reason), count in self.reasons.items():
            reasons[state][reason] = count
        return {
            "audience": self.audience,
            "adds_up": self.adds_up,
            "states": {state.value: count for state, count in self.states.items()},
            "reasons": {str(state): counts for state, counts in reasons.items()},
            "variants": {
                name: {"people": sum(states.values()), "states": {str(one): states[one] for one in states}}
                for name, states in self.variants.items()
            },
        }


def account(connection: sa.Connection, run_no: int) -> Account:
    """Count everybody of a run."""
    return accounts(connection, [run_no])[run_no]


def accounts(connection: sa.Connection, run_nos: Sequence[int]) -> dict[int, Account]:
    """Count everybody of each of these runs, in two statements."""
    columns = ledger.c.run_no, ledger.c.state, ledger.c.reason, ledger.c.variant
    counted = sa.select(*columns, sa.func.count()).where(among(ledger.c.run_no, run_nos)).group_by(*columns)
    rows = connection.execute(counted).all()
    states = {run_no: dict.fromkeys(MessageState, 0) for run_no in run_nos}
    reasons: dict[int, Counter[tuple[MessageState, str]]] = {run_no: Counter() for run_no in run_nos}
    variants: dict[int, dict[str, dict[MessageState, int]]] = {run_no: {} for run_no in run_nos}
    for run_no, state, reason, variant, count in sorted(rows, key=lambda row: row.variant or ""):
        states[run_no][MessageState(state)] += count
        if reason is not None and state in (S.SKIPPED, S.FAILED):
            reasons[run_no][MessageState(state), reason] += count
        if variant is not None:
            theirs = variants[run_no].setdefault(variant, dict.fromkeys(MessageState, 0))
            theirs[MessageState(state)] += count
    planned = (
        sa.select(run_shards.c.run_no, sa.func.sum(run_shards.c.rows))
        .where(among(run_shards.c.run_no, run_nos))
        .group_by(run_shards.c.run_no)
    )
    planned_for = {run_no: int(rows) for run_no, rows in connection.execute(planned)}
    return {
        run_no: Account(
            planned_for.get(run_no, 0), states[run_no], _most_first(reasons[run_no]), variants[run_no]
        )
        for run_no in run_nos
    }


def together(several: Sequence[Account]) -> Account:
    """The account of several runs as one: whoever was in two of them counts twice."""
    states = dict.fromkeys(MessageState, 0)
    reasons: Counter[tuple[MessageState, str]] = Counter()
    variants: dict[str, dict[MessageState, int]] = {}
    for one in several:
        reasons.update(one.reasons)
        for state in MessageState:
            states[state] += one.states[state]
            for name, counts in one.variants.items():
                theirs = variants.setdefault(name, dict.fromkeys(MessageState, 0))
                theirs[state] += counts[state]
    return Account(sum(one.planned_for for one in several), states, _most_first(reasons), variants)


def _most_first(
    reasons: Mapping[tuple[MessageState, str], int],
) -> dict[tuple[MessageState, str], int]:
    return dict(sorted(reasons.items(), key=lambda one: (-one[1], one[0][1])))


def expected(
    counts: Mapping[str | None, int], *, people: int, variants: Mapping[str, int] | None = None
) -> Account:
    """The account of a plan that is not made.

    Args:
        counts: by reason for getting no email, None where there is none; "held_out" is the control group.
        variants: how many people each would have.
    """
    held_out = counts.get(S.HELD_OUT.value, 0)
    reasons = {
        (S.SKIPPED, why): count for why, count in counts.items() if why not in (None, S.HELD_OUT.value)
    }
    states = dict.fromkeys(MessageState, 0)
    states |= {S.PLANNED: counts.get(None, 0), S.SKIPPED: sum(reasons.values()), S.HELD_OUT: held_out}
    of_variants = {
        name: {**dict.fromkeys(MessageState, 0), S.PLANNED: count}
        for name, count in sorted((variants or {}).items())
    }
    return Account(people, states, _most_first(reasons), of_variants)


def planned_emails(connection: sa.Connection, run_no: int) -> int:
    """How many emails the plan of a run has, whatever became of them: those with a message id."""
    query = sa.select(sa.func.count(ledger.c.message_id)).where(ledger.c.run_no == run_no)
    return int(connection.execute(query).scalar_one())
