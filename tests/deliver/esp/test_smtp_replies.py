"""Which answers ask for fewer messages from us, and which are only about one of them."""

from __future__ import annotations

import pytest

from recmail.deliver.esp.smtp_replies import Reply, Stage, refusal
from recmail.errors import TemporaryFailure


@pytest.mark.parametrize(
    ("code", "text", "slows"),
    [
        (421, "4.7.0 too many messages, try again later", True),
        (421, "service not available", True),
        (450, "4.7.1 you are sending too fast", True),
        (454, "4.7.0 Throttling failure: Maximum sending rate exceeded", True),  # Amazon SES
        (450, "4.7.1 Greylisted, see http://postgrey.example", False),
        (451, "4.7.1 Graylisting in action", False),
        (450, "4.2.1 mailbox busy", False),
        (451, "4.3.0 try again later", False),
        (452, "insufficient system storage", False),
    ],
)
def test_who_asks_for_fewer(code: int, text: str, slows: bool) -> None:
    error = refusal(Stage.RECIPIENT, Reply(code, text), "mx:25", has_delivered=True)
    assert isinstance(error, TemporaryFailure)
    assert error.slows is slows
