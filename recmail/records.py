"""The words and tables that stages hand to one another: states, reasons, columns and dtypes, defined once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from scipy import sparse

KINDS = ("viewed", "searched", "enrolled", "progressed", "completed", "rated")
TAKEN_KINDS = ("enrolled", "progressed", "completed")
LEVELS = ("beginner", "intermediate", "advanced", "all")
# Digits after the point of a currency where they are not two. Source: ISO 4217, list one.
CURRENCY_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
    "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
SEARCHED_WITHIN = timedelta(days=90)  # older searches are not read
ALIVE = "recmail answers"  # what the public application says at /healthz, while its database answers too
SHARD_SIZE = 2_000  # people; small enough for a worker's memory, large enough that a task's cost vanishes


class RunState(StrEnum):
    """Where a run stands."""

    BUILDING = "building"
    PLANNED = "planned"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MISSED = "missed"
    FAILED = "failed"


class MessageState(StrEnum):
    """Where one person's message stands; the ledger row and nothing else says it."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    HELD_OUT = "held_out"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class EventKind(StrEnum):
    """What can come back of a message; enrolments come with the next import."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a provider, a bounce or a page of ours says of a message.

    Attributes:
        key: the same for the same event however often it comes: the provider's id of it, else a hash.
        provider_id: what `Esp.send` returned for the message; None when unknown.
        message_id: our Message-ID, without angle brackets; None when unknown.
        email: who it was addressed to, as the provider writes it; None when unknown.
        status: of RFC 3463, such as 5.1.1; empty when unknown.
        dead: the address does not exist or takes no mail any more, for good.
        by_machine: a scanner or a prefetch did it, as far as can be told.
        detail: the provider's words, for people.
        url: what was clicked.
        raw: what came in, as text: JSON of this one event, or the bounce's own report.
    """

    key: str
    kind: EventKind
    at: datetime
    provider_id: str | None = None
    message_id: str | None = None
    email: str | None = None
    status: str = ""
    dead: bool = False
    by_machine: bool = False
    detail: str = ""
    url: str | None = None
    raw: str = ""


STATE_WORDS = {
    MessageState.PLANNED: "waiting",
    MessageState.CLAIMED: "being sent",
    MessageState.SENDING: "being sent",
    MessageState.SENT: "sent",
    MessageState.FAILED: "failed",
    MessageState.SKIPPED: "not sent",
    MessageState.HELD_OUT: "control group",
    MessageState.UNKNOWN: "unclear: may have arrived",
    MessageState.CANCELLED: "cancelled",
}

SKIP_WORDS = {
    "no_consent": "no consent on record",
    "opted_out": "unsubscribed",
    "suppressed": "address bounced or complained",
    "no_address": "no e-mail address",
    "duplicate_address": "another account has the same address",
    "asked_for_pause": "asked for a pause",
    "cap": "had enough emails lately",
    "too_few_courses": "too few courses to show",
    "too_late": "too late",
    "stale": "a course changed since the plan",
    "erased": "erased",
}
FAIL_WORDS = {
    "refused_recipient": "address refused",
    "refused_message": "message refused",
    "render": "could not be written",
    "gave_up": "gave up after several tries",
}


def category_key(category: str | None) -> str | None:
    """A category in the form that is compared; None when it is empty."""
    return " ".join((category or "").casefold().split()) or None


@dataclass(frozen=True, eq=False)
class Catalogue:
    """All courses, row i being course_no i, with what is known of each as arrays of the same length.

    Compared and hashed by identity: one that is read again is another.

    Attributes:
        frame: columns course_id, title, subtitle, category, level, language, price_minor, currency,
            published_at, closes_at (datetime64[us, UTC]), seats, duration_min, image_url, url,
            staff_pick, active; topics, tags, prerequisites (lists of str).
        category_no: int32, the code of the category, alike for two spellings that differ in case or
            spaces; -1 where there is none.
        enrolled: int64, people who ever enrolled.
        enrolled_90d: int64, people who enrolled in the 90 days before now.
        enrolled_14d: int64, people who enrolled in the 14 days before now.
    """

    frame: pd.DataFrame
    category_no: np.ndarray
    enrolled: np.ndarray
    enrolled_90d: np.ndarray
    enrolled_14d: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True)
