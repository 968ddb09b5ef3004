"""Bounces out of an IMAP folder (RFC 9051): unread mails, flagged as seen afterwards; none is deleted."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from recmail.errors import AccountRefused, TemporaryFailure
from recmail.feedback.bounce_report import MOST_BYTES
from recmail.feedback.mailbox import AT_ONCE, ImapOptions, Mail
from recmail.settings.secret import HIDDEN

_TIMEOUT_S = 60.0
_UID = re.compile(rb"\bUID (\d+)")


class ImapFolder:
    """A folder that was selected."""

    def __init__(self, session: imaplib.IMAP4) -> None:
        self._session = session

    def unread(self) -> Iterator[Sequence[Mail]]:
        """Give the mails that are not flagged as seen; PEEK does not flag them."""
        _, found = self._session.uid("SEARCH", "UNSEEN")
        uids = (found[0] or b"").decode("ascii").split()
        for start in range(0, len(uids), AT_ONCE):
            numbers = ",".join(uids[start : start + AT_ONCE])
            _, answers = self._session.uid("FETCH", numbers, f"(UID BODY.PEEK[]<0.{MOST_BYTES}>)")
            yield [_mail(answers, at) for at, one in enumerate(answers) if isinstance(one, tuple)]

    def mark_read(self, mails: Sequence[Mail]) -> None:
        """Flag mails as seen."""
        if mails:
            numbers = ",".join(mail.name for mail in mails)
            self._session.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Seen)")


def _mail(answers: Sequence[Any], at: int) -> Mail:
    """One mail of an answer; its number stands before the text of the mail, or behind it."""
    before, text = answers[at]
    behind = answers[at + 1] if at + 1 < len(answers) and isinstance(answers[at + 1], bytes) else b""
    found = _UID.search(before) or _UID.search(behind)
    if found is None:
        raise ValueError("the server sent a mail without its number")
    return Mail(found[1].decode("ascii"), text)


@contextmanager
def open_imap(options: ImapOptions, *, timeout_s: float = _TIMEOUT_S) -> Iterator[ImapFolder]:
    """Connect, encrypt, log in and select the folder.

    Raises:
        AccountRefused: the certificate, the login or the folder is not accepted.
        TemporaryFailure: it cannot be reached, or the connection broke.
    """
    place = options.place
    session: imaplib.IMAP4 | None = None
    try:
        session = _connected(options, timeout_s)
        yield _selected(session, options)
    except ssl.SSLCertVerificationError as error:
        raise AccountRefused(f"{place}: its certificate is not valid: {error.verify_message}") from error
    except imaplib.IMAP4.abort as error:
        raise TemporaryFailure(f"{place}: the connection broke: {_hidden(str(error), options)}") from error
    except imaplib.IMAP4.error as error:
        raise AccountRefused(f"{place}: {_hidden(_said(error), options)}") from error
    except (OSError, ValueError) as error:  # ValueError: an answer without what was asked for
        raise TemporaryFailure(f"cannot read from {place}: {error}") from error
    finally:
        if session is not None:
            with suppress(imaplib.IMAP4.error, OSError):
                session.logout()
            with suppress(OSError):
                session.shutdown()  # which a goodbye to a broken connection leaves out


def _connected(options: ImapOptions, timeout_s: float) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if options.tls == "implicit":
        return imaplib.IMAP4_SSL(options.host, options.port_no, ssl_context=context, timeout=timeout_s)
    session = imaplib.IMAP4(options.host, options.port_no, timeout=timeout_s)
    if options.tls == "starttls":
        session.starttls(context)
    return session


def _selected(session: imaplib.IMAP4, options: ImapOptions) -> ImapFolder:
    user, password = options.login()
    session.login(user, password)
    answer, said = session.select(f'"{options.folder}"')
    if answer != "OK":
        raise imaplib.IMAP4.error(f"folder {options.folder}: {_said(said[0])}")
    return ImapFolder(session)


def _hidden(text: str, options: ImapOptions) -> str:
    """What is said without the password, which a careless server repeats."""
    return text.replace(options.password.reveal(), HIDDEN)


def _said(what: object) -> str:
    """The server's words; imaplib raises them as the bytes that came."""
    found = what.args[0] if isinstance(what, Exception) and what.args else what
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
