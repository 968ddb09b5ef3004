"""`recmail plan --dry-run` says what a plan would say, and plans nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from tests.cli.conftest import AT, read_json, recmail

NOT_NOW = "2026-11-04T09:00:00+00:00"


def of(words: str, project: Path) -> dict[str, Any]:
    return read_json(recmail("plan", *words.split(), "--json", project=project))


def test_a_dry_run_counts_as_the_plan_does(project: Path) -> None:
    """Two days after an email, with a cap of one a week: everything but too few courses can be foretold."""
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text().replace('"2 per 7d"', '"1 per 7d"'))
    narrow = "subject: Hello\naudience: last_seen within 10d\nblocks:\n  - popular: 3\n"
    (project / "campaigns" / "narrow.yaml").write_text(narrow)
    run = of(f"narrow --now {AT}", project)["run"]
    recmail("approve", run, "--now", AT, project=project)

    expected = of(f"weekly-picks --dry-run --now {NOT_NOW}", project)
    planned = of(f"weekly-picks --now {NOT_NOW}", project)

    assert expected["funnel"] == planned["funnel"]
    account, real = expected["account"], planned["account"]
    assert account["audience"] == real["audience"] == expected["funnel"][-1]["people"]
    assert account["adds_up"]
    unforeseen = real["reasons"]["skipped"].pop("too_few_courses", 0)
    assert account["reasons"] == real["reasons"]
    assert set(real["reasons"]["skipped"]) >= {"cap", "opted_out", "no_consent", "no_address"}
    assert account["states"]["planned"] == real["states"]["planned"] + unforeseen > 0


def test_a_dry_run_says_who_would_get_nothing_and_why(project: Path) -> None:
    said = recmail("plan", "weekly-picks", "--dry-run", "--now", AT, project=project)
    for words in ("last_seen within 90d", "waiting", "not sent: unsubscribed", "not sent: no e-mail address"):
        assert words in said.stdout
    assert "nothing was planned" in said.stderr
    with sqlite3.connect(project / "recmail.db") as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (0,)
