"""A finished message taken apart again, for providers that want its parts and build the MIME themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

from recmail.records import Outgoing

# What each API has fields of its own for, or makes itself when it builds the message again.
_BUILT_THERE = {
    "from", "to", "cc", "bcc", "subject", "reply-to", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding",
}  # fmt: skip


@dataclass(frozen=True)
class Mailbox:
    """A display name (empty if there is none) and an address."""

    name: str
    address: str

    def __str__(self) -> str:
        """As a header would have it, in Unicode; a name is always quoted, so that a comma in it is no end."""
        if not self.name:
            return self.address
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>'


@dataclass(frozen=True)
class Parts:
    """What one message says, in Unicode, with line ends of one character.

    Attributes:
        html: empty when there is none.
        headers: those that are neither a field here nor made by whoever builds the message.
    """

    sender: Mailbox
    recipient: Mailbox
    reply_to: Mailbox | None
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]


def take_apart(outgoing: Outgoing) -> Parts:
    """Read a finished message; who it is from and to is the envelope's word, names are the headers'."""
    message = message_from_bytes(outgoing.mime)
    reply_to = _mailbox(message, "Reply-To")
    bodies = {part.get_content_type(): _body(part) for part in message.walk() if not part.is_multipart()}
    return Parts(
        sender=Mailbox(_mailbox(message, "From").name, outgoing.sender),
        recipient=Mailbox(_mailbox(message, "To").name, outgoing.recipient),
        reply_to=reply_to if reply_to.address else None,
        subject=outgoing.subject,
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html", ""),
        headers={name: _text(value) for name, value in message.items() if name.lower() not in _BUILT_THERE},
    )


def _mailbox(message: Message, header: str) -> Mailbox:
    name, address = parseaddr(str(message.get(header, "")))
    return Mailbox(_text(name), address)


def _text(value: object) -> str:
    try:
        decoded = str(make_header(decode_header(str(value))))
    except (HeaderParseError, LookupError, ValueError):
        decoded = str(value)
    return "".join(decoded.splitlines())  # folded headers


def _body(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    return data.decode(part.get_content_charset("utf-8"), "replace").replace("\r\n", "\n")
