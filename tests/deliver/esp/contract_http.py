"""What every provider over HTTP must do; a provider's test inherits the class and says how it speaks."""

from __future__ import annotations

import itertools
import json
import random
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading
from recmail.db.runs import find_run
from recmail.deliver import heard, worker
from recmail.deliver.esp import Esp, EspOptions
from recmail.deliver.pace import Pace
from recmail.deliver.slower import Slower
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.records import Claim, Outgoing, RunState
from recmail.render.email import Email
from recmail.render.mime import MessageHeaders, build_mime
from tests.http_servers import KEY, Answer, Exchange, Fault, HttpServer, Reply, Request
from tests.ledgers import add_people, add_run, set_run, standing
from tests.servers import unused_port
from tests.workers import adds_up, send

SECRET = "SG.not-a-real-key-0123456789"
HTML = '<!doctype html>\n<p style="color:#333">Grüße &amp; <a href="https://acme.example/c/1?a=1&amp;b=2">SQL</a></p>\n'
TEXT = "Grüße,\n\nSQL from Zero to Useful\nhttps://acme.example/c/1?a=1&b=2\n"
DATE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
UNCLEAR = (Fault.CUT_AFTER, Fault.HANGS, Fault.BROKEN, Fault.GARBLED)
UNSUBSCRIBE = "https://acme.example/u/abc.def"


@dataclass(frozen=True)
class Seen:
    """One message as the provider understood it; header names in lower case."""

    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]


def outgoing(number: int = 1, *, html: str = HTML, recipient: str | None = None) -> Outgoing:
    """A finished message to one of many people, with all that bulk mail has to say."""
    address, message_id = recipient or f"u{number}@example.org", f"{number:032x}@acme.example"
    email = Email(subject="Für dich: SQL, “Pricing” & more", preheader="", html=html, text=TEXT)
    headers = MessageHeaders(
        from_=("Acme, Kurse", "learn@acme.example"),
        to=("Zoë Ó Brien", address),
        reply_to=("Acme", "help@acme.example"),
        date=DATE,
        message_id=message_id,
        list_id="tips.acme.example",
        unsubscribe_url=UNSUBSCRIBE,
        feedback_id="7:weekly:recmail",
    )
    mime = build_mime(email, headers=headers)
    return Outgoing("learn@acme.example", address, mime, message_id, email.subject, "token")


def write(claimed: Claim) -> Outgoing:
    """The same for a row of the ledger."""
    address, email = claimed.email or "", Email(subject="Hi", preheader="", html="<p>Hi</p>", text="Hi\n")
    headers = MessageHeaders(
        from_=("Acme", "learn@acme.example"), to=("", address), date=DATE, message_id=claimed.message_id
    )
    mime = build_mime(email, headers=headers)
    return Outgoing("learn@acme.example", address, mime, claimed.message_id, "Hi")


def patience_s(fault: Fault) -> float:
    """Enough for any answer, and hardly any where none comes."""
    return 0.5 if fault is Fault.HANGS else 30.0


