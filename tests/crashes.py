"""A project whose planners and senders are killed with -9, and what the receiver's own record then says."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from recmail.db.account import account
from recmail.db.connect import reading, writing
from recmail.db.tables import ledger, users
from recmail.deliver.crash import MESSAGE_POINTS, PLAN_POINTS, ROUND_POINTS, VARIABLE
from recmail.history.importing import ImportOptions, import_file
from recmail.records import MessageState
from recmail.runs import lifecycle
from recmail.runs.project import Project, copy_shipped, open_project
from tests.servers import HOST

CAMPAIGN = "news"
CONNECTIONS = 8
_ENDED_WITHIN_S = 600.0  # of a process that hangs; nothing is measured by it
_LOOK_EVERY_S = 0.002
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_SETTINGS = f"""\
[project]
name = "Acme Courses"
currency = "EUR"
database = "DATABASE"
[sender]
from = "Acme Courses <learn@acme.example>"
postal_address = "12 Residency Road, Bengaluru"
[provider.sink]
type = "smtp"
host = "{HOST}"
port = PORT
tls = "none"
connections = {CONNECTIONS}
[topics]
course-tips = "Course tips"
[delivery]
provider = "sink"
planners = PLANNERS
"""
_CAMPAIGN = """\
topic: course-tips
subject: "{{ user.first_name or 'Hello' }}, {{ courses[0].title }}"
audience: country == "SE"
blocks:
  - staff_picks: {show: 3, at_least: 1}
"""


@dataclass(frozen=True)
class Size:
    """How large a trial is.

    Attributes:
        addressed: how many of the people are written to.
        planners: processes that plan; 1 plans in the command's own.
        plan_points: where planners are killed; the last plan after them is the one that goes out.
        process_points: where each process of a planner kills itself while others take its shard over.
        waves: two senders each, killed after some mails; a point ends one of them instead.
        mails: between two kills, at least and at most.
    """

    people: int
    addressed: int
    planners: int
    plan_points: Sequence[str]
    process_points: Sequence[str]
    waves: Sequence[str | None]
    mails: tuple[int, int]


SHORT = Size(
    people=4_200,
    addressed=300,
    planners=1,
    plan_points=("before-shard:2",),
    process_points=(),
    waves=(None,),
    mails=(5, 30),
)
LONG = Size(
    people=20_000,
    addressed=20_000,
    planners=2,
    plan_points=[point for point in PLAN_POINTS if not point.endswith("shard")],
    process_points=("before-shard:2", "after-shard"),
    waves=(*[None] * 6, *ROUND_POINTS, *MESSAGE_POINTS),
    mails=(50, 700),
)


def make_project(folder: Path, size: Size, port: int, url: str, now: datetime) -> Project:
    """Make a project that sends to the port, and bring people in; those not addressed fill its shards."""
    for name in (".recmail", "campaigns"):
        (folder / name).mkdir(parents=True)
    (folder / ".recmail/key").write_text("k" * 32)
    settings = _SETTINGS.replace("PORT", str(port)).replace("PLANNERS", str(size.planners))
    (folder / "recmail.toml").write_text(settings.replace("DATABASE", url))
    (folder / "campaigns" / f"{CAMPAIGN}.yaml").write_text(_CAMPAIGN)
    every = size.people // size.addressed
    people = (
        f"u{number},u{number}@example.org,Ana {number},{'NO' if number % every else 'SE'},yes\n"
        for number in range(size.people)
    )
    columns = "user_id,email,first_name,country,email_consent\n"
    (folder / "users.csv").write_text(columns + "".join(people))
    courses = (f"c{number},Course number {number},yes\n" for number in range(6))
    (folder / "courses.csv").write_text("course_id,title,staff_pick\n" + "".join(courses))
    copy_shipped("templates", folder)
    project = open_project(folder)
    options = ImportOptions(source="test", attributes={}, currency="EUR")
    for kind in ("users", "courses"):
        import_file(project.engine, kind, folder / f"{kind}.csv", now=now, key=b"k" * 32, options=options)
    return project


# --- the receiver's record ------------------------------------------------------------------------

_RECIPIENT = re.compile(rb"^X-Rcpt-Args: <([^>]+)>", re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE | re.IGNORECASE)
_BOUNDARY = re.compile(rb'boundary="([^"]+)"')


class Witness:
    """The file of smtp-sink -D: every message that it took, by recipient and message id."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = self._seen = 0

    def count(self) -> int:
        """How many messages have come so far; reads only what is new."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            whole = new.rfind(b"\n") + 1
            self._read += whole
            self._seen += new[:whole].count(b"\nX-Rcpt-Args: ")
        return self._seen

    def whole_messages(self) -> Counter[tuple[str, str]]:
        """Recipient and message id of those that end as they should."""
        found: Counter[tuple[str, str]] = Counter()
        for text in re.split(rb"^X-Client-Addr: ", self._file.read_bytes(), flags=re.MULTILINE)[1:]:
            recipient, message_id, boundary = (
                pattern.search(text) for pattern in (_RECIPIENT, _MESSAGE_ID, _BOUNDARY)
            )
            assert recipient, text[:500]
            assert message_id, text[:500]
            assert boundary, text[:500]
            assert text.rstrip().endswith(b"--" + boundary[1] + b"--"), "the receiver took half a message"
            found[recipient[1].decode(), message_id[1].decode()] += 1
        return found


# --- processes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What the receiver's record says of everybody who was to get an email, by user id.

    Attributes:
        lost: neither sent nor listed as unclear, or sent and not received.
        twice: received more than once, and nobody had sent it again.
        resent: somebody did, since it was unclear whether it had arrived.
        resent_twice: of these, received more than once.
        unclear: listed at the end, though they may have arrived.
        unclear_arrived: of these, received.
    """

    people: int
    lost: list[str]
    twice: list[str]
    resent: int
    resent_twice: int
    unclear: int
    unclear_arrived: int


