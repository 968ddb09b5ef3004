"""The links of a tracked email: each is signed, and so is where it leads: following it needs no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from recmail.tokens import Signer, read_token

LONGEST_URL = 1_500
"""Letters of an address that is tracked; with its token's others it stays below what any program cuts at."""
OPENED = "open"
"""The purpose of the token of the picture that tells of an opening."""
_CLICK = "click"
_LONGEST_TOKEN = 2_400
# What may stand in an address as it is, beside letters and digits: RFC 3986, section 2, and the % of what is
# quoted already.
_AS_IT_IS = ":/?#[]@!$&'()*+,;=-._~%"


class Place(NamedTuple):  # a frozen dataclass takes three times as long to make, for each link of an email
    """Where a course stands in an email.

    Attributes:
        block: the name of the campaign's block that shows it.
        position: among the courses of its block, from 0.
        is_fallback: another block filled up for it.
    """

    block: str
    course_no: int
    position: int
    is_fallback: bool


@dataclass(frozen=True, slots=True)
class TrackedLink:
    """One link of one person's email.

    Attributes:
        number: of its address among those of the message, from 0.
        url: where it leads, in ASCII.
        place: of the course that it leads to; None when it leads to none.
    """

    run_no: int
    user_no: int
    number: int
    url: str
    place: Place | None


def link_token(signer: Signer, number: int, url: str, place: Place | None) -> str | None:
    """Return the signed token of a link; None when the address is too long to be tracked."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        url = quote(url, safe=_AS_IT_IS)
    if len(url) > LONGEST_URL:
        return None
    where = "-"
    if place is not None:
        block, course_no, position, is_fallback = place
        where = f"{block}/{course_no}/{position}{'/f' if is_fallback else ''}"
    return signer.sign(f"{_CLICK} {number} {where} {url}")


def read_link(key: bytes, token: str, *, older: Sequence[bytes] = ()) -> TrackedLink | None:
    """Return the link that a token stands for; None when we did not sign it, or for something else."""
    signed = read_token(key, token, older=older, longest=_LONGEST_TOKEN)
    if signed is None or not signed[2].startswith(f"{_CLICK} "):
        return None
    run_no, user_no, purpose = signed
    _, number, where, url = purpose.split(" ", 3)
    place = None
    if where != "-":
        block, course_no, position, *fallback = where.split("/")
        place = Place(block, int(course_no), int(position), bool(fallback))
    return TrackedLink(run_no, user_no, int(number), url, place)


def read_opening(key: bytes, token: str, *, older: Sequence[bytes] = ()) -> tuple[int, int] | None:
    """Return run_no and user_no of the email whose picture this token is of; None when it is none of ours."""
    signed = read_token(key, token, older=older)
    return signed[:2] if signed is not None and signed[2] == OPENED else None
