"""The size of the HTML against Gmail's limit."""

from __future__ import annotations

import pytest

from recmail.render.lint import MessageLint
from recmail.render.lint.rules.size import CLIPPED_BYTES
from tests.render.lint.messages import email, found, one_course, page

FRAME = len(page("<p></p>"))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (CLIPPED_BYTES + 1, ["size!"]),
        (CLIPPED_BYTES, ["size"]),
        (92_160, ["size"]),
        (92_159, []),
    ],
)
def test_above_102400_bytes_is_an_error_and_from_nine_tenths_a_warning(size, expected):
    sent = email(f"<p>{'x' * (size - FRAME)}</p>")
    assert len(sent.html) == size
    assert [rule for rule in found(sent) if rule.startswith("size")] == expected


def test_bytes_are_counted_and_not_letters():
    sent = email(f"<p>{'語' * 35_000}</p>")
    assert len(sent.html) < 36_000
    assert "size!" in found(sent)


def test_the_size_is_given_out():
    sent = email("<p>語</p>")
    assert MessageLint().look(sent, one_course())[1] == len(page("<p>語</p>").encode())
