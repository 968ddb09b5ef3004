"""Providers: what each plug-in brings, and how the one that recmail.toml names is opened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from recmail import plugins
from recmail.deliver.warm_up import WarmUp
from recmail.errors import ConfigError, DataError, Problem, RefusedError, did_you_mean
from recmail.records import Event, Outgoing
from recmail.settings import RawTable, Settings
from recmail.settings.plugin_section import read_options
from recmail.settings.rates import Rate, read_rates
from recmail.settings.source import shown
from recmail.tokens import email_key

MOST_CONNECTIONS = 256
EVERY_OTHER = "*"


class Esp(Protocol):
    """One connection to a provider, used by one thread at a time."""

    def send(self, message: Outgoing) -> str:
        """Deliver one message; return the provider's id for it, or an empty text.

        Raises:
            RecipientRefused, MessageRefused, AccountRefused: the provider said so, for good.
            TemporaryFailure: it was certainly not accepted, and may be tried again.
            OutcomeUnknown: it may have been accepted.
        """

    def close(self) -> None:
        """End the connection; never raises."""


def _domain(name: str) -> str:
    key = email_key(f"x@{name}")
    if key is None or "." not in name:
        raise ValueError(f"found {shown(name)}; expected a domain such as gmail.com")
    return key.rpartition("@")[2]


def _domain_or_all(name: str) -> str:
    if name == EVERY_OTHER:
        return name
    key = email_key(f"x@{name}")
    if key is None:
        raise ValueError(f"found {shown(name)}; expected a domain such as gmail.com, or {EVERY_OTHER}")
    return key.rpartition("@")[2]


AtOnce = Annotated[int, Field(ge=1, le=MOST_CONNECTIONS)]
Rates = Annotated[tuple[Rate, ...], BeforeValidator(read_rates)]


class EspOptions(BaseModel, ABC):
    """What a plug-in's class derives from: its fields are the keys of its [provider.NAME] section.

    Attributes:
        connections: how many messages may be on their way at once; a crash leaves as many unclear.
        domain_connections: how many of them to one domain of recipients; "*" is each other domain.
        at_most: so many a second, and quotas that may be used up at once: ["14 per second", "50000 per day"].
        domain_limits: the same for single domains of recipients.
        warm_up: less than that on the first days.
        sending_lease: longer than one message can take; after it the sender counts as dead.
    """

    model_config = ConfigDict(
        defer_build=True, frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )
    sending_lease: ClassVar[timedelta] = timedelta(minutes=11)

    connections: int = Field(1, ge=1, le=MOST_CONNECTIONS)
    domain_connections: dict[Annotated[str, AfterValidator(_domain_or_all)], AtOnce] = Field(
        default_factory=dict
    )
    at_most: Rates = ()
    domain_limits: dict[Annotated[str, AfterValidator(_domain)], Rates] = Field(default_factory=dict)
    warm_up: WarmUp | None = None

    @property
    def leaves_machine(self) -> bool:
        """Messages may reach other machines."""
        return True

    @property
    def bounce_domain(self) -> str | None:
        """The domain that bounces go to, where that is not the sender's own."""
        return None

    @property
    def page(self) -> Path | None:
        """Where a person can look at what was sent, if there is such a place."""
        return None

    @abstractmethod
    def connect(self) -> Esp:
        """Open one connection.

        Raises:
            AccountRefused: the provider does not want us, or is not who it should be.
            TemporaryFailure: it cannot be reached now.
        """

    def probe(self) -> str:
        """Find out whether messages would be taken, sending none; return what was found, in words.

        Raises:
            AccountRefused, TemporaryFailure: as `connect`.
        """
        self.connect().close()
        return "answers"

    def doubts(self, senders: Sequence[str]) -> Iterator[Doubt]:
        """Ask the account what else may keep messages from these addresses from arriving.

        Raises:
            AccountRefused, TemporaryFailure: as `connect`.
        """
        return iter(())

    def limits(self) -> tuple[Rate, ...]:
        """`at_most`, or what the provider allows the account where it can be asked; never raises."""
        return self.at_most

    @property
    def reads_webhooks(self) -> bool:
        """What comes back can be told to us, and what says so can be checked."""
        return False

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        """Check that a request is the provider's, and return what it says of messages; nothing may be empty.

        Args:
            now: a signature that is much older is a replay.

        Raises:
            RefusedError: it is not the provider's, or it is too old.
            DataError: it is the provider's and cannot be read; the provider is to try again.
        """
        raise RefusedError(f"{type(self).__name__.lower()} has no webhooks")

    def read_events(self, body: bytes) -> Sequence[Event]:
        """Return what the body of a webhook says, or one event of it as `Event.raw` has it.

        No signature is checked: it is for files that a person has, `recmail import events`.

        Raises:
            DataError: it cannot be read.
        """
        raise DataError(f"{type(self).__name__.lower()} reads no saved webhooks")


