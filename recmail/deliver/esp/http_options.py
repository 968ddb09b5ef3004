"""What providers over HTTP have in common: settings, one door for all connections, and what answers mean."""

from __future__ import annotations

import copy
import json
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PrivateAttr, model_validator

from recmail.deliver.crash import crash_at
from recmail.deliver.esp import Doubt, EspOptions
from recmail.deliver.esp.http_door import Answer, Door
from recmail.deliver.esp.http_line import Item, Line, Outcome
from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    RecipientRefused,
    TemporaryFailure,
)
from recmail.records import Outgoing
from recmail.settings import Secret, as_secret, is_loopback
from recmail.settings.source import shown

_LONGEST_PAUSE_S = 10.0  # with messages in hand


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.query or parts.username:
        raise ValueError(f"found {shown(url)}; expected an address such as https://api.acme.example")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"found {shown(url)}; expected https:// (http:// only on this machine)")
    return url.rstrip("/")


class HttpEsp(EspOptions):
    """What a provider over HTTP derives from: it says what a request holds, and what an answer means.

    Attributes:
        home: where its API is.
        path: where messages are sent to.
        most: messages in one request; with more than one, a request is a list.
        most_bytes: of one request.
        gather_s, every_s: as `http_line.Line`.
        read_timeout_s: how long an answer may take.
        same_again_s: it knows idempotency keys: pauses before each time that what is unclear is asked again.
        api_key: env:NAME or file:PATH.
        base_url: another region, or a server for tests.
    """

    home: ClassVar[str]
    path: ClassVar[str]
    most: ClassVar[int] = 1
    most_bytes: ClassVar[int] = 30_000_000
    gather_s: ClassVar[float] = 0.02
    every_s: ClassVar[float] = 0.0
    read_timeout_s: ClassVar[float] = 60.0
    same_again_s: ClassVar[tuple[float, ...]] = ()

    api_key: Annotated[Secret, BeforeValidator(as_secret)]
    base_url: Annotated[str, AfterValidator(_base_url)] | None = None
    _open: int = PrivateAttr(0)
    _door: Door | None = PrivateAttr(None)
    _line: Line | None = PrivateAttr(None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _knocking: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _out_of_reach: tuple[float, DeliveryError] | None = PrivateAttr(None)

    # --- what a provider says ---------------------------------------------------------------------

    @abstractmethod
    def login(self, key: str) -> Mapping[str, str]:
        """The headers by which the provider knows us."""

    @abstractmethod
    def part(self, message: Outgoing) -> Mapping[str, Any]:
        """One message in the words of the API."""

    def call_headers(self, items: Sequence[Item]) -> Mapping[str, str]:
        """Headers of one request, which holds these messages."""
        return {}

    @abstractmethod
    def outcomes(self, answer: Answer, count: int) -> Sequence[Outcome]:
        """What became of each message of a request that was accepted, in its order.

        KeyError, TypeError and such mean that the answer has another shape than the documentation says.
        """

    def refusal(self, answer: Answer) -> DeliveryError:
        """What an answer to a whole request means that is no yes."""
        return refusal(answer)

    @abstractmethod
    def look(self, door: Door) -> str:
        """Ask what can be asked without sending: does the key fit, may it send, from which domains."""

    def domains(self, door: Door) -> Sequence[str] | None:
        """The domains that mail may be sent from; None where this key is not told."""
        return None

    # --- settings ---------------------------------------------------------------------------------

    @model_validator(mode="after")
    def _usable_key(self) -> HttpEsp:
        # Read now, so that a missing variable is said before the first message; and a header with a line
        # break in it is refused by libraries in words that repeat it.
        key = self.api_key.reveal()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError(
                f"{self.api_key} holds something else than one key: a space, a line break or such"
            )
        return self

    @property
    def url(self) -> str:
        """Where the API is."""
        return self.base_url or self.home

    @property
    def leaves_machine(self) -> bool:
        """False for a server on loopback."""
        return not is_loopback(urlsplit(self.url).hostname or "")

    # --- connections ------------------------------------------------------------------------------

    def connect(self) -> HttpConnection:
        """Give one more thread access to the door; somebody must answer there."""
        with self._lock:
            if self._door is None:
                self._door = door = self._new_door()
                self._line = Line(
                    lambda items: self.call(door, items),
                    most=self.most,
                    most_bytes=self.most_bytes,
                    gather_s=self.gather_s,
                    every_s=self.every_s,
                )
            door, line = self._door, self._line
            self._open += 1
        assert line is not None
        try:
            self._knock(door)
        except DeliveryError:
            self.leave()
            raise
        send = line.deliver if self.most > 1 else lambda item: self.call(door, [item])[0]
        return HttpConnection(self, send)

    def _new_door(self) -> Door:
        key = self.api_key.reveal()
        return Door(
            self.url,
            headers=self.login(key),
            secret=key,
            read_timeout_s=self.read_timeout_s,
            is_local=not self.leaves_machine,
        )

    def _knock(self, door: Door) -> None:
        """Find out whether anybody answers, once for all who want to know it at this moment."""
        came_s = time.monotonic()
        with self._knocking:
            if door.reached:
                return
            if self._out_of_reach and self._out_of_reach[0] >= came_s:
                raise copy.copy(self._out_of_reach[1])
            try:
                door.get("/")
            except DeliveryError as error:
                self._out_of_reach = time.monotonic(), error
                raise

    def leave(self) -> None:
        """One thread less; the last one closes the door."""
        with self._lock:
            self._open -= 1
            if not self._open and self._door is not None:
                self._door.close()
                self._door = self._line = None

    def probe(self) -> str:
        """Ask about the account, as `EspOptions.probe`."""
        door = self._new_door()
        try:
            return f"{door.place} {self.look(door)}"
        finally:
            door.close()

    def doubts(self, senders: Sequence[str]) -> Iterator[Doubt]:
        """Are the senders' domains verified, and does anything come back, as `EspOptions.doubts`."""
        door = self._new_door()
        try:
            known = self.domains(door)
        finally:
            door.close()
        for domain in dict.fromkeys(sender.rpartition("@")[2].lower() for sender in senders):
            if known is not None and not any(f".{domain}".endswith(f".{one.lower()}") for one in known):
                yield Doubt(f"{domain} is not verified there", f"verify {domain} on your provider's page")
        if not self.reads_webhooks:
            found = "bounces and complaints do not come back to recmail"
            yield Doubt(found, "set up its webhook as docs/webhooks.md says")

    # --- messages ---------------------------------------------------------------------------------

    def call(self, door: Door, items: Sequence[Item]) -> list[Outcome]:
        """Deliver messages by one request, or by several where one of them spoils it for the others."""
        try:
            return [*self._settled(door, items)]
        except (MessageRefused, RecipientRefused) as error:
            if len(items) == 1:
                return [error]
            half = len(items) // 2
            return self.call(door, items[:half]) + self.call(door, items[half:])
        except DeliveryError as error:
            return [copy.copy(error) for _ in items]  # threads must not share what they raise

    def _settled(self, door: Door, items: Sequence[Item]) -> Sequence[Outcome]:
        """The outcomes of one request, asked again under its key while they are unclear."""
        body = items[0].body if self.most == 1 else b"[" + b",".join(item.body for item in items) + b"]"
        headers = self.call_headers(items)
        unclear: OutcomeUnknown | None = None
        for pause_s in (*self.same_again_s, None):
            asked_s = 0.0
            try:
                answer = door.post(self.path, body, headers)
                asked_s = answer.retry_after_s or 0.0
                return self._read(answer, len(items))
            except OutcomeUnknown as error:
                unclear = error
            except DeliveryError:
                if unclear is None:
                    raise
                # Whatever this no is about: the request before it may have been accepted.
            if pause_s is not None:
                time.sleep(min(max(pause_s, asked_s), _LONGEST_PAUSE_S))
        raise unclear or AssertionError("a request is settled or unclear")

    def _read(self, answer: Answer, count: int) -> Sequence[Outcome]:
        if not answer.accepts:
            raise self.refusal(answer)
        try:
            found = self.outcomes(answer, count)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise OutcomeUnknown(f"{answer}, which cannot be read") from error
        if len(found) != count:
            raise OutcomeUnknown(f"{answer}, of {len(found)} messages; there were {count}")
        return found


def refusal(answer: Answer) -> DeliveryError:
    """What a status stands for where the provider says nothing more exact."""
    said = str(answer)
    if answer.status == 429:
        return TemporaryFailure(said, retry_after_s=answer.retry_after_s, slows=True)
    if answer.status in (400, 413, 422):
        return MessageRefused(said)
    if answer.status in (408, 425):
        return TemporaryFailure(said)
    if answer.status >= 500:
        # It may have been behind the one who says so, and have accepted it.
        return OutcomeUnknown(said)
    return AccountRefused(said)  # 401, 403; and 404 or a redirect: this is no such API, nobody's fault


class HttpConnection:
    """One thread's access to a provider."""

    def __init__(self, provider: HttpEsp, send: Callable[[Item], Outcome]) -> None:
        self._provider, self._send = provider, send
        self._is_open = True

    def send(self, message: Outgoing) -> str:
        """Deliver one message, as `Esp.send`."""
        body = json.dumps(self._provider.part(message), ensure_ascii=False).encode()
        crash_at("before-envelope")
        outcome = self._send(Item(message.message_id, body))
        crash_at("after-reply")
        if isinstance(outcome, DeliveryError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Leave the door to the others."""
        if self._is_open:
            self._is_open = False
            self._provider.leave()
