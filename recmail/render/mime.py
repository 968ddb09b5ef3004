"""An email as the bytes that a mail server takes: multipart/alternative in ASCII, every header checked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

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
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM.pattern}@{_DOMAIN.pattern}>")
_BRACKETED = re.compile(r"<[!-;=?-~]+>")
_VISIBLE_OR_SPACE = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_ASCII, _VISIBLE = bytes(range(128)), bytes(range(0x20, 0x7F))
_PIECE = re.compile(rb".{76}\Z(?<!=3D)|.{1,75}(?<!=)(?<!=3)")  # of a quoted line; =3D is not cut
_REMEMBERED_BYTES = 1_000  # of the longest line that is kept: some 10 MB at most, however long lines are


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
    """Return a message with text and HTML parts, in lines that end in CRLF.

    All of it is ASCII, unless the recipient's address is not: To then has it in UTF-8 (RFC 6532).
    Equal arguments give equal bytes: the boundary is derived from the message's id.

    Raises:
        RenderError: a header holds a line break, a control character or what its field does not allow.
    """
    lines = [_of_the_run(headers), *_of_the_message(email.subject, headers), "MIME-Version: 1.0"]
    boundary = "=_" + hashlib.sha256(headers.message_id.encode()).hexdigest()[:32]
    lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
    head = "\r\n".join(lines).encode("utf-8")
    separator = f"\r\n--{boundary}\r\n".encode("ascii")
    end = f"\r\n--{boundary}--\r\n".encode("ascii")
    # The last part is the one that clients prefer: RFC 2046 5.1.4.
    parts = separator + _part(email.text, "plain") + separator + _part(email.html, "html")
    return head + b"\r\n" + parts + end


def ascii_address(address: str) -> str:
    """Return an address as every server takes it: its domain in A-labels (RFC 5891).

    Raises:
        RenderError: it is not an address, or the part before the @ is not ASCII.
    """
    if not address.rpartition("@")[0].isascii():
        raise RenderError(
            f"{address!r}: many servers take only ASCII before the @, so a sender must have that"
        )
    return wire_address(address)


def wire_address(address: str) -> str:
    """Return an address as it travels: its domain in A-labels; what is before the @ may need SMTPUTF8.

    Raises:
        RenderError: it is not an address.
    """
    local, at, domain = address.rpartition("@")
    if not at or _BREAKING.search(address):
        raise RenderError(f"{address!r} is not an email address")
    if not local.isascii():
        if email_key(f"{local}@x.example") is None:
            raise RenderError(f"{address!r} is not an email address")
    elif not _DOT_ATOM.fullmatch(local) and not _QUOTED.fullmatch(local):
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


def _of_the_run(headers: MessageHeaders) -> str:
    zone = headers.date.utcoffset()
    if zone is None:
        raise ValueError("a message's date must be aware")
    return _lines_of_the_run(
        (headers.from_, headers.reply_to, headers.list_id, headers.feedback_id),
        date=headers.date,
        zone=zone,
        test=headers.test,
    )


@lru_cache(maxsize=64)
def _lines_of_the_run(
    named: tuple[Mailbox, Mailbox | None, str | None, str | None],
    *,
    date: datetime,
    zone: timedelta,  # in the key of the cache: equal moments in two zones are written differently
    test: bool,
) -> str:
    """Return the headers that are alike in all messages of a run; to write a date takes 60 µs."""
    from_, reply_to, list_id, feedback_id = named
    lines = [_mailbox("From", from_[0], ascii_address(from_[1])), f"Date: {format_datetime(date)}"]
    if reply_to:
        lines.append(_mailbox("Reply-To", reply_to[0], ascii_address(reply_to[1])))
    if list_id:
        lines.append(_in_brackets("List-Id", list_id))
    if feedback_id:
        lines.append(_exact("Feedback-ID", feedback_id, _VISIBLE_OR_SPACE))
    if test:
        lines.append("X-Recmail-Test: yes")
    return "\r\n".join(lines)


def _of_the_message(subject: str, headers: MessageHeaders) -> Iterator[str]:
    yield _mailbox("To", headers.to[0], wire_address(headers.to[1]))
    yield _text("Subject", subject)
    yield _exact("Message-ID", f"<{headers.message_id}>", _MESSAGE_ID)
    if headers.unsubscribe_url:
        yield _in_brackets("List-Unsubscribe", headers.unsubscribe_url)
        if headers.unsubscribe_url.startswith("https://"):
            yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def _in_brackets(field: str, value: str) -> str:
    """Return a header with one id or address on the web."""
    return _exact(field, f"<{value}>", _BRACKETED)


def _exact(field: str, value: str, allowed: re.Pattern[str]) -> str:
    """Return a header that must stay on one line as it is."""
    line = f"{field}: {value}"
    if not allowed.fullmatch(value):
        raise RenderError(f"{field}: {value!r} holds a character that this header cannot carry")
    if len(line) > _LONGEST_LINE:
        raise RenderError(f"{field}: {len(line):,} characters are too long for a header")
    return line


def _mailbox(field: str, name: str, address: str) -> str:
    _refuse_breaks(field, name)
    addressed = f"<{address}>"
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
    # What breaks is never printable; the pattern is for what is neither, such as a non-breaking space.
    if not value.isprintable() and _BREAKING.search(value):
        raise RenderError(f"{field}: {value!r} holds a line break or a control character")


def _encoded_words(value: str) -> str:
    """Return a text as encoded words, one a line, none cutting a character in two (RFC 2047 section 5)."""
    data = value.encode()
    words: list[str] = []
    start = 0
    while start < len(data) or not words:
        end = start + _WORD_BYTES
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        words.append(binascii.b2a_base64(data[start:end], newline=False).decode("ascii"))
        start = end
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def _quoted(lines: list[bytes]) -> Iterator[bytes]:
    """Return lines in quoted-printable; each is independent of the others (RFC 2045 6.7)."""
    return map(_quote_once if max(map(len, lines)) <= _REMEMBERED_BYTES else _quote, lines)


def _quote(line: bytes) -> bytes:
    """Return what `binascii.b2a_qp` does, for lines of ASCII in half of its time."""
    if line.translate(None, _VISIBLE) or line.endswith(b" ") or line == b".":
        return binascii.b2a_qp(line).replace(b"\n", b"\r\n")
    quoted = line.replace(b"=", b"=3D")
    return quoted if len(quoted) < _LINE else b"=\r\n".join(_PIECE.findall(quoted))


# Most lines of a page are the template's, alike in all messages; to quote them is most of a message's cost.
_quote_once = lru_cache(maxsize=16_384)(_quote)


def _part(body: str, subtype: str) -> bytes:
    data = body.encode()
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.endswith(b"\n"):
        data += b"\n"
    # A byte outside ASCII takes three characters in quoted-printable; base64 makes everything a third longer.
    if 2 * len(data.translate(None, _ASCII)) < 0.37 * len(data):
        transfer, encoded = "quoted-printable", b"\r\n".join(_quoted(data.split(b"\n")))
    else:
        flat = base64.b64encode(data.replace(b"\n", b"\r\n"))
        transfer, encoded = "base64", b"\r\n".join(flat[at : at + _LINE] for at in range(0, len(flat), _LINE))
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n"
    return head.encode("ascii") + encoded
