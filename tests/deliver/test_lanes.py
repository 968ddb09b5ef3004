"""Messages to one domain at once: never more than it has places, and nobody else waits for them."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from recmail.db.connect import writing
from recmail.db.tables import users
from recmail.deliver.lanes import Lanes, held
from recmail.records import Claim
from tests.ledgers import add_people, add_run, standing
from tests.servers import SmtpServer
from tests.workers import DAY, S, adds_up, relay, send

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def claim(number: int, domain: str) -> Claim:
    return Claim(1, number, f"u{number}", f"u{number}@{domain}", "c", 0, f"{number}@x", NOW)


class Seconds:
    """A clock that goes when it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Crowd:
    """Who is at the server, as it sees it; people of the slow domain stay until all the others have come."""

    def __init__(self, slow: str, *, others: int) -> None:
        self.slow, self.others = slow, others
        self.most: Counter[str] = Counter()
        self.came: list[str] = []
        self._here: Counter[str] = Counter()
        self._changed = threading.Condition()

    def __call__(self, recipient: str) -> None:
        domain = recipient.rpartition("@")[2]
        with self._changed:
            self._here[domain] += 1
            self.most[domain] = max(self.most[domain], self._here[domain])
            if domain == self.slow:
                assert self._changed.wait_for(lambda: self.others <= len(self.came), timeout=60)
            else:
                self.came.append(domain)
            self._here[domain] -= 1
            self._changed.notify_all()


def move(database: sa.Engine, people: range, domain: str) -> None:
    with writing(database) as connection:
        for number in people:
            connection.execute(
                sa.update(users).where(users.c.user_no == number).values(email=f"u{number}@{domain}")
            )


def test_a_slow_domain_takes_its_places_and_nobody_elses(
    database: sa.Engine, now: datetime, stack: ExitStack
) -> None:
    add_people(database, now, 60)
    move(database, range(50), "slow.example")
    add_run(database, 1, now, people=range(60))
    crowd = Crowd("slow.example", others=10)
    summary = send(
        database,
        relay(stack, SmtpServer(hold=crowd)),
        now,
        at_once={"slow.example": 2},
        patience=DAY,
    )
    # All 50 are due first; had they kept the three connections, the others would never have come.
    assert summary.sent == 60
    assert standing(database) == ["sent"] * 60
    assert crowd.most["slow.example"] <= 2
    assert adds_up(database)


def test_a_star_is_each_other_domain_by_itself(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 30)
    move(database, range(10), "a.example")
    move(database, range(10, 20), "b.example")
    add_run(database, 1, now, people=range(30))
    crowd = Crowd("nowhere", others=0)
    at_once = {"*": 1, "example.org": 8}
    send(
        database,
        relay(stack, SmtpServer(hold=crowd)),
        now,
        connections=8,
        at_once=at_once,
        patience=DAY,
    )
    assert standing(database) == ["sent"] * 30
    assert (crowd.most["a.example"], crowd.most["b.example"]) == (1, 1)


def test_a_stop_gives_back_who_waits(database: sa.Engine, now: datetime, stack: ExitStack) -> None:
    add_people(database, now, 20)
    add_run(database, 1, now, people=range(20))
    stop = threading.Event()
    server = SmtpServer(hold=lambda _recipient: stop.set())
    summary = send(database, relay(stack, server), now, at_once={"*": 1}, stop=stop)
    assert summary.stopped
    assert Counter(standing(database)) == {"planned": 20 - len(server.received), "sent": len(server.received)}
    assert summary.states[S.SENT] == len(server.received) < 20


def test_without_limits_everybody_goes() -> None:
    claims = [claim(number, "a.example") for number in range(100)]
    assert Lanes({}).admit(claims, NOW) == (claims, [], [])


def test_who_has_no_address_is_settled_at_once() -> None:
    nobody = Claim(1, 7, "u7", None, "c", 0, "m@x", NOW)
    lanes = Lanes({"*": 1})
    assert lanes.admit([claim(1, "a.example"), nobody, nobody], NOW)[0] == [
        claim(1, "a.example"), nobody, nobody
    ]  # fmt: skip
    assert lanes.leave(nobody) is None


def test_rows_put_off_come_back_one_by_one() -> None:
    seconds = Seconds()
    lanes = Lanes({"a.example": 2}, seconds)
    first = [claim(number, "a.example") for number in range(2)]
    lanes.admit(first, NOW)
    for _ in range(100):  # each place is taken for 4 seconds: they know that by now
        seconds.now += 4
        for one in first:
            lanes.leave(one)
        lanes.admit(first, NOW)
    going, later, staying = lanes.admit([claim(number, "a.example") for number in range(2, 300)], NOW)
    assert (len(going), len(staying)) == (0, 6)  # 15 seconds' worth
    waits_s = [(until - NOW).total_seconds() for _, until in later]
    # Six wait before the first, and two places are free every 4 seconds: rather too early, by half.
    assert waits_s[:3] == pytest.approx([7, 8, 9], abs=0.01)
    assert max(waits_s) == 60


def test_a_domain_that_answers_slowly_keeps_nobody_waiting_past_the_lease() -> None:
    seconds = Seconds()
    lanes = Lanes({"*": 1}, seconds)
    one = claim(0, "a.example")
    lanes.admit([one], NOW)
    for _ in range(50):
        seconds.now += 500
        lanes.leave(one)
        lanes.admit([one], NOW)
    going, later, staying = lanes.admit([claim(1, "a.example")], NOW)
    assert (going, staying) == ([], [])
    assert later[0][1] == NOW + timedelta(minutes=1)


DOMAINS = ("a.example", "b.example", "c.example")
STEPS = st.lists(
    st.one_of(st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=8), st.integers(0, 9)), max_size=30
)


@given(STEPS, st.fixed_dictionaries({}, optional={name: st.integers(1, 3) for name in ("a.example", "*")}))
def test_no_claim_is_lost_and_no_domain_has_more_than_its_places(
    steps: list[list[str] | int], places: dict[str, int]
) -> None:
    lanes, number = Lanes(places, Seconds()), 0
    working: dict[tuple[int, int, str], Claim] = {}
    waiting: dict[tuple[int, int, str], Claim] = {}
    for step in steps:
        if isinstance(step, list):
            claims = [claim(number + at, domain) for at, domain in enumerate(step)]
            number += len(claims)
            going, later, staying = lanes.admit(claims, NOW)
            found = [*going, *(one for one, _ in later), *staying]
            assert sorted(map(held, found)) == [held(one) for one in claims]
            assert all(until > NOW for _, until in later)
            working |= {held(one): one for one in going}
            waiting |= {held(one): one for one in staying}
        elif working:
            key = [*working][step % len(working)]
            following = lanes.leave(working.pop(key))
            if following is not None:
                working[held(following)] = waiting.pop(held(following))
        assert lanes.waiting == len(waiting)
        here = Counter(one.email.partition("@")[2] for one in working.values() if one.email)
        for domain, count in here.items():
            most = places.get(domain, places.get("*"))
            assert most is None or count <= most
        for one in waiting.values():
            domain = (one.email or "").partition("@")[2]
            assert here[domain] == places.get(domain, places.get("*"))  # nobody waits beside a free place
    assert sorted(map(held, lanes.clear())) == sorted(waiting)
    assert lanes.waiting == 0
