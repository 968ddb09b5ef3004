"""Addresses made comparable and private, and the signed tokens that links carry instead of addresses."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_ATOM = r"[^\x00-\x20\x7f\"(),:;<>@\[\\\].]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MAC_BYTES = 16
# The zero byte keeps tokens apart from email hashes under the same key: no email key holds one.
_LINK = b"recmail link\0"
_MAX_TOKEN_LENGTH = 200
LONGEST_MAILBOX_TOKEN = 52
"""What `in_mailbox` makes of the longest token; it leaves a dozen of the 64 octets before an @."""


def email_key(address: str) -> str | None:
    """Return the address in the form that is compared: lower case, domain as A-labels; None when unusable.

    Unusable is what no ordinary mailbox has and what could not go into a header as it is: no dot in the
    domain, spaces, controls, quotes, angle brackets, a second @, more than 254 octets (RFC 5321, 4.5.3.1.3).
    Letters outside ASCII before the @ are in order (RFC 6531); the server says whether it can deliver them.
    Not so a letter that is ASCII in lower case, like the Kelvin sign: it would pass for somebody else.

    Domains follow IDNA 2008 and not the standard library's codec of 2003, which turns "faß.example" into
    "fass.example": somebody else's domain.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or not local.isprintable() or not _LOCAL_PART.fullmatch(local):
        return None
    was_ascii = local.isascii()
    local, domain = _composed(_composed(local).lower()), _composed(domain).lower()
    labels = [_a_label(label) for label in re.split("[.\u3002\uff0e\uff61]", domain)]
    if len(labels) < 2 or not all(labels) or (labels[-1] or "").isdigit() or local.isascii() != was_ascii:
        return None
    key = f"{local}@{'.'.join(label for label in labels if label)}"
    return key if len(local.encode()) <= 64 and len(key.encode()) <= 254 else None


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _a_label(label: str) -> str | None:
    if not label.isascii():
        label = unicodedata.normalize("NFKC", label).lower()
        if not all(unicodedata.category(letter)[0] in "LMN" or letter == "-" for letter in label):
            return None
        if not label.isascii():
            label = "xn--" + label.encode("punycode").decode("ascii")
    return label if _LABEL.fullmatch(label) else None


def email_hash(key: bytes, email_key: str) -> str:
    """Return the HMAC-SHA-256 of an email key, hex: suppressions outlive erasure and keep no address."""
    return hmac.new(key, email_key.encode(), hashlib.sha256).hexdigest()


def sign(key: bytes, run_no: int, user_no: int, purpose: str) -> str:
    """Return a URL-safe token that says who clicked and what for, without any address in it."""
    return Signer(key, run_no, user_no).sign(purpose)


class Signer:
    """Signs tokens of one message; what they have in common is worked out once, which takes half the time."""

    def __init__(self, key: bytes, run_no: int, user_no: int) -> None:
        self._begin = bytes([_key_id(key)]) + _number(run_no) + _number(user_no)
        self._hash = hmac.new(key, _LINK + self._begin, hashlib.sha256)

    def sign(self, purpose: str) -> str:
        """Return the token of a purpose, as `sign` does."""
        end = purpose.encode("ascii")
        mac = self._hash.copy()
        mac.update(end)
        signed = self._begin + end + mac.digest()[:_MAC_BYTES]
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii")


def read_token(
    key: bytes, token: str, *, older: Sequence[bytes] = (), longest: int = _MAX_TOKEN_LENGTH
) -> tuple[int, int, str] | None:
    """Return (run_no, user_no, purpose) of a token that we signed, else None.

    Args:
        older: keys of before, so that links in emails already delivered still work after a new key was made.
        longest: letters; what is longer is none of ours, and not even decoded.
    """
    signed = _decoded(token, longest)
    if signed is None or len(signed) < _MAC_BYTES + 3:
        return None
    body, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    for candidate in (key, *older):
        if _key_id(candidate) == body[0] and hmac.compare_digest(_mac(candidate, body), mac):
            run_no, rest = _split_number(body[1:])
            user_no, purpose = _split_number(rest)
            return run_no, user_no, purpose.decode("ascii")
    return None


def in_mailbox(token: str) -> str:
    """Return a token in letters that may stand before an @, where servers may change their case."""
    signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return base64.b32encode(signed).rstrip(b"=").decode("ascii").lower()


def from_mailbox(text: str) -> str | None:
    """Return the token that `in_mailbox` wrote, for `read_token`; None when it is no such text."""
    if len(text) > LONGEST_MAILBOX_TOKEN or not text.isascii():
        return None
    try:
        signed = base64.b32decode(text + "=" * (-len(text) % 8), casefold=True)
    except binascii.Error:
        return None
    token = base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii")
    return token if in_mailbox(token) == text.lower() else None


@lru_cache(maxsize=8)
def _key_id(key: bytes) -> int:
    return hashlib.sha256(b"recmail key id\0" + key).digest()[0]


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, _LINK + body, hashlib.sha256).digest()[:_MAC_BYTES]


def _decoded(token: str, longest: int) -> bytes | None:
    if len(token) > longest or not token.isascii():
        return None
    try:
        signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # The last letter may hold bits that decode to nothing; one token has one spelling.
    return signed if base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii") == token else None


def _number(value: int) -> bytes:
    """Seven bits a byte, lowest first, the high bit on all but the last."""
    if value < 0:
        raise ValueError(f"a token's number cannot be negative: {value}")
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _split_number(data: bytes) -> tuple[int, bytes]:
    """Read what `_number` wrote; only called on bytes whose signature was checked."""
    value = 0
    for position, digit in enumerate(data):
        value |= (digit & 0x7F) << (7 * position)
        if digit < 0x80:
            return value, data[position + 1 :]
    return value, b""