class GradedTriples:
    """Every graded pair of a person and a course, by user_no, then course_no: all that training reads.

    Attributes:
        user_no: int32.
        course_no: int32.
        grade: float32, the best grade of the pair ([model] grades), a rating replacing it.
        at: int64, microseconds since 1970 of the pair's newest interaction.
    """

    user_no: np.ndarray
    course_no: np.ndarray
    grade: np.ndarray
    at: np.ndarray

    def __len__(self) -> int:
        return len(self.user_no)

    def where(self, kept: np.ndarray) -> GradedTriples:
        """Return the pairs that a bool for each chooses."""
        return GradedTriples(self.user_no[kept], self.course_no[kept], self.grade[kept], self.at[kept])


# What one person did with one course, a row for each pair: person (row of the shard), course_no, viewed_at,
# taken_at and completed_at (the newest; NaT: never), progress (0 to 1; NaN: none was recorded). Sorted by
# person, course_no. Nothing of people without personalization.
PAIR_COLUMNS = {
    "person": "int64",
    "course_no": "int64",
    "viewed_at": "datetime64[us, UTC]",
    "taken_at": "datetime64[us, UTC]",
    "completed_at": "datetime64[us, UTC]",
    "progress": "float64",
}
# A person's newest searches, each text once: person, query, at, grade (what it is worth, [model] grades,
# faded; 0: it is not learned from). Sorted by person, the newest first. Nothing of people without
# personalization.
SEARCH_COLUMNS = {"person": "int64", "query": "str", "at": "datetime64[us, UTC]", "grade": "float32"}
# Which courses were in the emails of a person: person, course_no, at (the newest time it left, or is due).
EMAILED_COLUMNS = {"person": "int64", "course_no": "int64", "at": "datetime64[us, UTC]"}


@dataclass(frozen=True)
class Shard:
    """People of one range of user_no, row i being person i, and what they did before `now`.

    Attributes:
        people: columns user_no (int64), user_id, first_name, last_name, language, country, timezone,
            email_key, email_hash, personalization (bool).
        grades: people x courses, float32: the best grade of each pair ([model] grades), a rating
            replacing it; people without personalization have an empty row.
        taken: people x courses, bool: enrolled, progressed or completed, whatever the personalization.
        pairs: PAIR_COLUMNS.
        searches: SEARCH_COLUMNS.
        emailed: EMAILED_COLUMNS, as far back as a block of the campaign asks.
        language: the project's own, BCP 47.
        now: aware UTC; nothing later was read.
        due: aware UTC; when the last email of the campaign is due. None: now.
    """

    people: pd.DataFrame
    grades: sparse.csr_array
    taken: sparse.csr_array
    pairs: pd.DataFrame
    searches: pd.DataFrame
    emailed: pd.DataFrame
    language: str
    now: datetime
    due: datetime | None = None

    def __len__(self) -> int:
        return len(self.people)

    def of(self, rows: np.ndarray) -> Shard:
        """Return some of the people, by their rows in ascending order, as if the others had not been read."""
        if len(rows) == len(self):
            return self
        place = {row: number for number, row in enumerate(rows.tolist())}

        def theirs(table: pd.DataFrame) -> pd.DataFrame:
            kept = table[table["person"].isin(rows)].reset_index(drop=True)
            return kept.assign(person=kept["person"].map(place).astype("int64"))

        return replace(
            self,
            people=self.people.iloc[rows].reset_index(drop=True),
            grades=self.grades[rows],
            taken=self.taken[rows],
            pairs=theirs(self.pairs),
            searches=theirs(self.searches),
            emailed=theirs(self.emailed),
        )


