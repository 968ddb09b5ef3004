"""[bounces.NAME] of recmail.toml: where mail to the return path arrives, a Maildir or an IMAP folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from recmail.errors import ConfigError, did_you_mean
from recmail.settings import RawTable, Secret, Settings, as_secret, is_loopback
from recmail.settings.plugin_section import read_options

EXAMPLE = """\
[bounces.returned]
type = "imap"
host = "imap.acme.example"
user = "bounces"
password = "env:BOUNCES_PASSWORD"
"""
_PROBE_TIMEOUT_S = 10.0  # somebody waits for it
AT_ONCE = 100
"""Mails that are read, written down and then marked as read, before the next ones."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One unread mail; `name` is how its mailbox calls it."""

    name: str
    raw: bytes


class OpenMailbox(Protocol):
    """A mailbox that is being read."""

    def unread(self) -> Iterator[Sequence[Mail]]:
        """Give the unread mails, AT_ONCE at a time; those that are not marked come again another time."""

    def mark_read(self, mails: Sequence[Mail]) -> None:
        """Mark mails as read: what they tell is written down."""


class MailboxOptions(BaseModel, ABC):
    """What each type of mailbox derives from: its fields are the keys of its [bounces.NAME] section."""

    model_config = ConfigDict(
        defer_build=True, frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )

    @abstractmethod
    def open(self) -> AbstractContextManager[OpenMailbox]:
        """Open it for reading.

        Raises:
            AccountRefused, TemporaryFailure: it cannot be read, or not now.
        """

    @abstractmethod
    def probe(self) -> str:
        """Find out whether it can be read, and leave it as it is; return where it is.

        Raises:
            AccountRefused, TemporaryFailure, ConfigError: it cannot.
        """

    @property
    def leaves_machine(self) -> bool:
        """It is on another machine."""
        return False


def _folder(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    path: Path = info.context["folder"] / value if info.context else Path(value)
    if not all((path / name).is_dir() for name in ("cur", "new")):
        raise ValueError(f"found {value!r}; expected the folder of a Maildir, with cur and new in it")
    return path


class MaildirOptions(MailboxOptions):
    """[bounces.NAME] with type = "maildir": what a mail server of this machine delivers into."""

    folder: Annotated[Path, BeforeValidator(_folder)]

    def open(self) -> AbstractContextManager[OpenMailbox]:
        """Open it for reading."""
        from recmail.feedback.maildir import open_maildir

        return open_maildir(self.folder)

    def probe(self) -> str:
        """Find out whether it can be read, as `MailboxOptions.probe`."""
        with self.open() as opened:
            next(opened.unread(), ())
        return str(self.folder)


class ImapOptions(MailboxOptions):
    """[bounces.NAME] with type = "imap".

    Attributes:
        port: 993, or 143 with starttls and without encryption.
        tls: `none` on loopback only. The server's certificate is always checked.
    """

    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65_535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    user: str | Secret
    password: Annotated[Secret, BeforeValidator(as_secret)]
    folder: str = Field("INBOX", min_length=1, pattern=r"^[ !#-\[\]-~]+$")

    @field_validator("tls")
    @classmethod
    def _encrypted(cls, tls: str, info: ValidationInfo) -> str:
        if tls == "none" and not is_loopback(info.data.get("host", "")):
            raise ValueError("none is for servers on this machine only; expected implicit or starttls")
        return tls

    @property
    def port_no(self) -> int:
        """The port to connect to."""
        return self.port or (993 if self.tls == "implicit" else 143)

    @property
    def place(self) -> str:
        """The server, for messages."""
        return f"{self.host}:{self.port_no}"

    def login(self) -> tuple[str, str]:
        """User and password, read now."""
        return self.user.reveal() if isinstance(self.user, Secret) else self.user, self.password.reveal()

    def open(self) -> AbstractContextManager[OpenMailbox]:
        """Open it for reading."""
        from recmail.feedback.imap import open_imap

        return open_imap(self)

    def probe(self) -> str:
        """Log in, select the folder and leave, as `MailboxOptions.probe`."""
        from recmail.feedback.imap import open_imap

        with open_imap(self, timeout_s=_PROBE_TIMEOUT_S):
            return f"{self.folder} at {self.place}"

    @property
    def leaves_machine(self) -> bool:
        """False for a server on loopback."""
        return not is_loopback(self.host)


_TYPES: dict[str, type[MailboxOptions]] = {"maildir": MaildirOptions, "imap": ImapOptions}


@dataclass(frozen=True)
class Mailbox:
    """One [bounces.NAME] of recmail.toml, checked."""

    name: str
    options: MailboxOptions


def read_mailboxes(settings: Settings) -> list[Mailbox]:
    """Check all [bounces.NAME]; nothing is opened yet.

    Raises:
        ConfigError: they have mistakes: all of them, each at its line.
    """
    found, problems = [], []
    for name, table in settings.bounces.items():
        try:
            kind = _type(table)
            found.append(Mailbox(name, read_options(kind, table, naming="type", folder=settings.folder)))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return found


def _type(table: RawTable) -> type[MailboxOptions]:
    name = table.values.get("type")
    if name is None:
        raise ConfigError([table.problem(f"type is missing; expected one of {', '.join(_TYPES)}")])
    if name not in _TYPES:
        hint = did_you_mean(str(name), _TYPES) or f"; expected one of {', '.join(_TYPES)}"
        raise ConfigError([table.problem(f"found {name!r}{hint}", "type")])
    return _TYPES[str(name)]