class ProviderContract(ABC):
    """Inherit, and say how to open the provider and how it speaks.

    Attributes:
        same_again: it knows idempotency keys, so what is unclear is asked again before it counts as unknown.
        most: messages in one request.
        names_recipients: its answer can refuse one recipient for good.
        silence_s: how long one of a thousand messages waits for an answer that does not come.
    """

    same_again: ClassVar[bool] = False
    most: ClassVar[int] = 1
    names_recipients: ClassVar[bool] = True
    silence_s: ClassVar[float] = 0.15

    # --- what a provider's test says --------------------------------------------------------------

    @abstractmethod
    def options(self, url: str, patch: pytest.MonkeyPatch, *, patience_s: float = 30.0) -> EspOptions:
        """The provider at this address, with SECRET for its secret, that waits so long for an answer."""

    @abstractmethod
    def provider(self) -> Answer:
        """What the provider answers: all is well, to each message it takes."""

    @abstractmethod
    def sends(self, request: Request) -> bool:
        """Messages are in this request; all others are questions."""

    @abstractmethod
    def seen(self, request: Request) -> Sequence[Seen]:
        """The messages of a request, in its order."""

    @abstractmethod
    def refusing(self, recipients: Collection[str]) -> Answer:
        """The provider's answer when it takes all but these, because it knows them to be dead."""

    @abstractmethod
    def no(self, kind: type[DeliveryError]) -> Reply:
        """Its no to a whole request: for MessageRefused, AccountRefused or TemporaryFailure (throttled)."""

    def told(self, request: Request) -> Reply:
        """The provider's answer to a question."""
        return Reply(404, b"{}")

    # --- what the tests use -----------------------------------------------------------------------

    @pytest.fixture
    def server(self) -> Iterator[HttpServer]:
        takes = self.provider()
        answer = lambda request: takes(request) if self.sends(request) else self.told(request)  # noqa: E731
        with HttpServer(answer).running() as server:
            yield server

    @pytest.fixture
    def esp(self, server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Esp]:
        with closing(self.options(server.url, monkeypatch).connect()) as connection:
            yield connection

    def goes_wrong(self, server: HttpServer, *faults: Fault | Answer | None) -> None:
        """These faults befall the next requests with messages; the last one all that follow."""
        left = list(faults)

        def fault(head: Request) -> Fault | Answer | None:
            if not self.sends(head):
                return None
            return left.pop(0) if len(left) > 1 else left[0]

        server.fault = fault

    def always(self, kind: type[DeliveryError], **headers: str) -> Answer:
        reply = self.no(kind)
        return lambda _request: Reply(reply.status, reply.body, {**reply.headers, **headers})

    def taken(self, exchanges: Sequence[Exchange]) -> Counter[str]:
        """How often the provider took a message, by recipient."""
        found: Counter[str] = Counter()
        for one in exchanges:
            if one.said is not None and one.said.status < 300 and not one.again and self.sends(one.request):
                found.update(self.accepted(one.request, one.said))
        return found

    def accepted(self, request: Request, said: Reply) -> list[str]:
        """Whom the provider took messages for, when it did not refuse the request."""
        return [one.recipient for one in self.seen(request)]

    # --- one message ------------------------------------------------------------------------------

    def test_the_whole_message_arrives(self, server: HttpServer, esp: Esp) -> None:
        assert esp.send(outgoing()), "the provider's id of the message"
        (exchange,) = [one for one in server.exchanges if self.sends(one.request)]
        (seen,) = self.seen(exchange.request)
        assert (seen.sender, seen.recipient) == ("learn@acme.example", "u1@example.org")
        assert seen.subject == outgoing().subject
        assert seen.html.replace("\r\n", "\n").rstrip() == HTML.rstrip()
        assert seen.text.replace("\r\n", "\n").rstrip() == TEXT.rstrip()
        assert seen.headers["list-unsubscribe"] == f"<{UNSUBSCRIBE}>"
        assert seen.headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
        assert seen.headers["feedback-id"] == "7:weekly:recmail"
        assert seen.headers["list-id"] == "<tips.acme.example>"

    def test_each_message_has_an_id_of_its_own(self, esp: Esp) -> None:
        assert len({esp.send(outgoing(number)) for number in range(3)}) == 3

    def test_throttling_says_when_to_come_back(self, server: HttpServer, esp: Esp) -> None:
        self.goes_wrong(server, self.always(TemporaryFailure, **{"Retry-After": "7"}))
        with pytest.raises(TemporaryFailure) as caught:
            esp.send(outgoing())
        assert caught.value.retry_after_s in (7, None)
        assert caught.value.slows

    @pytest.mark.parametrize("kind", [MessageRefused, AccountRefused])
    def test_a_no_is_what_it_says(self, server: HttpServer, esp: Esp, kind: type[DeliveryError]) -> None:
        self.goes_wrong(server, self.always(kind))
        with pytest.raises(kind) as caught:
            esp.send(outgoing())
        assert SECRET not in str(caught.value)

    def test_a_dead_recipient_is_said(self, server: HttpServer, esp: Esp) -> None:
        if self.names_recipients:
            self.goes_wrong(server, self.refusing({"u1@example.org"}))
            with pytest.raises(RecipientRefused):
                esp.send(outgoing(1))
        assert esp.send(outgoing(2))

    def test_nobody_there_is_a_temporary_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(TemporaryFailure, match="cannot reach"):
            self.options(f"http://127.0.0.1:{unused_port()}", monkeypatch).connect().send(outgoing())

    def test_what_was_cut_off_in_its_body_was_not_taken(self, server: HttpServer, esp: Esp) -> None:
        self.goes_wrong(server, Fault.CUT_BEFORE)
        with pytest.raises(TemporaryFailure):
            esp.send(outgoing(html=HTML + f"<!-- {'long' * 200} -->\n" * 8_000))  # more than two sockets hold

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_what_left_and_got_no_answer_is_unknown(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch, fault: Fault
    ) -> None:
        self.goes_wrong(server, fault)
        options = self.options(server.url, monkeypatch, patience_s=patience_s(fault))
        with closing(options.connect()) as esp, pytest.raises(OutcomeUnknown):
            esp.send(outgoing())
        assert (len(self.calls(server)) > 1) == self.same_again

    def calls(self, server: HttpServer) -> list[Exchange]:
        return [one for one in server.exchanges if self.sends(one.request)]

    # --- the provider itself ----------------------------------------------------------------------

    def test_the_secret_is_in_no_text_about_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        options = self.options("http://127.0.0.1:1", monkeypatch)
        assert SECRET not in repr(options)
        assert SECRET not in str(options)
        assert SECRET not in options.model_dump_json(fallback=str)

    def test_loopback_is_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not self.options("http://127.0.0.1:1", monkeypatch).leaves_machine

    # --- a thousand -------------------------------------------------------------------------------

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is the provider that is tried
    def test_ledger_and_record_agree_person_by_person(
        self, database: sa.Engine, now: datetime, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people = 1_000
        add_people(database, now, people)
        add_run(database, 1, now, people=range(people))
        dealt = self.deal(server)
        # The pace's clock flies: what waits because the provider asked for it waits no second of this test.
        clock = partial(next, itertools.count(step=60.0))
        monkeypatch.setattr(worker, "Pace", partial(Pace, clock=clock))
        monkeypatch.setattr(heard, "Slower", partial(Slower, clock=clock))
        # Who has to wait longer than that on a slow machine is unknown, too.
        options = self.options(server.url, monkeypatch, patience_s=self.silence_s)
        for turn in range(60):
            send(database, options, now + timedelta(hours=5 * turn), message=write, connections=20)
            if "planned" not in standing(database) and not self.is_paused(database):
                break
            set_run(database, 1, RunState.SENDING)
        self.compare(standing(database), self.taken(server.exchanges))
        assert adds_up(database)
        assert all(dealt.values()), f"a fault never happened: {dealt}"
        sizes = {len(self.seen(one.request)) for one in self.calls(server) if one.said is not None}
        assert (1 < max(sizes) <= self.most) if self.most > 1 else sizes == {1}

    def is_paused(self, engine: sa.Engine) -> bool:
        with reading(engine) as connection:
            return find_run(connection, 1)["state"] == RunState.PAUSED

    def deal(self, server: HttpServer) -> Counter[str]:
        """Of each twenty requests with messages one has each of the faults, in random order."""
        throttled = self.always(TemporaryFailure, **{"Retry-After": "0"})
        faults: dict[str, Fault | Answer] = {
            "throttled": throttled,
            "refused": self.always(MessageRefused),
            **{fault.value: fault for fault in Fault},
        }
        if self.names_recipients:
            faults["dead"] = lambda request: self.refusing({self.seen(request)[0].recipient})(request)
        dealt = Counter(dict.fromkeys(faults, 0))
        chance, deck = random.Random(7), []

        def fault(head: Request) -> Fault | Answer | None:
            if not self.sends(head):
                return None
            with server.lock:
                if not deck:
                    deck.extend([*faults, *[""] * (20 - len(faults))])
                    chance.shuffle(deck)
                name = deck.pop()
                if name:
                    dealt[name] += 1
            return faults.get(name)

        server.fault = fault
        return dealt

    def compare(self, stands: Sequence[str], taken: Mapping[str, int]) -> None:
        """Sent is what was taken, failed is what was not; only who is unknown may have one or none."""
        wrong = defaultdict(list)
        for number, state in enumerate(stands):
            times = taken.get(f"u{number}@example.org", 0)
            allowed = {"sent": {1}, "unknown": {0, 1}}.get(state, {0})
            if times not in allowed or state in ("planned", "claimed", "sending"):
                wrong[f"{state}, taken {times} times"].append(number)
        assert not wrong
        found = Counter(stands)
        assert found["sent"] > 0.3 * len(stands)
        assert self.same_again or found["unknown"]


def probed(options: EspOptions, server: HttpServer, answers: Mapping[str, object]) -> str:
    """What a probe finds, or its error; answers by path, 401 to all others."""

    def told(request: Request) -> Reply:
        known = answers.get(request.path)
        return Reply(401, b"{}") if known is None else Reply(200, json.dumps(known).encode())

    server.answer = told
    try:
        return options.probe()
    except DeliveryError as error:
        return str(error)


class KeyedProviderContract(ProviderContract):
    """Inherit for a provider that takes the same request again under an idempotency key."""

    same_again = True

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_one_fault_is_overcome_by_the_same_request_again(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch, fault: Fault
    ) -> None:
        self.goes_wrong(server, fault, None)
        options = self.options(server.url, monkeypatch, patience_s=patience_s(fault))
        with closing(options.connect()) as esp:
            assert esp.send(outgoing())
        first, *_, last = self.calls(server)
        assert (first.request.body, first.request.headers[KEY]) == (
            last.request.body,
            last.request.headers[KEY],
        )
        assert self.taken(server.exchanges) == Counter(["u1@example.org"])

    @pytest.mark.parametrize("kind", [AccountRefused, MessageRefused, TemporaryFailure])
    def test_a_no_to_the_second_request_says_nothing_of_the_first(
        self, server: HttpServer, esp: Esp, kind: type[DeliveryError]
    ) -> None:
        self.goes_wrong(server, Fault.CUT_AFTER, self.always(kind))
        with pytest.raises(OutcomeUnknown):
            esp.send(outgoing())
