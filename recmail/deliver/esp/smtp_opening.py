"""Opening an SMTP connection: greeting, encryption and login, and what it means when one of them fails."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from recmail.deliver.esp.smtp_replies import Reply, Stage, refusal
from recmail.deliver.esp.smtp_session import Session
from recmail.errors import AccountRefused, TemporaryFailure
from recmail.settings import is_loopback

CONNECT_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Server:
    """Where a server is, and how to get in.

    Attributes:
        tls: starttls, implicit or none.
        login: reads user and password when they are needed; None for no login.
    """

    host: str
    port: int
    tls: str
    ca_file: Path | None
    login: Callable[[], tuple[str, str] | None]

    @property
    def place(self) -> str:
        """The server, for messages."""
        return f"{self.host}:{self.port}"


@lru_cache(maxsize=8)
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


@lru_cache(maxsize=1)
def _own_name() -> str:
    return socket.getfqdn()  # may ask a name server, so only once


def open_session(server: Server) -> Session:
    """Connect, encrypt and log in, as `log_in`."""
    return Session(log_in(server, timeout_s=CONNECT_TIMEOUT_S))


def log_in(server: Server, *, timeout_s: float) -> smtplib.SMTP:
    """Connect, encrypt and log in.

    Raises:
        AccountRefused, TemporaryFailure: as `EspOptions.connect`.
    """
    session: smtplib.SMTP | None = None
    name = "localhost" if is_loopback(server.host) else _own_name()
    try:
        if server.tls == "implicit":
            context = _trust(server.ca_file)
            session = smtplib.SMTP_SSL(server.host, server.port, name, timeout=timeout_s, context=context)
        else:
            session = smtplib.SMTP(server.host, server.port, name, timeout=timeout_s)
        _introduce(session, server)
    except (smtplib.SMTPException, OSError) as error:
        if session is not None:
            session.close()
        raise _opening_error(error, server.place) from error
    return session


def _introduce(session: smtplib.SMTP, server: Server) -> None:
    session.ehlo_or_helo_if_needed()
    if server.tls == "starttls":
        session.starttls(context=_trust(server.ca_file))
        session.ehlo()
    if login := server.login():
        session.login(*login)


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
