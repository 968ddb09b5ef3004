"""What went wrong lately, grouped: servers put a number of their own into every answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from recmail.db.ledger_progress import Errors
from recmail.records import MessageState

_CODE = r"[245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?"  # RFC 5321, section 4.2; RFC 3463
_ADDRESS = r"<?[^\s<>@]+@[^\s<>@,;:)]+>?"
_NUMBERED = r"[^\s,;:()\[\]<>'\"=]*\d[^\s,;:()\[\]<>'\"=]*"
_HEX = r"[0-9A-F]{6,}"  # a queue id may be without a digit
_OWN = re.compile(rf"(?P<code>\b{_CODE}(?=[\s:,]|$))|{_ADDRESS}|\b{_HEX}\b|{_NUMBERED}")
_GAP = "…"


@dataclass(frozen=True)
class ErrorGroup:
    """The same error, but for numbers and addresses in it.

    Attributes:
        state: failed, unknown, or planned: to be tried again.
        text: the error with these left out.
        example: one of the errors as it was.
        user_no: the person whose error that was.
    """

    state: MessageState
    text: str
    times: int
    example: str
    user_no: int


def without_numbers(text: str) -> str:
    """An error without what differs from message to message; the codes of SMTP stay."""
    stripped = _OWN.sub(lambda found: found["code"] or _GAP, " ".join(text.split()))
    return re.sub(rf"{_GAP}(?:\s*{_GAP})+", _GAP, stripped)


def group_errors(errors: Iterable[Errors]) -> list[ErrorGroup]:
    """Group errors, the most common first, then the newest; `errors` come with the newest first."""
    groups: dict[tuple[MessageState, str], ErrorGroup] = {}
    for one in errors:
        key = one.state, without_numbers(one.text)
        known = groups.get(key)
        if known is None:
            groups[key] = ErrorGroup(*key, one.times, one.text, one.user_no)
        else:
            groups[key] = replace(known, times=known.times + one.times)
    return sorted(groups.values(), key=lambda group: -group.times)