@dataclass(frozen=True)
class Doubt:
    """Something that a provider says of our account.

    Attributes:
        next: what to do about it.
        stops: until then no message is taken.
    """

    found: str
    next: str
    stops: bool = False


@dataclass(frozen=True)
class Webhook:
    """One request that says it comes from a provider.

    Attributes:
        headers: names in lower case.
        body: as it came, for signatures.
    """

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Provider:
    """One [provider.NAME] of recmail.toml, checked and ready to connect."""

    name: str
    options: EspOptions

    @property
    def connections(self) -> int:
        """How many messages may be on their way at once."""
        return self.options.connections

    @property
    def sending_lease(self) -> timedelta:
        """How long a message may be on its way before its sender counts as dead."""
        return self.options.sending_lease

    @property
    def leaves_machine(self) -> bool:
        """Messages may reach other machines (SPEC 5)."""
        return self.options.leaves_machine

    @property
    def page(self) -> Path | None:
        """Where a person can look at what was sent, if there is such a place."""
        return self.options.page

    @property
    def reads_webhooks(self) -> bool:
        """What comes back can be told to us, and what says so can be checked."""
        return self.options.reads_webhooks

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        """Check that a request is the provider's, and return what it says of messages."""
        return self.options.read_webhook(request, now=now)

    def read_events(self, body: bytes) -> Sequence[Event]:
        """Return what the body of a webhook says, unchecked, as `EspOptions.read_events`."""
        return self.options.read_events(body)

    def connect(self) -> Esp:
        """Open one connection."""
        return self.options.connect()

    def probe(self) -> str:
        """Find out whether messages would be taken, sending none."""
        return self.options.probe()

    def doubts(self, senders: Sequence[str]) -> Iterator[Doubt]:
        """Ask the account what else may keep messages from these addresses from arriving."""
        return self.options.doubts(senders)


def open_provider(name: str, settings: Settings) -> Provider:
    """Check a provider's section of recmail.toml; nothing is connected yet.

    Raises:
        ConfigError: there is no such section, or it has mistakes: all of them, each at its line.
    """
    table = settings.providers.get(name)
    if table is None:
        there = ", ".join(settings.providers)
        hint = did_you_mean(name, settings.providers) or f"; there are: {there}"
        raise ConfigError([Problem("recmail.toml", 0, 0, f"there is no section [provider.{name}]{hint}")])
    kind = _kind(table, table.values.get("type"))
    return Provider(name, read_options(kind, table, naming="type", folder=settings.folder))


def _kind(table: RawTable, name: object) -> type[EspOptions]:
    known = plugins.names("deliver.esp")
    if name is None:
        raise ConfigError([table.problem(f"type is missing; expected one of {', '.join(known)}")])
    if name not in known:
        hint = did_you_mean(str(name), known) or f"; expected one of {', '.join(known)}"
        raise ConfigError([table.problem(f"found {name!r}{hint}", "type")])
    found: type[EspOptions] = plugins.load("deliver.esp", str(name))
    return found
