"""Every email of a run is looked at once, shard by shard, on both databases."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from recmail.db.connect import reading, writing
from recmail.db.runs import run_state, shard_findings, write_findings
from recmail.db.tables import ledger, ledger_context, run_shards
from recmail.errors import RefusedError, RenderError
from recmail.records import SHARD_SIZE
from recmail.runs import lint_run as looking
from recmail.runs import summary
from recmail.runs.check_everybody import check_everybody
from recmail.runs.findings import read_findings
from recmail.runs.lifecycle import approve
from recmail.runs.lint_run import LintTask, lint_run
from recmail.runs.message import RunWriter
from recmail.runs.plan import plan
from recmail.runs.project import Project
from tests.runs.conftest import APART, PEOPLE


def make_a_hole(project: Project) -> None:
    """Leave a heading empty for people without a name: numbers 0, 2700, 5400 and 8100."""
    template = project.folder / "templates" / "plain.html.j2"
    text = template.read_text("utf-8").replace("user.first_name or 'Hello'", "user.first_name or ''")
    template.write_text(text, "utf-8")


def planned(project: Project, now: datetime, name: str = "free") -> int:
    return plan(project, name, now=now, who="test")


def test_a_hole_is_counted_over_all_shards_and_blocks_approval(project: Project, now: datetime) -> None:
    make_a_hole(project)
    run_no = planned(project, now)
    with reading(project.engine) as connection:
        assert read_findings(connection, run_no) is None
    seen: list[tuple[int, int, int]] = []
    findings = lint_run(project, run_no, lambda *counts: seen.append(counts))
    assert (findings.errors, findings.tally.people) == (4, PEOPLE - 1)
    assert seen[-1] == (PEOPLE - 1, 5, 5)
    [hole] = [counted for counted in findings.tally if counted.rule == "empty-slot"]
    assert (hole.seen.people, findings.names[hole.seen.user_no]) == (4, "u0")
    with pytest.raises(RefusedError, match="errors in the emails of 4 people\n  error  empty-slot: 4 people"):
        approve(project, run_no, now=now, who="test")
    with reading(project.engine) as connection:
        assert run_state(connection, run_no) == "planned"
        kept = read_findings(connection, run_no)
    assert kept is not None
    assert kept.to_dict() == findings.to_dict()


def test_only_shards_at_which_nobody_looked_are_looked_at(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_no = planned(project, now)
    whole = lint_run(project, run_no).to_dict()
    with writing(project.engine) as connection:
        without = sa.update(run_shards).where(run_shards.c.run_no == run_no, run_shards.c.shard == 3)
        connection.execute(without.values(findings=sa.null()))
        write_findings(connection, run_no, 1, {"recmail": "0.0.1"})  # another version wrote these emails
    looked_at = []

    def look(task: LintTask) -> int:
        looked_at.append(task.shard)
        return looking_at(task)

    looking_at = looking.lint_shard
    monkeypatch.setattr(looking, "lint_shard", look)
    assert lint_run(project, run_no).to_dict() == whole
    assert looked_at == [1, 3]
    lint_run(project, run_no)
    assert looked_at == [1, 3]


def test_looking_that_comes_late_changes_nothing(project: Project, now: datetime) -> None:
    """While a plan still looks, another terminal approves the run: its people wait no longer."""
    run_no = planned(project, now)
    links = looking.stand_in_links(project)
    whole = lint_run(project, run_no).to_dict()
    approve(project, run_no, now=now, who="test")
    with writing(project.engine) as connection:
        connection.execute(ledger.update().where(ledger.c.message_id.is_not(None)).values(state="sent"))
    assert looking.lint_shard(LintTask(project.settings.database_url, run_no, 0, links)) == 0
    assert lint_run(project, run_no).to_dict() == whole


def test_nothing_is_approved_unless_all_emails_were_looked_at(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_no, look = planned(project, now), looking.lint_shard
    monkeypatch.setattr(looking, "lint_shard", lambda task: 0 if task.shard == 3 else look(task))
    with pytest.raises(RefusedError, match="run 1 is planned, and not all of its emails were looked at"):
        approve(project, run_no, now=now, who="test")
    monkeypatch.setattr(looking, "lint_shard", look)
    with writing(project.engine) as connection:
        connection.execute(ledger_context.delete().where(ledger_context.c.user_no == 7 * APART))
    with pytest.raises(RefusedError, match="11 people wait for an email, and those of 10 were looked at"):
        approve(project, run_no, now=now, who="test")
    with reading(project.engine) as connection:
        assert run_state(connection, run_no) == "planned"


def test_whoever_was_erased_is_not_looked_at(project: Project, now: datetime) -> None:
    run_no = planned(project, now)
    with writing(project.engine) as connection:
        connection.execute(ledger_context.delete().where(ledger_context.c.user_no == APART))
    assert lint_run(project, run_no).tally.people == PEOPLE - 2
    with reading(project.engine) as connection:
        assert len(shard_findings(connection, run_no)) == (PEOPLE - 1) * APART // SHARD_SIZE + 1


@pytest.mark.parametrize("name", ["free", "limited"])
def test_checking_everybody_finds_what_the_plan_then_has(project: Project, now: datetime, name: str) -> None:
    make_a_hole(project)
    everybody = check_everybody(project, project.campaign(name), now=now)
    run_no = planned(project, now, name)
    assert everybody.findings.to_dict() == lint_run(project, run_no).to_dict()
    account = summary.summarize(project, run_no).account
    assert everybody.account.to_dict() == account.to_dict()
    assert everybody.account.adds_up
    assert everybody.account.audience == PEOPLE
    assert everybody.compared == PEOPLE - 1


def test_a_page_that_differs_from_one_inlined_by_itself_stops_both(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is made to fail: no template is known for which it does."""

    def differs(_self: RunWriter, _context: object, *, user_id: str) -> None:
        if user_id == "u8100":
            raise RenderError("not those of this message", user_id=user_id)

    monkeypatch.setattr("recmail.runs.message.Writer.verify", differs)
    with pytest.raises(RenderError, match="for user u8100"):
        check_everybody(project, project.campaign("free"), now=now)
    with pytest.raises(RenderError, match="for user u8100"):
        planned(project, now)
    with reading(project.engine) as connection:
        assert run_state(connection, 1) == "failed"
