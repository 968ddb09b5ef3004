"""What a mail to the return path says: a delivery report (RFC 3464), a complaint (RFC 5965), or a plain text.

Whose message it is about is found by what we put into it: the signed token in the address that the mail came
to (VERP), our id in the envelope (ENVID), the Message-ID or a signed link in the headers that were returned.
Plain texts of old servers count when one of these and a status code stand in them. Anybody may write such a
mail, so nothing of it is believed but what names a message of ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime

from recmail.db.ledger_rows import Key
from recmail.errors import DataError
from recmail.feedback.recording import Returned
from recmail.feedback.soft_bounces import is_policy
from recmail.records import Event, EventKind
from recmail.tokens import LONGEST_MAILBOX_TOKEN, from_mailbox, read_token

MOST_BYTES = 1_000_000
"""Of one mail; the report stands at its beginning, and the returned message behind it."""
_CAME_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Rcpt-To", "To")
_SHORTEST_TOKEN = 40
_IN_MAILBOX = re.compile(rf"[a-z2-7]{{{_SHORTEST_TOKEN},64}}", re.IGNORECASE)
_IN_LINK = re.compile(r"[A-Za-z0-9_-]{34,200}")
_MESSAGE_ID = re.compile(r"^\s*Message-ID:\s*<([^<>\s]+)>", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_ACTIONS = {"failed": EventKind.BOUNCED, "delayed": EventKind.DEFERRED, "delivered": EventKind.DELIVERED}
_MOST_TEXT = 20_000


def read_report(raw: bytes, *, keys: Sequence[bytes], now: datetime) -> list[Returned]:
    """Return what a mail tells of our messages; nothing when it is something else, such as an absence note.

    Args:
        keys: the project's, and those of before.
        now: what a mail dates later happened now.

    Raises:
        DataError: it is too broken to be read.
    """
    try:
        report = _Report(message_from_bytes(raw[:MOST_BYTES]), keys, now)
        return list(report.read())
    # All that the standard library's parser was seen to raise for mail that somebody made to break it.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"cannot be read as mail: {error}") from error


@dataclass(frozen=True)
class _Report:
    mail: Message
    keys: Sequence[bytes]
    now: datetime

    def read(self) -> Iterator[Returned]:
        """What it tells, by its own parts; as a text where it has none."""
        parts = {part.get_content_type(): part for part in self.mail.walk()}
        if "message/delivery-status" in parts:
            yield from self._delivery(parts["message/delivery-status"])
        elif "message/feedback-report" in parts:
            yield from self._complaint(parts["message/feedback-report"])
        elif self._is_of_a_mail_system:
            yield from self._text()

    # --- the three forms --------------------------------------------------------------------------

    def _delivery(self, part: Message) -> Iterator[Returned]:
        """RFC 3464: a group of fields about the message, then one for each recipient."""
        groups = (
            [one for one in part.get_payload() if isinstance(one, Message)] if part.is_multipart() else []
        )
        about = groups[0] if groups else Message()
        envelope_id = _XTEXT.sub(lambda one: chr(int(one[1], 16)), _word(about, "Original-Envelope-Id"))
        for number, group in enumerate(groups):
            kind = _ACTIONS.get(_word(group, "Action").lower())
            if kind is None:
                continue
            said = _text_of(group, "Diagnostic-Code").partition(";")[2].strip() or _text_of(group, "Status")
            yield self._returned(
                kind,
                number,
                status=_status(_word(group, "Status"), said),
                detail=said,
                email=_address(group, "Original-Recipient") or _address(group, "Final-Recipient"),
                message_id=envelope_id,
            )

    def _complaint(self, part: Message) -> Iterator[Returned]:
        """RFC 5965: fields in the body of the part; abuse and fraud are complaints."""
        inner = part.get_payload(0) if part.is_multipart() else part.get_payload(decode=True)
        fields = inner if isinstance(inner, Message) else message_from_bytes(_bytes(inner))
        kind = _word(fields, "Feedback-Type").lower()
        if kind not in ("abuse", "fraud", "virus", "opt-out", "opt-out-list"):
            return
        event = EventKind.UNSUBSCRIBED if kind.startswith("opt-out") else EventKind.COMPLAINED
        sender = _text_of(fields, "Original-Mail-From")
        who = _word(fields, "User-Agent")
        detail = f"{kind}, says {who}" if who else kind
        email = parseaddr(_text_of(fields, "Original-Rcpt-To"))[1] or None
        yield self._returned(event, 0, detail=detail, email=email, tokens=sender)

    def _text(self) -> Iterator[Returned]:
        """Of servers older than RFC 3464, and of some that do not care: qmail, Exim, small appliances."""
        text = _plain(self.mail)
        failed = parseaddr(_text_of(self.mail, "X-Failed-Recipients"))[1] or None
        found = _STATUS.search(text)
        if found is None and failed is None:
            return
        status = found[1] if found else ""
        kind = EventKind.DEFERRED if status.startswith("4") and failed is None else EventKind.BOUNCED
        quoted = _MESSAGE_ID.findall(text)
        line = next((line.strip() for line in text.splitlines() if status and status in line), "")
        message_id = quoted[-1] if quoted else ""
        one = self._returned(kind, 0, status=status, detail=line, email=failed, message_id=message_id)
        if one.row or one.event.message_id:
            yield one

    @property
    def _is_of_a_mail_system(self) -> bool:
        """Not of a person, nor of a machine that answers for one; Auto-Submitted is said of both."""
        sender = parseaddr(_text_of(self.mail, "From"))[1].lower()
        return sender.startswith(("mailer-daemon", "postmaster")) or "X-Failed-Recipients" in self.mail

    # --- whose message ----------------------------------------------------------------------------

    def _returned(
        self,
        kind: EventKind,
        number: int,
        *,
        status: str = "",
        detail: str = "",
        email: str | None = None,
        message_id: str = "",
        tokens: str = "",
    ) -> Returned:
        event = Event(
            key=self._key(number),
            kind=kind,
            at=self._at,
            message_id=message_id.strip("<>") or self._message_id or None,
            email=email,
            status=status,
            dead=kind == EventKind.BOUNCED and is_dead(status),
            detail=" ".join(detail.split()),
            raw=self._raw,
        )
        return Returned(event, self._row(tokens), vouched=False)

    def _row(self, also: str) -> Key | None:
        """The row of the first token of ours, in the addresses it came to, else in the links returned."""
        came_to = " ".join(_text_of(self.mail, name, all_of_them=True) for name in _CAME_TO)
        for text in (came_to, also, _text_of(self._original, "Return-Path")):
            for token in _mailbox_tokens(text):
                if row := self._read(token, "bounce"):
                    return row
        for token in _IN_LINK.findall(_text_of(self._original, "List-Unsubscribe")):
            if row := self._read(token, "unsubscribe"):
                return row
        return None

    def _read(self, token: str, purpose: str) -> Key | None:
        found = read_token(self.keys[0], token, older=self.keys[1:])
        return found[:2] if found is not None and found[2] == purpose else None

    @property
    def _original(self) -> Message:
        """The headers of our message, as far as they came back."""
        for part in self.mail.walk():
            if part.get_content_type() == "text/rfc822-headers":
                return message_from_bytes(_bytes(part.get_payload(decode=True)).lstrip())
            if part.get_content_type() == "message/rfc822" and part.is_multipart():
                inner = part.get_payload(0)
                if isinstance(inner, Message):
                    return inner
        return Message()

    @property
    def _message_id(self) -> str:
        return _word(self._original, "Message-ID").strip("<>")

    # --- the mail itself --------------------------------------------------------------------------

    def _key(self, number: int) -> str:
        """The same for the same report, however often and by whichever way it came."""
        name = _word(self.mail, "Message-ID")
        told = name.encode("utf-8", "replace") if name else self.mail.as_bytes()
        return f"{hashlib.sha256(told).hexdigest()[:40]}.{number}"

    @property
    def _at(self) -> datetime:
        try:
            written = parsedate_to_datetime(_text_of(self.mail, "Date"))
        except ValueError:
            return self.now
        return min(written, self.now) if written.tzinfo else self.now

    @property
    def _raw(self) -> str:
        """The report without the message that it returns, which may hold anything about a person."""
        kept = [part for part in self.mail.walk() if part.get_content_type() in _KEPT]
        heads = "".join(f"{name}: {value}\n" for name, value in self.mail.items() if name.title() in _HEADS)
        return heads + "\n" + "\n".join(part.as_string() for part in kept)[:_MOST_TEXT]


_KEPT = ("message/delivery-status", "message/feedback-report")
_HEADS = ("From", "To", "Date", "Subject", "Message-Id")


def is_dead(status: str) -> bool:
    """Tell whether a status says that an address takes no mail any more, for good.

    RFC 3463: 5.1.x is about the recipient's address (5.1.7 and 5.1.8 about ours), 5.2.1 a mailbox that was
    disabled. A full one (5.2.2) may be read again; 5.7.x is about our name.
    """
    parts = status.split(".")
    if len(parts) != 3 or parts[0] != "5" or is_policy(status):
        return False
    return (parts[1] == "1" and parts[2] not in ("7", "8")) or parts[1:] == ["2", "1"]


def _status(field: str, said: str) -> str:
    """The report's own status; the server's answer where that is 5.0.0, which says nothing."""
    written, quoted = _STATUS.search(field), _STATUS.search(said)
    own = written[1] if written else ""
    return quoted[1] if quoted and (not own or own.endswith(".0.0")) else own


def _mailbox_tokens(text: str) -> Iterator[str]:
    """All tokens that a text may hold, also where letters of the address stand right beside them."""
    for found in _IN_MAILBOX.findall(text):
        longest = min(len(found), LONGEST_MAILBOX_TOKEN)
        for size in range(longest, _SHORTEST_TOKEN - 1, -1):
            for start in range(len(found) - size + 1):
                if token := from_mailbox(found[start : start + size]):
                    yield token


def _text_of(message: Message, name: str, *, all_of_them: bool = False) -> str:
    values = message.get_all(name, [])
    return " ".join(str(value) for value in (values if all_of_them else values[:1]))


def _word(message: Message, name: str) -> str:
    return _text_of(message, name).split(";")[0].split("(")[0].strip()


def _address(group: Message, name: str) -> str | None:
    """The address of a field such as "rfc822; ana@acme.example"."""
    kind, _, address = _text_of(group, name).partition(";")
    found = address.strip().strip("<>")
    return found if kind.strip().lower() in ("rfc822", "utf-8") and "@" in found else None


def _bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode("utf-8", "replace")


def _plain(mail: Message) -> str:
    """The first text of a mail, and of the mail that it returns."""
    texts = [
        _bytes(part.get_payload(decode=True)).decode("utf-8", "replace")
        for part in mail.walk()
        if part.get_content_maintype() == "text" and part.get_content_subtype() != "html"
    ]
    return "\n".join(texts)[:_MOST_TEXT]