@dataclass
class Trial:
    """One campaign and the processes that are killed while they plan and send it.

    Attributes:
        kills: what was killed, and how many mails had come by then.
        most_unclear: of one wave.
        resent: ids of people whose unclear message somebody sent again.
    """

    project: Project
    witness: Witness
    dice: random.Random
    size: Size
    run: int = 0
    emails: int = 0
    kills: list[tuple[str, int]] = field(default_factory=list)
    most_unclear: int = 0
    resent: set[str] = field(default_factory=set)
    waiting_after_last_kill: int = 0

    def start(self, *words: object, point: str | None = None) -> subprocess.Popen[str]:
        """Start a command in a session of its own, as a user would; with `point` it kills itself there."""
        environment = {**os.environ, **({VARIABLE: point} if point else {})}
        return subprocess.Popen(
            [sys.executable, "-m", "recmail", *map(str, words), "--project", str(self.project.folder)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run_to_the_end(self, *words: object, codes: Iterable[int] = (0,), point: str | None = None) -> str:
        """Run a command, check how it ended, and give what it printed."""
        process = self.start(*words, point=point)
        out, errors = process.communicate(timeout=_ENDED_WITHIN_S)
        assert process.returncode in codes, f"{words} ended with {process.returncode}: {out}{errors}"
        return out

    def ask(self, *words: object, point: str | None = None) -> dict[str, Any]:
        """Run a command with --json, and read its answer."""
        document: dict[str, Any] = json.loads(self.run_to_the_end(*words, "--json", point=point))
        return document

    # --- planning ---------------------------------------------------------------------------------

    def plan(self) -> None:
        """Plan until nobody is killed any more, and approve that plan."""
        for point in self.size.plan_points:
            self.run_to_the_end("plan", CAMPAIGN, codes=(-signal.SIGKILL,), point=point)
            self.kills.append((f"planner {point}", 0))
        for point in self.size.process_points or (None,):
            document = self.ask("plan", CAMPAIGN, point=point)
            self.run, self.emails = document["run"], document["waiting"]
            self.kills += [(f"planning processes {point}", 0)] if point else []
        self.run_to_the_end("approve", self.run)

    # --- sending ----------------------------------------------------------------------------------

    def kill_two(self, *, point: str | None = None) -> None:
        """Let two senders work side by side; kill one as told or after some mails, the other a bit later."""
        words = ("send", self.run, "--yes", "--expect", self.emails)
        senders = [self.start(*words, point=point), self.start(*words)]
        before = self.standing(MessageState.UNKNOWN)
        for number, sender in enumerate(senders):
            if point and not number:
                sender.wait(_ENDED_WITHIN_S)
                self._ended_as_told(sender, point)
            else:
                self._kill_after_some_mails(sender)
        for sender in senders:
            sender.communicate()
        self.leases_run_out()
        self.waiting_after_last_kill = self.standing(MessageState.PLANNED)
        assert self.waiting_after_last_kill, "nothing was left to lose: the last kill proves nothing"
        self.most_unclear = max(self.most_unclear, self._new_unclear(before, len(senders)))

    def _new_unclear(self, before: int, killed: int) -> int:
        """How many are unclear that were not: those listed to the operator, and as many as can be."""
        unclear = len(self.unclear())
        assert unclear == self.standing(MessageState.UNKNOWN)
        assert 0 <= unclear - before <= killed * CONNECTIONS
        return unclear - before

    def _kill_after_some_mails(self, sender: subprocess.Popen[str]) -> None:
        mails = self.dice.randint(*self.size.mails)
        until = self.witness.count() + mails
        deadline = time.monotonic() + _ENDED_WITHIN_S
        while sender.poll() is None and self.witness.count() < until and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
        time.sleep(self.dice.random() * _LOOK_EVERY_S)  # or it would always be just after a reply
        with suppress(ProcessLookupError):  # it ended by itself: said below
            os.killpg(sender.pid, signal.SIGKILL)
        sender.wait()
        self._ended_as_told(sender, f"after {mails} mails")

    def _ended_as_told(self, sender: subprocess.Popen[str], point: str) -> None:
        assert sender.returncode == -signal.SIGKILL, (sender.returncode, sender.communicate())
        self.kills.append((f"sender {point}", self.witness.count()))

    def send_to_the_end(self) -> None:
        """What a person does after the last crash: give the same command again."""
        self.run_to_the_end("send", self.run, "--yes", codes=(0, 5))

    # --- what a person decides ----------------------------------------------------------------------

    def unclear(self) -> list[str]:
        """Ids of people whose message may have arrived, as `recmail run decide` lists them."""
        return lifecycle.unclear(self.project, self.run, now=datetime.now(UTC))

    def resend(self, people: Sequence[str]) -> None:
        """Send again what may have arrived."""
        if people:
            chosen = [word for person in people for word in ("--user", person)]
            answer = self.ask("run", "decide", self.run, "--resend", "--yes", *chosen)
            assert answer["messages"] == len(people)
            self.resent |= set(people)

    # --- what the ledger says ----------------------------------------------------------------------

    def leases_run_out(self) -> None:
        """Eleven minutes pass: what dead senders held may be taken by others."""
        with writing(self.project.engine) as connection:
            leased = ledger.c.state.in_(["claimed", "sending"])
            connection.execute(sa.update(ledger).where(leased).values(next_at=_LONG_AGO))

    def standing(self, state: MessageState) -> int:
        """How many people's messages are in a state; the account adds up at any moment."""
        with reading(self.project.engine) as connection:
            counts = account(connection, self.run)
        assert counts.adds_up
        return counts.states[state]

    def people(self) -> dict[str, tuple[str, str, str]]:
        """Of everybody who was to get a message: state, address and message id, by user id."""
        query = (
            sa.select(users.c.user_id, ledger.c.state, users.c.email, ledger.c.message_id)
            .join(users, users.c.user_no == ledger.c.user_no)
            .where(ledger.c.run_no == self.run, ledger.c.message_id.is_not(None))
        )
        with reading(self.project.engine) as connection:
            return {user: (state, email, f"<{key}>") for user, state, email, key in connection.execute(query)}

    def verdict(self) -> Verdict:
        """Compare what the ledger says with what arrived, person by person."""
        got = self.witness.whole_messages()
        people = self.people()
        listed = set(self.ask("run", "decide", self.run)["unclear"])
        assert len(people) == self.emails == self.size.addressed
        assert set(got) <= {(email, key) for _, email, key in people.values()}
        times = {user: got[email, key] for user, (_, email, key) in people.items()}
        sent = {user for user, (state, *_) in people.items() if state == "sent"}
        return Verdict(
            people=len(people),
            lost=sorted(set(people) - sent - listed | {user for user in sent if not times[user]}),
            twice=sorted(user for user, count in times.items() if count > 1 and user not in self.resent),
            resent=len(self.resent),
            resent_twice=sum(times[user] > 1 for user in self.resent),
            unclear=len(listed),
            unclear_arrived=sum(times[user] > 0 for user in listed),
        )

    def as_table(self, verdict: Verdict) -> str:
        """Everything in figures, for a person to read."""
        senders = [(what, mails) for what, mails in self.kills if what.startswith("sender")]
        rows: dict[str, object] = {
            "people": verdict.people,
            "planners killed": len(self.kills) - len(senders),
            "senders killed, two at a time": len(senders),
            "still waiting after the last kill": self.waiting_after_last_kill,
            "lost": len(verdict.lost),
            "twice": len(verdict.twice),
            f"most unclear after two kills of {CONNECTIONS} connections": self.most_unclear,
            "sent again by hand": f"{verdict.resent}, of which {verdict.resent_twice} came twice",
            "unclear at the end": f"{verdict.unclear}, of which {verdict.unclear_arrived} had arrived",
        }
        lines = [f"{name:<50} {value}" for name, value in rows.items()]
        return "\n".join([*lines, *(f"  {mails:>6} mails: {what} killed" for what, mails in senders)])
