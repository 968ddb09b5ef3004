"""What webhooks of all providers have in common: bodies read safely, times, status codes, dead addresses."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

from recmail.errors import DataError, RefusedError
from recmail.settings.source import UNPRINTABLE

MESSAGE_TAG = "message_id"
"""What our Message-ID is called where a provider gives back what we send along: only that tells which message
an event is about when the provider's answer to the message never came."""

LARGEST_BYTES = 2_000_000  # SendGrid's batches are the largest, under 768 kB; SNS stops at 256 kB
AHEAD = timedelta(minutes=5)  # what clocks may differ
_DETAIL, _URL = 1_000, 2_000  # letters that are kept
_LONGEST_ID = 200

# RFC 3463 and RFC 7505: no such mailbox, a domain without mail, a mailbox that is switched off.
_NO_SUCH_ADDRESS = {"5.1.1", "5.1.10", "5.2.1"}
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
_UNSPECIFIC = re.compile(r"5\.0\.\d+|5\.1\.0")
# What says so itself; and what Apple's Mail calls itself when it fetches all pictures of all mail in advance.
_ROBOT = re.compile(
    r"(?<!cu)bot\b|crawler|spider|scanner|preview|python-|curl/|go-http-client|\AMozilla/5\.0\Z",
    re.IGNORECASE,
)


def check_size(body: bytes) -> None:
    """Refuse what no provider sends, before anything is computed of it.

    Raises:
        RefusedError: the body is too large.
    """
    if len(body) > LARGEST_BYTES:
        raise RefusedError(f"the body has {len(body):,} bytes; no provider sends more than {LARGEST_BYTES:,}")


def read_json(body: bytes | str) -> Any:
    """Read a body whose sender is known.

    Raises:
        DataError: it is not JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DataError("the body is not JSON") from error


def check_age(at: datetime, now: datetime, *, most: timedelta) -> None:
    """Refuse a replay.

    Raises:
        RefusedError: it was signed too long ago, or in the future.
    """
    if at < now - most:
        raise RefusedError(f"it was signed {now - at} ago; after {most} it counts as a replay")
    if at > now + AHEAD:
        raise RefusedError(f"it was signed {at - now} in the future; is this machine's clock right?")


def read_seconds(value: object) -> datetime | None:
    """Read seconds since 1970; None when they are no time."""
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_time(value: object) -> datetime | None:
    """Read a time in ISO 8601, UTC where it names no zone; None when it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found and (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def dated(at: datetime | None, now: datetime | None) -> datetime:
    """When an event happened; `now` for one that does not say and has just come.

    Raises:
        DataError: it does not say, and has not just come.
    """
    if at is None and now is None:
        raise DataError("the event says no time")
    return at or now  # type: ignore[return-value]  # one of them is there


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one: what is missing in an event must not lose it."""
    return value if isinstance(value, dict) else {}


def first(value: object) -> object:
    """The first of a JSON array, None without one."""
    return value[0] if isinstance(value, list) and value else None


def words(value: object, *, most: int = _DETAIL) -> str:
    """A provider's words as a database and a terminal can take them, and not endless; empty without any."""
    return UNPRINTABLE.sub(" ", value[:most]).strip() if isinstance(value, str) else ""


def address(value: object) -> str | None:
    """The address of "a@b.example" or "Ana <a@b.example>"; None without one."""
    return parseaddr(words(value))[1] or None


def link(value: object) -> str | None:
    """What was clicked; None when unknown."""
    return words(value, most=_URL) or None


def own_message_id(value: object) -> str | None:
    """Our Message-ID, without angle brackets; None when unknown."""
    return words(value).strip("<> ") or None


def raw(event: object) -> str:
    """One event as JSON, in ASCII: halves of letters and zero bytes stay escaped."""
    return json.dumps(event, separators=(",", ":"))


def event_key(event_id: object, *event: object) -> str:
    """The same text for the same event however often it comes.

    Args:
        event_id: the provider's; empty or endless ones are none.
        event: what the event consists of, to be hashed where it has no id.
    """
    known = str(event_id) if isinstance(event_id, str | int) else ""
    if 0 < len(known) <= _LONGEST_ID and known.isascii() and known.isprintable():
        return known
    content = json.dumps([known, *event], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def find_status(*texts: object) -> str:
    """The most telling status of RFC 3463 in what a server said; empty without any."""
    found = [status for one in texts if isinstance(one, str) for status in _STATUS.findall(one[:_DETAIL])]
    return next((one for one in found if not _UNSPECIFIC.fullmatch(one)), next(iter(found), ""))


def is_dead(status: str, *, provider_says_so: bool) -> bool:
    """Return whether a bounce for good means that the address does not exist.

    The status decides where it tells anything: 5.7.1 is about us, whatever the provider calls it.
    """
    return status in _NO_SUCH_ADDRESS or (
        provider_says_so and (not status or _UNSPECIFIC.fullmatch(status) is not None)
    )


def is_robot(user_agent: object) -> bool:
    """Return whether what opened or clicked says itself that it is no person."""
    return isinstance(user_agent, str) and _ROBOT.search(user_agent.strip()) is not None
