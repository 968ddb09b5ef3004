"""What a segment may say, and what each mistake is answered with, at its place."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recmail.errors import ConfigError
from recmail.segment.parse import Everyone, SeenWithin, parse


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("last_seen within 30d", timedelta(days=30)),
        ("last_seen within 12h", timedelta(hours=12)),
        ("  last_seen\n within   7 d ", timedelta(days=7)),
    ],
)
def test_one_rule(text: str, within: timedelta) -> None:
    assert parse(text) == [SeenWithin(text.strip(), within)]


def test_rules_are_joined_by_and_and_keep_their_words() -> None:
    assert parse("everyone\nand last_seen within 90d\nand last_seen within 24h\n") == [
        Everyone("everyone"),
        SeenWithin("last_seen within 90d", timedelta(days=90)),
        SeenWithin("last_seen within 24h", timedelta(days=1)),
    ]


EXAMPLE = "expected a rule such as last_seen within 30d, or everyone"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, f"is empty; {EXAMPLE}"),
        (" \n ", 1, 1, f"is empty; {EXAMPLE}"),
        ("last_sen within 30d", 1, 1, f"found 'last_sen'; {EXAMPLE}; did you mean last_seen?"),
        ("Everyone", 1, 1, f"found 'Everyone'; {EXAMPLE}; did you mean everyone?"),
        ("everyone and subscribed", 1, 14, "leave out subscribed: consent is always counted"),
        (
            "last_seen < 14d",
            1,
            11,
            "< can be read both ways; write last_seen within 14d or last_seen over 14d",
        ),
        (
            "last_seen >= yesterday",
            1,
            11,
            ">= can be read both ways; write last_seen within 30d or last_seen over 30d",
        ),
        ("last_seen over 30d", 1, 11, f"last_seen over is not built yet; {EXAMPLE}"),
        ("last_seen withn 30d", 1, 11, "found 'withn'; expected within; did you mean within?"),
        ("last_seen", 1, 10, "found the end; expected within, as in last_seen within 30d"),
        ("last_seen within", 1, 17, "found the end; expected a time such as 30d or 12h"),
        ("last_seen within 30", 1, 18, "found '30'; expected a time such as 30d or 12h"),
        ("last_seen within 30days", 1, 18, "found '30days'; expected a time such as 30d or 12h"),
        ("last_seen within ٣d", 1, 18, "found '٣d'; expected a time such as 30d or 12h"),
        ("last_seen within 0d", 1, 18, "found 0d; expected from 1h to 36500d"),
        ("last_seen within 36501d", 1, 18, "found 36501d; expected from 1h to 36500d"),
        ("everyone\nlast_seen within 3d", 2, 1, "rules are joined by and: write and last_seen"),
        ("everyone && everyone", 1, 10, "found '&&'; write and"),
        ("everyone or everyone", 1, 10, "or is not built yet; rules are joined by and"),
        ("everyone and", 1, 13, f"found the end; {EXAMPLE}"),
        ("and everyone", 1, 1, f"nothing to join before and; {EXAMPLE}"),
        (
            'everyone\nand not completed("python-101")\nand country not in ["NO"]',
            2,
            5,
            f"'not' is not built yet; {EXAMPLE}",
        ),
        ('completed("x")', 1, 1, f"'completed' is not built yet; {EXAMPLE}"),
        ('favourite == "ai"', 1, 1, f"'favourite' is not built yet; {EXAMPLE}"),
        ('everyone; drop table users --', 1, 9, "found ';'; expected and, or the end"),
        ("1=1", 1, 1, f"found '1'; {EXAMPLE}"),
        ("x" * 5000, 1, 4001, "a segment has at most 4,000 characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_at_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    [problem] = caught.value.problems
    assert (problem.line, problem.column, problem.message) == (line, column, message)


WORDS = st.sampled_from(
    [
        "last_seen",
        "within",
        "30d",
        "7",
        "h",
        "and",
        "everyone",
        "or",
        "not",
        "(",
        '"',
        "<",
        "\n",
        " ",
        "\x00",
        "é",
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS).map("".join), st.lists(WORDS).map(" ".join)))
@example("last_seen within 36500d")
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigError):
        for rule in parse(text):
            assert not isinstance(rule, SeenWithin) or datetime(2026, 11, 2, tzinfo=UTC) - rule.within
