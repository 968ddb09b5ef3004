"""The numbers that people are drawn by: never another one, and for another purpose quite another."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recmail.segment.stable_hash import stable_hash

MASK = 2**64 - 1


def _rounds(v: list[int], count: int) -> list[int]:
    v0, v1, v2, v3 = v
    for _ in range(count):
        v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
        v1, v3 = _left(v1, 13) ^ v0, _left(v3, 16) ^ v2
        v0, v2 = (_left(v0, 32) + v3) & MASK, (v2 + v1) & MASK
        v3, v1 = _left(v3, 21) ^ v0, _left(v1, 17) ^ v2
        v2 = _left(v2, 32)
    return [v0, v1, v2, v3]


def _left(number: int, bits: int) -> int:
    return (number << bits | number >> (64 - bits)) & MASK


def siphash(key: bytes, text: bytes) -> int:
    """SipHash-2-4 as its paper writes it."""
    k0, k1 = (int.from_bytes(half, "little") for half in (key[:8], key[8:]))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) % 256])
    for start in range(0, len(padded), 8):
        word = int.from_bytes(padded[start : start + 8], "little")
        v[3] ^= word
        v = _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    v0, v1, v2, v3 = _rounds(v, 4)
    return v0 ^ v1 ^ v2 ^ v3


def mixed(number: int) -> int:
    """The finalizer of SplitMix64."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def test_the_reference_is_the_one_of_the_paper() -> None:
    """Appendix A: the key 00 01 ... 0f, the text 00 01 ... 0e."""
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=20))
def test_it_is_siphash_keyed_by_the_purpose(user_ids: list[str], purpose: str) -> None:
    key = hashlib.sha256(purpose.encode()).hexdigest()[:16].encode()
    expected = [mixed(siphash(key, user_id.encode())) for user_id in user_ids]
    assert stable_hash(user_ids, purpose).tolist() == expected


def test_two_purposes_have_nothing_in_common() -> None:
    user_ids = [f"u{number}" for number in range(20_000)]
    first, second = (stable_hash(user_ids, purpose) < 2**63 for purpose in ("one", "other"))
    assert abs(int(first.sum()) - 10_000) < 400  # the standard deviation is 71
    assert abs(int((first & second).sum()) - 5_000) < 350  # 61


def test_of_nobody_there_are_no_numbers() -> None:
    assert stable_hash(np.array([], dtype=object), "any").tolist() == []
