"""The size of style elements."""

from __future__ import annotations

from tests.render.lint.messages import body_found

RULE = ".a { color: #000 }\n"


def test_gmail_reads_16_kilobytes():
    room = 16 * 1024 - len(RULE)
    assert body_found("", style=RULE + " " * room) == []
    assert body_found("", style=RULE + " " * (room + 1)) == ["style-size"]
