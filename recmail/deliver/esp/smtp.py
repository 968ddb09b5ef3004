"""SMTP: one reused, encrypted connection each thread, and an exact idea of what had left when it broke."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from recmail.deliver.crash import crash_at
from recmail.deliver.esp import EspOptions
from recmail.deliver.esp.smtp_replies import Reply, Stage, refusal
from recmail.errors import AccountRefused, DeliveryError, OutcomeUnknown, RecipientRefused, TemporaryFailure
from recmail.records import Outgoing
from recmail.settings import Secret, is_loopback
from recmail.tokens import email_key

CONNECT_TIMEOUT_S = 30.0
PROBE_TIMEOUT_S = 10.0  # somebody waits for it
COMMAND_TIMEOUT_S = 300.0  # RFC 5321 4.5.3.2
CLOSE_TIMEOUT_S = 5.0
_CHUNK_BYTES = 16_384  # the largest TLS record
_STAGES = (Stage.SENDER, Stage.RECIPIENT, Stage.CONTENT)
_GO_ON = 354
_RELAY_PORTS = (25, 465, 587)  # a server there forwards to the world, on loopback too
_BARE_LINE_END = re.compile(rb"\r\n|\r|\n")


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    path: Path = info.context["folder"] / value if info.context else Path(value)
    if not path.is_file():
        raise ValueError(f"there is no file {value}")
    return path


def _secret(value: object) -> object:
    if value == "":
        return None
    if not isinstance(value, Secret):
        raise ValueError("expected env:NAME or file:PATH")  # noqa: TRY004 - pydantic reads ValueErrors
    return value


class Smtp(EspOptions):
    """[provider.NAME] with type = "smtp".

    Attributes:
        port: 587, or 465 when TLS begins with the connection.
        tls: `none` on loopback only. The server's certificate is always checked.
        ca_file: certificates to trust instead of the machine's, for a private authority.
    """

    reply_timeout_s: ClassVar[float] = 600.0  # RFC 5321 4.5.3.2.6; shorter ones make duplicates
    sending_lease: ClassVar[timedelta] = timedelta(seconds=reply_timeout_s + 60)

    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65_535)
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str | Secret | None = None
    password: Annotated[Secret | None, BeforeValidator(_secret)] = None
    ca_file: Annotated[Path | None, BeforeValidator(_path)] = None

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
        return f"{self.host}:{self.port_no}"

    @property
    def leaves_machine(self) -> bool:
        """False for a server on loopback, unless it looks like a relay."""
        return not is_loopback(self.host) or self.port_no in _RELAY_PORTS

    def login(self) -> tuple[str, str] | None:
        """User and password, read now.

        Raises:
            ConfigError: one of them cannot be read.
        """
        if self.user is None or self.password is None:
            return None
        user = self.user.reveal() if isinstance(self.user, Secret) else self.user
        return user, self.password.reveal()

    def connect(self) -> SmtpConnection:
        """Open one connection: greeting, encryption, login."""
        return SmtpConnection(self)

    def probe(self) -> str:
        """Connect, encrypt, log in and say goodbye, as `EspOptions.probe`; nothing of a message is said."""
        server = _open(self, timeout_s=PROBE_TIMEOUT_S)
        cipher = server.sock.version() if isinstance(server.sock, ssl.SSLSocket) else None
        encrypted = f"encrypts with {cipher}" if cipher else "does not encrypt"
        login = "accepts the login" if self.user else "was asked for no login"
        if not self.user and server.has_extn("auth"):
            login = "offers a login, and there is no user and password"
        _say_goodbye(server)
        return f"{self.place} answers, {encrypted}, {login}"


@lru_cache(maxsize=8)
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


@lru_cache(maxsize=1)
def _own_name() -> str:
    return socket.getfqdn()  # may ask a name server, so only once


def _open(options: Smtp, *, timeout_s: float = CONNECT_TIMEOUT_S) -> smtplib.SMTP:
    """Connect, encrypt and log in.

    Raises:
        AccountRefused, TemporaryFailure: as `EspOptions.connect`.
    """
    server: smtplib.SMTP | None = None
    name = "localhost" if is_loopback(options.host) else _own_name()
    try:
        if options.tls == "implicit":
            context = _trust(options.ca_file)
            server = smtplib.SMTP_SSL(options.host, options.port_no, name, timeout=timeout_s, context=context)
        else:
            server = smtplib.SMTP(options.host, options.port_no, name, timeout=timeout_s)
        _introduce(server, options)
    except (smtplib.SMTPException, OSError) as error:
        if server is not None:
            server.close()
        raise _opening_error(error, options.place) from error
    assert server.sock is not None
    server.sock.settimeout(COMMAND_TIMEOUT_S)
    # The final dot is a packet of its own; without this it would wait for the body's acknowledgement.
    server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server


def _introduce(server: smtplib.SMTP, options: Smtp) -> None:
    server.ehlo_or_helo_if_needed()
    if options.tls == "starttls":
        server.starttls(context=_trust(options.ca_file))
        server.ehlo()
    if login := options.login():
        server.login(*login)


def _opening_error(error: Exception, place: str) -> AccountRefused | TemporaryFailure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return AccountRefused(f"{place}: its certificate is not valid: {error.verify_message}")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        reason = error.reason or str(error)
        return AccountRefused(f"{place} cannot encrypt ({reason}); check port and tls")
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        reply = Reply.of(error.smtp_code, text if isinstance(text, bytes) else str(text).encode())
        found = refusal(Stage.OPENING, reply, place, has_delivered=False)
        return found if isinstance(found, AccountRefused) else TemporaryFailure(str(found))
    if isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(error, smtplib.SMTPException):
        return TemporaryFailure(f"cannot reach {place}: {error}")
    return AccountRefused(f"{place}: {error}")  # no STARTTLS, no AUTH, or no way of AUTH that we know


def _say_goodbye(server: smtplib.SMTP) -> None:
    try:
        if server.sock is not None:
            server.sock.settimeout(CLOSE_TIMEOUT_S)
            server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


class SmtpConnection:
    """One connection; opened again when the server closed it between two messages."""

    def __init__(self, options: Smtp) -> None:
        self._options = options
        self._server: smtplib.SMTP | None = _open(options)
        self._is_fresh = True
        self._has_delivered = False

    def send(self, message: Outgoing) -> str:
        """Deliver one message, as `Esp.send`."""
        body = _stuffed(message.mime)
        try:
            recipient = _ascii(message.recipient)
        except ValueError as error:
            raise RecipientRefused(f"{message.recipient!r} cannot be written in SMTP: {error}") from error
        crash_at("before-envelope")
        server = self._begin(_ascii(message.sender), recipient, len(body))
        reply = self._transfer(server, body)
        if not reply.accepts:
            raise self._refused(Stage.CONTENT, reply)
        self._has_delivered = True
        return reply.queue_id

    def close(self) -> None:
        """Say goodbye, briefly."""
        server, self._server = self._server, None
        if server is not None:
            _say_goodbye(server)

    # --- one message ------------------------------------------------------------------------------

    def _begin(self, sender: str, recipient: str, size_bytes: int) -> smtplib.SMTP:
        """Come to where the body may follow, on a new connection if the server has closed this one."""
        for is_last in (self._is_fresh, True):
            if self._server is None:
                self._server, self._is_fresh, self._has_delivered = _open(self._options), True, False
            server = self._server
            size = f" SIZE={size_bytes}" if server.has_extn("size") else ""
            try:
                stage, reply = self._announce(
                    server, (f"MAIL FROM:<{sender}>{size}", f"RCPT TO:<{recipient}>", "DATA")
                )
            except TemporaryFailure:
                if is_last:
                    raise
                continue
            if reply.closes and stage is Stage.SENDER and not is_last:
                self._drop()
                continue
            self._is_fresh = False
            if stage is Stage.CONTENT and reply.code == _GO_ON:
                return server
            raise self._refused(stage, reply)
        raise AssertionError("the second round returns or raises")

    def _announce(self, server: smtplib.SMTP, commands: tuple[str, ...]) -> tuple[Stage, Reply]:
        """Give the commands before the body; return the first answer that is a no, else the last.

        If the connection breaks here, nothing was accepted. Sent together where the server allows (RFC 2920),
        they take one round trip instead of three.
        """
        together = server.has_extn("pipelining")
        no: tuple[Stage, Reply] | None = None
        command = commands[0]
        try:
            if together:
                server.send("".join(f"{command}\r\n" for command in commands))
            for stage, command in zip(_STAGES, commands, strict=True):
                if not together:
                    server.putcmd(command)
                reply = Reply.of(*server.getreply())
                wanted = reply.code == _GO_ON if stage is Stage.CONTENT else reply.accepts
                no = no or (None if wanted else (stage, reply))
                if no and not together:
                    return no
            if no and reply.code == _GO_ON:  # it waits for a message that has no recipient
                server.docmd(".")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            if no is None:
                place = f"{self._options.place} was lost at {command.split()[0]}"
                raise TemporaryFailure(f"{place}: {error}") from error
        return no or (stage, reply)

    def _transfer(self, server: smtplib.SMTP, body: bytes) -> Reply:
        """Send body and final dot, and wait for the answer.

        The dot is sent by itself: until then the server cannot have accepted the message (RFC 5321 4.1.1.4),
        so whatever breaks before is certain. From then on it may have.
        """
        assert server.sock is not None
        crash_at("before-body")
        try:
            for start in range(0, len(body), _CHUNK_BYTES):
                server.sock.sendall(body[start : start + _CHUNK_BYTES])
                crash_at("mid-body")
        except OSError as error:
            self._drop()
            raise TemporaryFailure(f"{self._options.place} was lost in the message: {error}") from error
        try:
            server.sock.settimeout(self._options.reply_timeout_s)
            server.sock.sendall(b".\r\n")
            crash_at("after-body")
            reply = Reply.of(*server.getreply())
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise OutcomeUnknown(
                f"{self._options.place} took the message and gave no answer: {error}"
            ) from error
        crash_at("after-reply")
        server.sock.settimeout(COMMAND_TIMEOUT_S)
        if not 200 <= reply.code < 600:
            self._drop()
            raise OutcomeUnknown(f"{self._options.place} gave an answer without meaning: {reply}")
        return reply

    def _refused(self, stage: Stage, reply: Reply) -> DeliveryError:
        """What the answer means; the connection is ready for the next message, or closed."""
        error = refusal(stage, reply, self._options.place, has_delivered=self._has_delivered)
        try:
            if reply.closes or reply.code < 400:
                self._drop()
            elif self._server is not None:
                self._server.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()  # the next message opens another
        return error

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def _stuffed(mime: bytes) -> bytes:
    """The body as it travels: CRLF line ends, dots at line starts doubled, a line end at its end.

    smtplib does it by regular expressions in 0.23 of its 0.35 ms a message of 40 KB; this takes 0.03.
    """
    if not mime.count(b"\n") == mime.count(b"\r\n") == mime.count(b"\r"):
        mime = _BARE_LINE_END.sub(b"\r\n", mime)  # a lone LF before a dot could end the message early
    stuffed = mime.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _ascii(address: str) -> str:
    """An address as it may stand in a command, its domain in A-labels; a ValueError where it has none."""
    key, local = email_key(address), address.strip().rpartition("@")[0]
    if key is None or not local.isascii():
        raise ValueError("without SMTPUTF8, which is not spoken yet, it is no address")
    return f"{local}@{key.rpartition('@')[2]}"
