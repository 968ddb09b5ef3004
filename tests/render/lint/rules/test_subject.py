"""The length of the subject."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import email, found


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("\u2068" + "x" * 60 + "\u2069", []),
        ("x" * 61, ["subject"]),
        ("x" * 60, []),
        ("Hi", []),
        ("", ["subject!"]),
        ("  ", ["subject!"]),
    ],
)
def test_longer_than_60_characters_is_cut_on_phones(subject, expected):
    assert found(email(subject=subject)) == expected
