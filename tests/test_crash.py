"""Planners and senders killed with -9, over and over: nobody lost, nobody twice, everybody unclear is listed.

A campaign goes out by the commands that people type to an SMTP server that is not ours, and that server's own
record is the witness. `make crash` does the same with 20,000 emails and a kill at every point.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.crashes import LONG, SHORT, Trial, Witness, make_project
from tests.servers import SMTP_SINK, smtp_sink_mailbox

pytestmark = pytest.mark.skipif(SMTP_SINK is None, reason="needs smtp-sink: apt-get install postfix")
SIZE = LONG if os.environ.get("RECMAIL_CRASH_TEST") == "long" else SHORT
SEED = int(os.environ.get("RECMAIL_CRASH_SEED", "6"))


@pytest.fixture
def trial(tmp_path: Path, database_url: str) -> Iterator[Trial]:
    with smtp_sink_mailbox() as (port, mailbox):
        project = make_project(tmp_path / "acme", SIZE, port, database_url, datetime.now(UTC))
        yield Trial(project, Witness(mailbox), random.Random(SEED), SIZE)
        project.engine.dispose()


def test_killed_planners_and_senders_lose_nobody_and_mail_nobody_twice(
    trial: Trial, capsys: pytest.CaptureFixture[str]
) -> None:
    trial.plan()
    for number, point in enumerate(trial.size.waves):
        trial.kill_two(point=f"{point}:{trial.dice.randint(2, 9)}" if point else None)
        if number % 4 == 0:
            unclear = trial.unclear()
            trial.resend(unclear[: (len(unclear) + 1) // 2])
    trial.send_to_the_end()
    verdict = trial.verdict()
    if SIZE is LONG:
        with capsys.disabled():
            print(f"\n{trial.project.engine.dialect.name}\n{trial.as_table(verdict)}")
    assert verdict.lost == []
    assert verdict.twice == []