@dataclass(frozen=True)
class Offer:
    """What one block would show to a shard, before any filter.

    Attributes:
        score: float32, people x courses, or 1 x courses when it is the same for all; higher is better,
            for ranking only; -inf where the course is not a candidate.
        reasons: from person rows and course numbers (int arrays of one length) to a sentence for each
            pair, true of that pair.
        personal: the scores come from each person's own history, and who has none is offered nothing.
        because: int64 for each person: the course of their history that the whole offer is about, -1 where
            nothing is offered; None when it is not about one course.
    """

    score: np.ndarray
    reasons: Callable[[np.ndarray, np.ndarray], list[str]]
    personal: bool
    because: np.ndarray | None = None


# One row for each place that was filled: person (row of the shard), block (index in the campaign),
# position (from 0 within the block), course_no, score, source (the plug-in that offered the course),
# fallback (the block's own offer was not enough), reason (a sentence), because (the course of the person's
# history that the whole offer is about; -1: none).
SLOT_COLUMNS = {
    "person": "int64",
    "block": "int64",
    "position": "int64",
    "course_no": "int64",
    "score": "float64",
    "source": "str",
    "fallback": "bool",
    "reason": "str",
    "because": "int64",
}


# What blocks could not do as they were asked, a row for each block of courses: block (its index), people (who
# see it), fewer (people who see fewer courses than `show`), filled_up (people who see courses of a
# fallback), no_outside and no_new (people for whom variety found too little), ideal and worth (added up over
# people: what the best candidates were worth, and what variety showed instead; 0 without variety).
SHORTFALL_COLUMNS = {
    "block": "int64",
    "people": "int64",
    "fewer": "int64",
    "filled_up": "int64",
    "no_outside": "int64",
    "no_new": "int64",
    "ideal": "float64",
    "worth": "float64",
}


@dataclass(frozen=True)
class Slate:
    """All blocks of all people of a shard, filled.

    Attributes:
        slots: SLOT_COLUMNS, sorted by person, block, position.
        reserves: SLOT_COLUMNS, the next best of each block, for courses that go stale before sending.
        enough: bool per person: every block that insists on a number of courses has it, and, unless the
            campaign has no blocks of courses, there is one course at least.
        shortfall: SHORTFALL_COLUMNS, of the people who have enough.
    """

    slots: pd.DataFrame
    reserves: pd.DataFrame
    enough: np.ndarray
    shortfall: pd.DataFrame


@dataclass(frozen=True)
class Claim:
    """One ledger row that this worker holds.

    Attributes:
        context: what was frozen, once it is read: by whoever writes the message. Empty: nothing is left.
        reserves: courses that may stand in.
        email: the person's address as it is now (read with the claim, never frozen).
        due_at: frozen with the plan; the message is dated no earlier.
        message_id: without angle brackets; the same however often the message is tried.
        timezone: as the person's data has it, which may be no zone at all.
        send_before: later than this the message is not sent.
    """

    run_no: int
    user_no: int
    user_id: str
    email: str | None
    claim_id: str
    attempts: int
    message_id: str
    due_at: datetime
    variant: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    reserves: list[Any] = field(default_factory=list)
    timezone: str | None = None
    send_before: datetime | None = None


@dataclass(frozen=True)
class Outgoing:
    """A finished message and its envelope; what a provider is given.

    Attributes:
        mime: the whole message, CRLF line ends; in ASCII, unless the recipient's address is not.
        message_id: without angle brackets; the same however often the message is tried.
        token: says whom it is for, signed, in letters that an address may have; empty for tests.
    """

    sender: str
    recipient: str
    mime: bytes
    message_id: str
    subject: str
    token: str = ""


@dataclass(frozen=True)
class Skip:
    """Why a claimed message is not sent after all: one of SKIP_WORDS."""

    reason: str
