"""What a plan says before anybody approves it."""

from __future__ import annotations

import pytest

from recmail.runs.project import Project
from recmail.runs.scheduling import switch_on
from recmail.runs.summary import summarize
from tests.scheduled import HOUR, MONDAY, TUESDAY, WHEN, look, write


@pytest.mark.parametrize(("speed", "is_told"), [("2 per hour", True), ("1 per minute", False)])
def test_a_speed_at_which_people_would_be_too_late_is_told(
    tuesdays: Project, speed: str, is_told: bool
) -> None:
    write(tuesdays, f"{WHEN}speed: {speed}\n")  # 12 people, and if_late is 3 hours
    switch_on(tuesdays, "tuesdays", now=MONDAY, who="ana")
    look(tuesdays, TUESDAY - HOUR)
    planned = summarize(tuesdays, 1)
    assert planned.sending is not None
    assert planned.sending.takes
    told = planned.not_in_time or ""
    assert ("longer than if_late" in told) is is_told
    assert planned.to_dict()["not_in_time"] == planned.not_in_time
