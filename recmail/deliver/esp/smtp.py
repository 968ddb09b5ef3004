"""SMTP: any mail server or relay, over encrypted connections that are used again and again."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from recmail.deliver.esp import EspOptions
from recmail.deliver.esp.smtp_connection import Connection
from recmail.deliver.esp.smtp_opening import Server, log_in
from recmail.deliver.esp.smtp_session import Session
from recmail.settings import Secret, as_secret, is_loopback
from recmail.tokens import LONGEST_MAILBOX_TOKEN, email_key

PROBE_TIMEOUT_S = 10.0  # somebody waits for it
_RELAY_PORTS = (25, 465, 587)  # a server there forwards to the world, on loopback too


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    path: Path = info.context["folder"] / value if info.context else Path(value)
    if not path.is_file():
        raise ValueError(f"there is no file {value}")
    return path


def _secret(value: object) -> object:
    return None if value == "" else as_secret(value)


def _return_path(value: object) -> object:
    if not isinstance(value, str):
        return value
    local, at, domain = value.rpartition("@")
    filled = local.replace("{token}", "a" * LONGEST_MAILBOX_TOKEN)
    if local.count("{token}") != 1 or not value.isascii() or email_key(f"{filled}{at}{domain}") is None:
        raise ValueError(
            f"found {value!r}; expected an address with {{token}} before its @, such as "
            "b+{token}@bounces.acme.example"
        )
    return value


class Smtp(EspOptions):
    """[provider.NAME] with type = "smtp".

    Attributes:
        port: 587, or 465 when TLS begins with the connection.
        tls: `none` on loopback only. The server's certificate is always checked.
        ca_file: certificates to trust instead of the machine's, for a private authority.
        bounces: where bounces go instead of the sender's address, so that each tells whom it is about
            (VERP): "b+{token}@bounces.acme.example"; the token is signed and holds no address.
    """

    reply_timeout_s: ClassVar[float] = 600.0  # RFC 5321 4.5.3.2.6; shorter ones make duplicates
    sending_lease: ClassVar[timedelta] = timedelta(seconds=reply_timeout_s + 60)

    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65_535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str | Secret | None = None
    password: Annotated[Secret | None, BeforeValidator(_secret)] = None
    ca_file: Annotated[Path | None, BeforeValidator(_path)] = None
    bounces: Annotated[str | None, BeforeValidator(_return_path)] = None

    @field_validator("tls")
    @classmethod
    def _encrypted(cls, tls: str, info: ValidationInfo) -> str:
        if tls == "none" and not is_loopback(info.data.get("host", "")):
            raise ValueError("none is for servers on this machine only; expected starttls or implicit")
        return tls

    @model_validator(mode="after")
    def _whole_login(self) -> Smtp:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        # Read now, so that a missing variable is said before the first message, not at it.
        if not "".join(self.login() or ()).isascii():
            raise ValueError("user and password must be ASCII: the library that logs in takes nothing else")
        return self

    @property
    def port_no(self) -> int:
        """The port to connect to."""
        return self.port or (465 if self.tls == "implicit" else 587)

    @property
    def place(self) -> str:
        """The server, for messages."""
        return self._server.place

    @property
    def _server(self) -> Server:
        return Server(self.host, self.port_no, self.tls, self.ca_file, self.login)

    @property
    def leaves_machine(self) -> bool:
        """False for a server on loopback, unless it looks like a relay."""
        return not is_loopback(self.host) or self.port_no in _RELAY_PORTS

    @property
    def bounce_domain(self) -> str | None:
        """Of the return path, as name servers know it."""
        key = email_key(self.bounces.replace("{token}", "x")) if self.bounces else None
        return key.rpartition("@")[2] if key else None

    def login(self) -> tuple[str, str] | None:
        """User and password, read now.

        Raises:
            ConfigError: one of them cannot be read.
        """
        if self.user is None or self.password is None:
            return None
        user = self.user.reveal() if isinstance(self.user, Secret) else self.user
        return user, self.password.reveal()

    def connect(self) -> Connection:
        """Open one connection: greeting, encryption, login."""
        timeout_s = self.reply_timeout_s
        return Connection(self._server, reply_timeout_s=timeout_s, return_path=self.bounces)

    def probe(self) -> str:
        """Connect, encrypt, log in and say goodbye, as `EspOptions.probe`; nothing of a message is said."""
        session = log_in(self._server, timeout_s=PROBE_TIMEOUT_S)
        cipher = session.sock.version() if isinstance(session.sock, ssl.SSLSocket) else None
        encrypted = f"encrypts with {cipher}" if cipher else "does not encrypt"
        login = "accepts the login" if self.user else "was asked for no login"
        if not self.user and session.has_extn("auth"):
            login = "offers a login, and there is no user and password"
        Session(session).quit()
        return f"{self.place} answers, {encrypted}, {login}"
