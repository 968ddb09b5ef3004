"""What happened to everybody of a run: the one count behind every screen, report and file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """

    planned_for: int
    states: Mapping[MessageState, int]
    reasons: Mapping[tuple[MessageState, str], int]

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
        }


def account(connection: sa.Connection, run_no: int) -> Account:
    """Count everybody of a run."""
    return accounts(connection, [run_no])[run_no]


def accounts(connection: sa.Connection, run_nos: Sequence[int]) -> dict[int, Account]:
    """Count everybody of each of these runs, in two statements."""
    counted = (
        sa.select(ledger.c.run_no, ledger.c.state, ledger.c.reason, sa.func.count())
        .where(among(ledger.c.run_no, run_nos))
        .group_by(ledger.c.run_no, ledger.c.state, ledger.c.reason)
    )
    states = {run_no: dict.fromkeys(MessageState, 0) for run_no in run_nos}
    reasons: dict[int, dict[tuple[MessageState, str], int]] = {run_no: {} for run_no in run_nos}
    for run_no, state, reason, count in sorted(
        connection.execute(counted), key=lambda row: (-row[3], row[2] or "")
    ):
        states[run_no][MessageState(state)] += count
        if reason is not None and state in (S.SKIPPED, S.FAILED):
            reasons[run_no][MessageState(state), reason] = count
    planned = (
        sa.select(run_shards.c.run_no, sa.func.sum(run_shards.c.rows))
        .where(among(run_shards.c.run_no, run_nos))
        .group_by(run_shards.c.run_no)
    )
    planned_for = {run_no: int(rows) for run_no, rows in connection.execute(planned)}
    return {
        run_no: Account(planned_for.get(run_no, 0), states[run_no], reasons[run_no]) for run_no in run_nos
    }


def expected(counts: Mapping[str | None, int], *, people: int) -> Account:
    """The account of a plan that is not made: by reason for getting no email, None where there is none."""
    reasons = {(S.SKIPPED, why): count for why, count in counts.items() if why is not None}
    by_count = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    states = dict.fromkeys(MessageState, 0)
    states |= {S.PLANNED: counts.get(None, 0), S.SKIPPED: sum(reasons.values())}
    return Account(people, states, by_count)


def planned_emails(connection: sa.Connection, run_no: int) -> int:
    """How many emails the plan of a run has, whatever became of them: those with a message id."""
    query = sa.select(sa.func.count(ledger.c.message_id)).where(ledger.c.run_no == run_no)
    return int(connection.execute(query).scalar_one())
