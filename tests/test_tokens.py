"""Addresses compare as people expect, hashes and tokens depend on the key and give no address away."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recmail.tokens import (
    LONGEST_MAILBOX_TOKEN,
    email_hash,
    email_key,
    from_mailbox,
    in_mailbox,
    read_token,
    sign,
)

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ana@Example.ORG", "ana@example.org"),
        ("  ana@example.org\t", "ana@example.org"),
        ("ana+courses@mail.example.org", "ana+courses@mail.example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
        ("ana@bu\u0308cher.example", "ana@xn--bcher-kva.example"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana@faß.example", "ana@xn--fa-hia.example"),
        ("ana@例え。テスト", "ana@xn--r8jz45g.xn--zckzah"),
        ("Jose\u0301@Example.org", "josé@example.org"),
        ("आना@उदाहरण.example", "आना@xn--p1b6ci4b4b3a.example"),
    ],
)
def test_an_address_compares_in_lower_case_with_an_ascii_domain(address: str, key: str) -> None:
    assert email_key(address) == key


@pytest.mark.parametrize(
    "address",
    [
        "", "ana", "@example.org", "ana@", "a@localhost", "ana@example..org", "ana@.example.org", "a@-a.org",
        "a b@example.org", "a@b@example.org", "a\r\nBcc: x@example.org", "<a@example.org>", '"a"@example.org',
        ".a@example.org", "a.@example.org", "a..b@example.org", "a@exam_ple.org", "a@[127.0.0.1]",
        "a@127.0.0.1", "a@exa mple.org", "a,b@example.org", "a\0@example.org", "a@ex\u200bample.org",
        "\ud800@example.org", "a" * 65 + "@example.org", "a@" + "b" * 64 + ".org", "a@" + "b." * 126 + "org",
        "a\u200b@example.org", "a\u2028b@example.org", "a\xa0b@example.org", "a\ue000@example.org",
        "é" * 33 + "@example.org",
        "\u212aate@example.org",
    ],
)  # fmt: skip
def test_an_address_that_no_mailbox_has_is_unusable(address: str) -> None:
    assert email_key(address) is None


@given(st.text(max_size=80))
def test_a_key_is_its_own_key(address: str) -> None:
    key = email_key(address)
    assert key is None or email_key(key) == key


def test_the_hash_of_an_address_is_its_hmac() -> None:
    expected = hmac.new(KEY, b"ana@example.org", hashlib.sha256).hexdigest()
    assert email_hash(KEY, "ana@example.org") == expected


def test_the_hash_of_an_address_depends_on_the_key() -> None:
    assert email_hash(KEY, "ana@example.org") != email_hash(b"other", "ana@example.org")


@given(
    run_no=st.integers(0, 2**63 - 1),
    user_no=st.integers(0, 2**63 - 1),
    purpose=st.sampled_from(["u", "page"]),
)
def test_a_token_reads_back(run_no: int, user_no: int, purpose: str) -> None:
    assert read_token(KEY, sign(KEY, run_no, user_no, purpose)) == (run_no, user_no, purpose)


@given(run_no=st.integers(0, 2**28 - 1), user_no=st.integers(0, 2**35 - 1))
def test_a_token_survives_a_mail_server_that_changes_case(run_no: int, user_no: int) -> None:
    token = sign(KEY, run_no, user_no, "bounce")
    written = in_mailbox(token)
    assert len(written) <= LONGEST_MAILBOX_TOKEN
    assert email_key(f"b+{written}@bounces.acme.example") == f"b+{written}@bounces.acme.example"
    assert from_mailbox(written) == from_mailbox(written.upper()) == token


@given(st.text(max_size=60))
def test_what_stood_in_no_mailbox_is_no_token(text: str) -> None:
    token = from_mailbox(text)
    assert token is None or (in_mailbox(token) == text.lower() and read_token(KEY, token) is None)


def test_a_token_fits_into_a_link() -> None:
    token = sign(KEY, 12_345, 9_999_999, "unsubscribe")
    assert len(token) <= 56
    assert token.replace("-", "").replace("_", "").isalnum()


def test_no_changed_letter_is_accepted() -> None:
    token = sign(KEY, 7, 300, "unsubscribe")
    for place in range(len(token)):
        for letter in "Aaz09-_":
            changed = token[:place] + letter + token[place + 1 :]
            assert changed == token or read_token(KEY, changed) is None


def test_a_token_of_another_key_is_refused() -> None:
    assert read_token(b"other", sign(KEY, 7, 300, "unsubscribe")) is None


def test_a_token_of_an_older_key_is_read_when_that_key_is_given() -> None:
    assert read_token(b"new", sign(KEY, 7, 300, "page"), older=[b"older", KEY]) == (7, 300, "page")


@given(st.text(max_size=250))
def test_nobody_guesses_a_token(token: str) -> None:
    assert read_token(KEY, token) is None


def test_a_negative_number_is_a_bug() -> None:
    with pytest.raises(ValueError, match="negative"):
        sign(KEY, -1, 0, "page")
