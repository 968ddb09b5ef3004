"""What an SMTP server's answers mean for the message, the recipient and our account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from recmail.errors import (
    AccountRefused,
    DeliveryError,
    MessageRefused,
    RecipientRefused,
    TemporaryFailure,
)

_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})\b")
# Postfix says "queued as 4bX", Exim "id=1rX"; of SES and Gmail the whole text is kept.
_QUEUE_ID = re.compile(r"(?:queued as |\bid=)(\S+)")
_GREYLISTED = re.compile(r"gr[ae]y-?list", re.IGNORECASE)
_LONGEST_ID = 200
_CLOSING = 421
# RFC 4954 section 6: we have to log in, or our login was not good enough.
_ABOUT_OUR_LOGIN = {530, 534, 535, 538}
# RFC 3463: 1.7 and 1.8 are the sender's address, 7.8 our credentials. Gmail says 5.4.5 when the account has
# used up its day's limit.
_ABOUT_US = {(1, 7), (1, 8), (4, 5), (7, 8)}
_TOO_LARGE = {(2, 3), (3, 4)}


class Stage(StrEnum):
    """How far a message had come when the server answered."""

    OPENING = "the connection"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    CONTENT = "the message"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer: its code, and its lines as one."""

    code: int
    text: str

    @classmethod
    def of(cls, code: int, text: bytes) -> Reply:
        """Read what smtplib returns."""
        return cls(code, " ".join(text.decode("utf-8", "replace").split()))

    @property
    def accepts(self) -> bool:
        """The server did what it was asked to."""
        return 200 <= self.code < 300

    @property
    def closes(self) -> bool:
        """The server ends the connection."""
        return self.code == _CLOSING

    @property
    def slows(self) -> bool:
        """The server wants fewer messages from us; greylisting only wants this one later."""
        about_policy = 400 <= self.code < 500 and self.enhanced is not None and self.enhanced[0] == 7
        return (self.closes or about_policy) and not _GREYLISTED.search(self.text)

    @property
    def enhanced(self) -> tuple[int, int] | None:
        """Subject and detail of the enhanced status code (RFC 3463), if it gives one."""
        found = _ENHANCED.match(self.text)
        return (int(found[1]), int(found[2])) if found else None

    @property
    def queue_id(self) -> str:
        """What to look for in the server's log."""
        found = _QUEUE_ID.search(self.text)
        return found[1].rstrip(".;,)") if found else _ENHANCED.sub("", self.text).strip()[:_LONGEST_ID]

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def refusal(stage: Stage, reply: Reply, place: str, *, has_delivered: bool) -> DeliveryError:
    """The error that an answer other than yes stands for.

    Args:
        place: the server, for the message.
        has_delivered: this connection has delivered a message before, so the account as such is good.
    """
    said = f"{place} answered {stage} with {reply}"
    if not 500 <= reply.code < 600:
        # Also what makes no sense: nothing was accepted, so asking again is safe.
        return TemporaryFailure(said, slows=reply.slows)
    if stage is Stage.OPENING or reply.code in _ABOUT_OUR_LOGIN or reply.enhanced in _ABOUT_US:
        return AccountRefused(said)
    if stage is Stage.SENDER:
        # All messages have the same sender, so what is refused here is refused to all, except a size.
        too_large = reply.enhanced in _TOO_LARGE or (reply.enhanced is None and reply.code == 552)
        return MessageRefused(said) if too_large else AccountRefused(said)
    if stage is Stage.RECIPIENT and "relay" in reply.text.lower() and not has_delivered:
        # "Relay access denied": a server that does not know us says so of every recipient, and not one of
        # them is at fault. On a connection that has delivered, it does concern this one.
        return AccountRefused(said)
    about = reply.enhanced[0] if reply.enhanced else None
    if stage is Stage.RECIPIENT or about in (1, 2):
        return RecipientRefused(said, dead=about == 1)
    return MessageRefused(said)
