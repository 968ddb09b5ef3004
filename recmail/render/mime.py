"""An email as the bytes that a mail server takes: multipart/alternative in ASCII, every header checked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from recmail.errors import RenderError
from recmail.render.email import Email
from recmail.tokens import email_key

Mailbox = tuple[str, str]
"""A display name (empty if there is none) and an address."""

_LINE = 76  # RFC 2045 6.7 and RFC 2047 2: the longest line of encoded text
_LONGEST_LINE = 998  # RFC 5322 2.1.1, without its CRLF
_WORD_BYTES = 39  # of UTF-8 in one encoded word: "Reply-To: =?utf-8?b?" + 52 + "?=" stays within 76
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
# Docomo and others once gave out addresses with dots in a row or at the end; they need quotes to be valid.
_LOOSE_DOTS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
)
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_VISIBLE_OR_SPACE = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_ASCII = bytes(range(128))


@dataclass(frozen=True)
class MessageHeaders:
    """What stands above one message.

    Args:
        date: aware; fixed with the message, so that the same message gives the same bytes.
        message_id: `left@domain`; angle brackets are added.
        list_id: `topic.domain`; angle brackets are added.
        unsubscribe_url: where one-click unsubscription is taken (RFC 8058), if https.
        feedback_id: for Gmail's postmaster tools, `campaign:customer:type:sender`.
        test: marks a message that somebody sent to see it.
    """

    from_: Mailbox
    to: Mailbox
    date: datetime
    message_id: str
    reply_to: Mailbox | None = None
    list_id: str | None = None
    unsubscribe_url: str | None = None
    feedback_id: str | None = None
    test: bool = False


def build_mime(email: Email, *, headers: MessageHeaders) -> bytes:
    """Return a message with text and HTML parts, in ASCII lines that end in CRLF.

    Equal arguments give equal bytes: the boundary is derived from the message's id.

    Raises:
        RenderError: a header holds a line break, a control character or what its field does not allow.
    """
    boundary = "=_" + hashlib.sha256(headers.message_id.encode()).hexdigest()[:32]
    lines = [*_header_lines(email.subject, headers), "MIME-Version: 1.0"]
    lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    head = "\r\n".join(lines).encode("ascii")
    separator = f"\r\n--{boundary}\r\n".encode("ascii")
    end = f"\r\n--{boundary}--\r\n".encode("ascii")
    # The last part is the one that clients prefer: RFC 2046 5.1.4.
    parts = separator + _part(email.text, "plain") + separator + _part(email.html, "html")
    return head + b"\r\n" + parts + end


def ascii_address(address: str) -> str:
    """Return an address as SMTP takes it without SMTPUTF8: its domain in A-labels (RFC 5891).

    Raises:
        RenderError: it is not an address, or the part before the @ is not ASCII.
    """
    local, at, domain = address.rpartition("@")
    if not at or _BREAKING.search(address):
        raise RenderError(f"{address!r} is not an email address")
    if not local.isascii():
        raise RenderError(f"{address!r}: letters outside ASCII before the @ cannot be delivered yet")
    if not _DOT_ATOM.fullmatch(local) and not _QUOTED.fullmatch(local):
        if not _LOOSE_DOTS.fullmatch(local):
            raise RenderError(f"{address!r} is not an email address")
        local = f'"{local}"'
    return f"{local}@{_ascii_domain(domain, address)}"


def _ascii_domain(domain: str, address: str) -> str:
    if not domain.isascii():
        # As addresses are compared: the standard library's codec is IDNA 2003, which makes ß another domain.
        key = email_key(f"x@{domain}")
        if key is None:
            raise RenderError(f"{address!r}: {domain!r} is not a domain name")
        return key.partition("@")[2]
    if not _DOMAIN.fullmatch(domain):
        raise RenderError(f"{address!r}: {domain!r} is not a domain name")
    return domain


def _header_lines(subject: str, headers: MessageHeaders) -> Iterator[str]:
    yield _mailbox("From", headers.from_)
    yield _mailbox("To", headers.to)
    if headers.reply_to:
        yield _mailbox("Reply-To", headers.reply_to)
    yield _text("Subject", subject)
    if headers.date.tzinfo is None:
        raise ValueError("a message's date must be aware")
    yield f"Date: {format_datetime(headers.date)}"
    yield _exact("Message-ID", f"<{headers.message_id}>", _VISIBLE)
    if headers.list_id:
        yield _exact("List-Id", f"<{headers.list_id}>", _VISIBLE)
    if headers.unsubscribe_url:
        yield _exact("List-Unsubscribe", f"<{headers.unsubscribe_url}>", _VISIBLE)
        if headers.unsubscribe_url.startswith("https://"):
            yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    if headers.feedback_id:
        yield _exact("Feedback-ID", headers.feedback_id, _VISIBLE_OR_SPACE)
    if headers.test:
        yield "X-Recmail-Test: yes"


def _exact(field: str, value: str, allowed: re.Pattern[str]) -> str:
    """Return a header that must stay on one line as it is: ids and addresses on the web."""
    line = f"{field}: {value}"
    inside = value.removeprefix("<").removesuffix(">")
    if not allowed.fullmatch(value) or (allowed is _VISIBLE and re.search("[<>]", inside)):
        raise RenderError(f"{field}: {value!r} holds a character that this header cannot carry")
    if len(line) > _LONGEST_LINE:
        raise RenderError(f"{field}: {len(line):,} characters are too long for a header")
    return line


def _mailbox(field: str, mailbox: Mailbox) -> str:
    name, address = mailbox
    _refuse_breaks(field, name)
    addressed = f"<{ascii_address(address)}>"
    if len(addressed) > _LONGEST_LINE - len(field) - 2:
        raise RenderError(f"{field}: the address is too long")
    if not name:
        return f"{field}: {addressed}"
    if name.isascii() and name == " ".join(name.split()) and len(name) < 60 and "=?" not in name:
        phrase = name if _ATOMS.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    else:
        phrase = _encoded_words(name)
    last_line = phrase.rpartition("\r\n")[2] if "\r\n" in phrase else f"{field}: {phrase}"
    gap = " " if len(last_line) + len(addressed) < _LINE else "\r\n "
    return f"{field}: {phrase}{gap}{addressed}"


def _text(field: str, value: str) -> str:
    _refuse_breaks(field, value)
    words = value.split(" ")
    plain = value.isascii() and "=?" not in value and all(0 < len(word) < 60 for word in words)
    if not plain:
        return f"{field}: {_encoded_words(value)}"
    lines = [f"{field}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _refuse_breaks(field: str, value: str) -> None:
    if _BREAKING.search(value):
        raise RenderError(f"{field}: {value!r} holds a line break or a control character")


def _encoded_words(value: str) -> str:
    """Return a text as encoded words, one a line, none cutting a character in two (RFC 2047 section 5)."""
    chunks, size = [""], 0
    for character in value:
        width = len(character.encode())
        if size + width > _WORD_BYTES:
            chunks.append("")
            size = 0
        chunks[-1] += character
        size += width
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(chunk.encode()).decode()}?=" for chunk in chunks)


def _part(body: str, subtype: str) -> bytes:
    lines = body.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n") + "\n"
    data = lines.replace("\n", "\r\n").encode()
    # A byte outside ASCII takes three characters in quoted-printable; base64 makes everything a third longer.
    if 2 * len(data.translate(None, _ASCII)) < 0.37 * len(data):
        transfer, encoded = "quoted-printable", binascii.b2a_qp(data)
    else:
        flat = base64.b64encode(data)
        transfer, encoded = "base64", b"\r\n".join(flat[at : at + _LINE] for at in range(0, len(flat), _LINE))
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n"
    return head.encode("ascii") + encoded
