"""A state machine of the ledger: whatever senders, people and operators do, and in which order.

The machine knows of each message how often a provider accepted it, and checks after every step what the
ledger promises. What it checks it works out by itself, from rows read plainly and what it remembers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.consent import Suppression, suppress, unsubscribe
from recmail.db.ledger import RESEND, SENT, cancel_run, decide_unknown, retry_failed
from recmail.db.ledger_claims import release, sweep
from recmail.db.ledger_intents import one_each_person
from recmail.db.ledger_results import Result, Retries, Sent, record_results
from recmail.db.runs import move_run
from recmail.db.tables import ledger, metadata, runs, suppressions, users
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    RefusedError,
    RenderError,
    TemporaryFailure,
)
from recmail.records import Claim, RunState, Skip
from tests.ledgers import add_people, add_run, claim, intents, rules, settle

PEOPLE, ADDRESSES, RUNS, CAP = 4, 5, (1, 2, 3), 2
SENDERS = ("a", "b")
EVERYBODY = 2**PEOPLE - 1
LEASES = (timedelta(seconds=-30), timedelta(seconds=61), timedelta(seconds=61), timedelta(minutes=12))
TIMES = (timedelta(minutes=1), timedelta(hours=5), timedelta(minutes=-3))
Key = tuple[int, int]

MAY_BECOME = {
    "planned": {"claimed", "skipped", "cancelled"},
    "claimed": {"sending", "planned", "skipped", "failed", "cancelled"},
    "sending": {"sent", "failed", "planned", "unknown", "cancelled"},  # cancelled: would be planned again
    "unknown": {"sent", "planned"},
    "failed": {"planned"},
    "sent": set(),
    "skipped": set(),
    "cancelled": set(),
}
"""DESIGN's table of transitions; `failed` is left by an operator's retry alone."""

OUTCOMES: dict[str, Sent | DeliveryError] = {
    "sent": Sent("id"),
    "dead": RecipientRefused("no such user", dead=True),
    "full": RecipientRefused("mailbox closed"),
    "spam": MessageRefused("not this message"),
    "later": TemporaryFailure("try again"),
    "account": AccountRefused("wrong password"),
    "unknown": OutcomeUnknown("no answer"),
    "unknown, arrived": OutcomeUnknown("no answer"),
}
ARRIVES = ("sent", "unknown, arrived")
STEPS = {
    "claims": 6,
    "asks_to_send": 10,
    "has_results": 10,
    "dies": 3,
    "gives_back": 1,
    "cannot_write": 1,
    "a_lease_runs_out": 3,
    "looks_for_dead_senders": 3,
    "the_clock_moves": 1,
    "opts_out": 1,
    "complains": 1,
    "changes_address": 1,
    "pauses": 1,
    "resumes": 2,
    "cancels": 1,
    "retries": 1,
    "decides": 2,
}
"""What may happen, and how often. A rule for each would be left out of half the examples."""


@dataclass(frozen=True)
class Choice:
    """Who does it, of what: each step takes what it needs. Bit n of `chosen` is for the n-th."""

    name: str
    number: int = 1
    user_no: int = 0
    address: int = 0
    limit: int = 1
    chosen: int = 0
    kind: str = ""


choices = st.builds(
    Choice,
    name=st.sampled_from(SENDERS),
    number=st.sampled_from(RUNS),
    user_no=st.integers(0, PEOPLE - 1),
    address=st.integers(0, ADDRESSES - 1),
    limit=st.integers(1, 9),
    chosen=st.integers(1, EVERYBODY),
    kind=st.sampled_from(sorted(OUTCOMES)),
)


@dataclass
class Hand:
    """What a sender holds: rows it may write, and messages that are on their way."""

    claimed: list[Claim] = field(default_factory=list)
    flying: list[Claim] = field(default_factory=list)


def _email(number: int) -> dict[str, str]:
    email = f"u{number}@example.org"
    return {"email": email, "email_key": email, "email_hash": f"hash of {email}"}


class LedgerMachine(RuleBasedStateMachine):
    """Three runs for the same four people, two senders, and a cap of two emails for an address."""

    def __init__(self, engine: sa.Engine, now: datetime) -> None:
        super().__init__()
        self.engine, self.now, self.machine_now = engine, now, now
        self.pace = Retries(attempts=3, jitter=Random(0))
        self.hands = {name: Hand() for name in SENDERS}
        self.arrived: Counter[Key] = Counter()
        self.resent: Counter[Key] = Counter()
        self.believed: set[Key] = set()
        self.opted_out: set[int] = set()
        self.before: dict[Key, str] = {}
        self.claim_no = 0

    @initialize()
    def plan(self) -> None:
        """Empty the database, and plan three runs."""
        with writing(self.engine) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        add_people(self.engine, self.now, PEOPLE)
        for number in RUNS:
            add_run(self.engine, number, self.now, people=range(PEOPLE))
        self.before = self.states()

    @rule(step=st.sampled_from([name for name, often in STEPS.items() for _ in range(often)]), by=choices)
    def happens(self, step: str, by: Choice) -> None:
        """One thing after the other, in any order."""
        getattr(self, step)(by)

    def _hand(self, by: Choice, what: str) -> Hand:
        """What the sender holds, or another one where it has nothing of this."""
        hands = [self.hands[by.name], *self.hands.values()]
        return next((hand for hand in hands if getattr(hand, what)), hands[0])

    # --- senders ----------------------------------------------------------------------------------

    def claims(self, by: Choice) -> None:
        self.claim_no += 1
        of_runs = [number for number in RUNS if by.chosen >> number & 1] or RUNS
        found = claim(
            self.engine,
            self.now,
            run_nos=of_runs,
            limit=by.limit,
            claim_id=f"{by.name}{self.claim_no}",
            lease_now=self.machine_now,
        )
        assert len(found) <= by.limit
        self.hands[by.name].claimed += found

    def gives_back(self, by: Choice) -> None:
        back = self._take(self.hands[by.name].claimed, by.chosen)
        with writing(self.engine) as connection:
            release(connection, back)

    def asks_to_send(self, by: Choice) -> None:
        """The intents of one round; those accepted are on their way, the others out of its hands."""
        hand = self._hand(by, "claimed")
        first, later = one_each_person(intents(hand.claimed))
        with reading(self.engine) as connection:
            over = ledger.c.next_at <= self.machine_now
            late = set(connection.execute(sa.select(ledger.c.run_no, ledger.c.user_no).where(over)).all())
        accepted = settle(self.engine, first, rules(self.now, runs=RUNS, cap=CAP), self.machine_now)
        assert not accepted & {tuple(key) for key in late}, "an intent after the lease"
        self._check_accepted(accepted, {one.key: one.claim for one in first})
        hand.flying += [one.claim for one in first if one.key in accepted]
        hand.claimed = [one.claim for one in later]

    def _check_accepted(self, accepted: set[Key], asked: Mapping[Key, Claim]) -> None:
        with reading(self.engine) as connection:
            states = dict(connection.execute(sa.select(runs.c.run_no, runs.c.state)).all())
            hashes = dict(connection.execute(sa.select(users.c.user_no, users.c.email_hash)).all())
            emails_to = dict(connection.execute(sa.select(users.c.user_no, users.c.email)).all())
            suppressed = set(connection.scalars(sa.select(suppressions.c.email_hash)))
            gone = ledger.c.state.in_(["sending", "sent", "unknown"])
            rows = {(row.run_no, row.user_no): row for row in connection.execute(sa.select(ledger))}
            emails = connection.execute(sa.select(ledger.c.run_no, ledger.c.user_no).where(gone)).all()
        no = {hashes[user_no] for user_no in self.opted_out} | suppressed
        of_address = Counter(hashes[user_no] for _run, user_no in emails)
        of_run = Counter((number, hashes[user_no]) for number, user_no in emails)
        for number, user_no in accepted:
            address = hashes[user_no]
            row = rows[number, user_no]
            assert states[number] == "sending"
            assert row.claim_id == asked[number, user_no].claim_id, "an intent for what another one holds"
            assert emails_to[user_no] == asked[number, user_no].email, "it goes to an address not checked"
            assert address not in no, "an intent after an opt-out or a suppression"
            assert of_address[address] <= CAP, "the cap is passed"
            assert of_run[number, address] == 1, "two emails of one run for one address"

    def has_results(self, by: Choice) -> None:
        """The provider answered some of its messages in the same way."""
        done = self._take(self._hand(by, "flying").flying, by.chosen)
        self.arrived.update((one.run_no, one.user_no) for one in done if by.kind in ARRIVES)
        self._record([Result(one, OUTCOMES[by.kind]) for one in done])

    def cannot_write(self, by: Choice) -> None:
        """Some messages are stale, or their template has a hole."""
        outcome = Skip("stale") if by.limit % 2 else RenderError("a hole")
        self._record([Result(one, outcome) for one in self._take(self.hands[by.name].claimed, by.chosen)])

    def _record(self, results: Sequence[Result]) -> None:
        with writing(self.engine) as connection:
            record_results(connection, results, now=self.now, retries=self.pace)

    def dies(self, by: Choice) -> None:
        """The sender is killed; of what was on its way some had left and arrives."""
        hand, self.hands[by.name] = self.hands[by.name], Hand()
        self.arrived.update((one.run_no, one.user_no) for one in self._take(hand.flying, by.chosen))

    def a_lease_runs_out(self, by: Choice) -> None:
        """Of what is claimed, or later of what is being sent too; or the machine's clock is set back."""
        self.machine_now += LEASES[by.limit % len(LEASES)]

    def the_clock_moves(self, by: Choice) -> None:
        """Also backwards: somebody sets a clock, or starts the next command with an earlier --now."""
        self.now += TIMES[by.limit % len(TIMES)]

    def looks_for_dead_senders(self, _by: Choice) -> None:
        """As every sender does now and then."""
        with writing(self.engine) as connection:
            sweep(connection, now=self.now, lease_now=self.machine_now)

    # --- the people who are written to --------------------------------------------------------------

    def opts_out(self, by: Choice) -> None:
        """By the link in an email."""
        with writing(self.engine) as connection:
            unsubscribe(connection, by.user_no, topic="", at=self.now, channel="page")
        self.opted_out.add(by.user_no)

    def complains(self, by: Choice) -> None:
        """The address is suppressed, whoever has it."""
        gone = Suppression(_email(by.address)["email_hash"], "complaint", self.now, "test")
        with writing(self.engine) as connection:
            suppress(connection, [gone])

    def changes_address(self, by: Choice) -> None:
        """Several people may come to share one."""
        with writing(self.engine) as connection:
            connection.execute(
                sa.update(users).where(users.c.user_no == by.user_no).values(**_email(by.address))
            )

    # --- operators --------------------------------------------------------------------------------

    def pauses(self, by: Choice) -> None:
        """An operator, or a breaker."""
        self._move(by.number, RunState.PAUSED)

    def resumes(self, by: Choice) -> None:
        """Also a run that goes on anyway."""
        self._move(by.number, RunState.SENDING)

    def cancels(self, by: Choice) -> None:
        """For good."""
        with writing(self.engine) as connection:
            try:
                move_run(connection, by.number, RunState.CANCELLED, who="test", now=self.now)
            except RefusedError:
                return
            cancel_run(connection, by.number, now=self.now)
            sweep(connection, now=self.now, lease_now=self.machine_now)

    def _move(self, number: int, to: RunState) -> None:
        with writing(self.engine) as connection:
            try:
                move_run(connection, number, to, who="test", now=self.now)
            except RefusedError:
                return

    def retries(self, by: Choice) -> None:
        """Those that failed get all their tries again."""
        with writing(self.engine) as connection:
            retry_failed(connection, by.number, now=self.now)

    def decides(self, by: Choice) -> None:
        """What may have arrived of some people's is believed to have, or is sent again."""
        chosen = [user_no for user_no in range(PEOPLE) if by.chosen >> user_no & 1]
        outcome = SENT if by.limit % 3 == 0 else RESEND
        with writing(self.engine) as connection:
            sweep(connection, now=self.now, lease_now=self.machine_now)
            unclear = _unclear(connection)
            decide_unknown(connection, by.number, chosen, outcome, now=self.now)
            settled = unclear - _unclear(connection)
        assert settled <= {(by.number, user_no) for user_no in chosen}
        if outcome == RESEND:
            self.resent.update(settled)
        else:
            self.believed |= settled

    # --- what holds after every step ----------------------------------------------------------------

    @invariant()
    def every_row_went_a_legal_way(self) -> None:
        after = self.states()
        assert after.keys() == self.before.keys(), "a row is lost, or there are two for one person"
        for key, state in after.items():
            was = self.before[key]
            # A sweep before a decision takes two steps in one transaction.
            steps = MAY_BECOME[was] | (MAY_BECOME["unknown"] if was == "sending" else set())
            assert state == was or state in steps, f"{key} went from {was} to {state}"
        self.before = after

    @invariant()
    def everybody_is_counted_once(self) -> None:
        with reading(self.engine) as connection:
            for number in RUNS if self.before else ():
                counts = account(connection, number)
                assert counts.adds_up
                assert counts.audience == PEOPLE

    @invariant()
    def nobody_is_mailed_twice_unless_somebody_decided_so(self) -> None:
        for key, times in self.arrived.items():
            assert times <= 1 + self.resent[key], f"{key} arrived {times} times"

    @invariant()
    def what_is_sent_has_arrived_or_was_believed_to(self) -> None:
        for key, state in self.before.items():
            assert state != "sent" or self.arrived[key] or key in self.believed

    def teardown(self) -> None:
        """Given time enough, everybody of a run that is not stopped comes to an end."""
        if self.before:
            by = Choice("a", limit=2 * PEOPLE * len(RUNS), chosen=EVERYBODY, kind="sent")
            self.hands = {name: Hand() for name in SENDERS}
            for number in RUNS:
                self._move(number, RunState.SENDING)
            self.machine_now += LEASES[-1] * 2
            self.looks_for_dead_senders(by)
            self.now += timedelta(hours=24)
            self.claims(by)
            while self.hands["a"].claimed:
                self.asks_to_send(by)
                self.has_results(by)
            assert not {"planned", "claimed", "sending"} & set(self.states().values())
            self.nobody_is_mailed_twice_unless_somebody_decided_so()
        super().teardown()

    def states(self) -> dict[Key, str]:
        """Where every row stands."""
        with reading(self.engine) as connection:
            return _states(connection)

    @staticmethod
    def _take(held: list[Claim], chosen: int) -> list[Claim]:
        """Take some of these out of the sender's hands; bit n of `chosen` is for the n-th."""
        taken = [one for at, one in enumerate(held) if chosen >> (at % PEOPLE) & 1]
        held[:] = [one for at, one in enumerate(held) if not chosen >> (at % PEOPLE) & 1]
        return taken


def _states(connection: sa.Connection) -> dict[Key, str]:
    found: Any = connection.execute(sa.select(ledger.c.run_no, ledger.c.user_no, ledger.c.state))
    return {(number, user_no): state for number, user_no, state in found}


def _unclear(connection: sa.Connection) -> set[Key]:
    return {key for key, state in _states(connection).items() if state == "unknown"}
