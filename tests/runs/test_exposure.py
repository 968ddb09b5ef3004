"""A plan under limits over the whole audience: the same for any number of workers, and within them."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from recmail import pipeline
from recmail.db.connect import reading, writing
from recmail.db.consent import Consent, record_consent
from recmail.db.runs import find_run
from recmail.db.tables import ledger_context, users
from recmail.errors import StorageError
from recmail.pipeline import ShardTask
from recmail.records import SHARD_SIZE
from recmail.runs import exposure, shards
from recmail.runs import plan as planning
from recmail.runs.exposure import ExposureReport
from recmail.runs.plan import plan
from recmail.runs.project import Project
from recmail.runs.summary import summarize
from tests.rows import user_row
from tests.shards import as_worker
from tests.sixty_people import APART, PEOPLE, sixty_people

CAMPAIGN = """\
subject: "{{ courses[0].title }}"
audience: everyone
blocks:
  - popular_in_your_category: {show: 2, variety: {per_category: 1, mix: 0.2}, fallback: [popular]}
  - staff_picks: 1
"""
CAMPAIGNS = {
    "free": CAMPAIGN,
    "loose": CAMPAIGN + "exposure: {max_share_per_course: 100%}\n",
    "limited": CAMPAIGN + "exposure: {max_share_per_course: 30%, respect_seats: true}\n",
}


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """Sixty people in six shards, three of them without consent; course 3 has two seats left."""
    monkeypatch.setenv("RECMAIL_PROJECT_DATABASE", database_url)
    monkeypatch.setenv("RECMAIL_DELIVERY_PLANNERS", "1")
    made = sixty_people(tmp_path / "acme", now)
    for name, text in CAMPAIGNS.items():
        (made.folder / "campaigns" / f"{name}.yaml").write_text(text)
    with as_worker(made):
        yield made


def shown(project: Project, run_no: int) -> dict[int, list[int]]:
    """The courses of everybody who gets an email."""
    query = sa.select(ledger_context.c.user_no, ledger_context.c.context).where(
        ledger_context.c.run_no == run_no
    )
    with reading(project.engine) as connection:
        found = connection.execute(query.order_by(ledger_context.c.user_no)).all()
    return {user_no: [slot[1] for slot in context["slots"]] for user_no, context in found}


def counted(everybody: dict[int, list[int]]) -> Counter[int]:
    """How many people each course is shown to."""
    return Counter(course for mine in everybody.values() for course in mine)


def frozen(project: Project, run_no: int) -> dict[int, tuple[Any, Any]]:
    columns = (ledger_context.c.user_no, ledger_context.c.context, ledger_context.c.reserves)
    query = sa.select(*columns).where(ledger_context.c.run_no == run_no)
    with reading(project.engine) as connection:
        return {user_no: (context, reserves) for user_no, context, reserves in connection.execute(query)}


def planned(project: Project, name: str, now: datetime) -> int:
    return plan(project, name, now=now, who="test")


def test_limits_hold_and_what_they_took_is_said(project: Project, now: datetime) -> None:
    """57 people may be mailed: no course is shown to more than 17 of them, course 3 to 2."""
    free = counted(shown(project, planned(project, "free", now)))
    assert free[3] > 2
    assert max(free.values()) > 17
    run_no = planned(project, "limited", now)
    everybody = shown(project, run_no)
    seen = counted(everybody)
    assert len(everybody) == PEOPLE - 3
    assert max(seen.values()) == 17
    assert seen[3] == 2
    assert all(len(mine) == len(set(mine)) == 3 for mine in everybody.values())
    report = summarize(project, run_no).exposure
    assert isinstance(report, ExposureReport)
    assert report.people == PEOPLE - 3
    assert 0 < report.displaced <= report.people
    assert 0 < report.given_up < 1
    assert "people are shown others instead, or fewer, and that costs" in report.in_words()
    assert {one.course_id: one.shown for one in report.courses} == {
        one.course_id: seen[int(one.course_id[1:])] for one in report.courses
    }
    assert all(one.shown == one.limit for one in report.courses)
    assert [one.limit for one in report.courses if one.course_id == "c3"] == [2]
    reserves = [slot[1] for _, spare in frozen(project, run_no).values() for slot in spare]
    assert not {f"c{number}" for number in reserves} & {one.course_id for one in report.courses}
    assert 3 not in reserves


def test_who_gets_no_email_because_of_the_limits_is_not_shown_others(project: Project, now: datetime) -> None:
    """Everybody needs two of five staff picks, and each may be shown to a tenth of all."""
    needy = "subject: Hello\naudience: everyone\nblocks:\n  - staff_picks: {show: 2, at_least: 2}\n"
    limit = "exposure: {max_share_per_course: 10%}\n"
    (project.folder / "campaigns" / "needy.yaml").write_text(needy + limit)
    run_no = planned(project, "needy", now)
    planned_run = summarize(project, run_no)
    report = planned_run.exposure
    assert report is not None
    assert report.unmailed == report.people - planned_run.waiting > 0
    assert 0 <= report.displaced <= planned_run.waiting
    assert report.in_words().endswith(f" {report.unmailed} people get no email because of it.")


def test_limits_that_bind_nobody_change_nothing(project: Project, now: datetime) -> None:
    free, loose = (planned(project, name, now) for name in ("free", "loose"))
    assert frozen(project, free) == frozen(project, loose)
    assert summarize(project, free).exposure is None
    report = summarize(project, loose).exposure
    assert report is not None
    assert (report.courses, report.displaced, report.unmailed, report.given_up) == ([], 0, 0, 0)
    assert report.in_words() == "Exposure: no course was refused to any of 57 people."


def hash_of(project: Project, run_no: int) -> str:
    with reading(project.engine) as connection:
        return str(find_run(connection, run_no)["content_hash"])


def forget(project: Project) -> None:
    """Take all runs away, so that the same instant can be planned again."""
    with writing(project.engine) as connection:
        for table in ("ledger_context", "ledger_events", "ledger", "run_shards", "runs"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    pipeline._facts.cache_clear()  # in this process too


def test_any_number_of_workers_and_any_order_of_shards_make_one_plan(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = [hash_of(project, planned(project, "limited", now))]
    rows = frozen(project, 1)
    drive = shards.drive

    def backwards(maker: Any, function: Any, tasks: Any, *, window: int) -> Any:
        return drive(maker, function, reversed(list(tasks)), window=window)

    monkeypatch.setattr(shards, "drive", backwards)
    # In threads: each process would need seconds to start, and the killed workers below are processes.
    for workers in (1, 2, 5):
        forget(project)
        monkeypatch.setattr(shards, "shard_executor", lambda *_: lambda: ThreadPoolExecutor(workers))  # noqa: B023
        run_no = planned(project, "limited", now)
        hashes.append(hash_of(project, run_no))
        assert frozen(project, run_no) == rows
    assert len(set(hashes)) == 1


def dies_once(shard: int) -> None:
    """Kill this very process, the first time only."""
    marker = Path(f"{os.environ['RECMAIL_TEST_MARKER']}-{shard}")
    if not marker.exists():
        marker.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)


def dying_wish(task: ShardTask) -> Any:
    if task.shard == 1:
        dies_once(1)
    return pipeline.wish_shard(task)


def dying_plan(task: ShardTask) -> Any:
    """Dies before shard 2 is planned, and after shard 3 was committed."""
    if task.shard == 2:
        dies_once(2)
    rows = pipeline.plan_shard(task)
    if task.shard == 3:
        dies_once(3)
    return rows


def _pool(_engine: str, _workers: int) -> Callable[[], Executor]:
    return lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def test_killed_workers_lose_nobody(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calm = planned(project, "limited", now)
    expected, rows = hash_of(project, calm), frozen(project, calm)
    forget(project)
    monkeypatch.setenv("RECMAIL_TEST_MARKER", str(tmp_path / "died"))
    monkeypatch.setattr(shards, "shard_executor", _pool)
    monkeypatch.setattr(planning, "wish_shard", dying_wish)
    monkeypatch.setattr(planning, "plan_shard", dying_plan)
    run_no = planned(project, "limited", now)
    assert len(list(tmp_path.glob("died-*"))) == 3
    assert hash_of(project, run_no) == expected
    assert frozen(project, run_no) == rows


def test_without_room_for_the_wishes_nothing_is_planned(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(project.folder)
    monkeypatch.setattr(exposure.shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(StorageError, match="needs more than 0 MB for everybody's wishes"):
        planned(project, "limited", now)
    with reading(project.engine) as connection:
        assert find_run(connection, 1)["state"] == "failed"


@pytest.mark.parametrize("phase", ["wish_shard", "plan_shard"])
def test_who_comes_in_while_it_is_planned_breaks_nothing(
    project: Project, now: datetime, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """Somebody is imported before the last shard is asked, or is planned: that shard has room for them."""
    work, newcomer = getattr(pipeline, phase), (PEOPLE - 1) * APART + 1

    def with_newcomer(task: ShardTask) -> Any:
        if task.shard == newcomer // SHARD_SIZE:
            with writing(project.engine) as connection:
                connection.execute(users.insert(), [user_row(newcomer, now)])
                record_consent(connection, [Consent(newcomer, "email", True, now, "page")])
        return work(task)

    monkeypatch.setattr(planning, phase, with_newcomer)
    run_no = planned(project, "limited", now)
    assert max(counted(shown(project, run_no)).values()) == 17
    account = summarize(project, run_no).account
    assert account.planned_for == PEOPLE + 1
    assert sum(account.states.values()) == PEOPLE + 1


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a file that is open keeps its name")
def test_files_of_wishes_have_no_name_and_keep_what_was_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = exposure._Files()
    array = files.array((1_000, 3), np.int32)
    assert not array.any()
    array[:] = np.arange(3_000).reshape(1_000, 3)
    files.let_go()
    assert array.ravel().tolist() == list(range(3_000))
    assert list(tmp_path.iterdir()) == []
    assert len(files.mapped) == 1
    del array
    assert len(files.mapped) == 0


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux says what is in memory")
def test_what_is_let_go_is_not_in_memory() -> None:
    """32 MB are written; 1 MB more or less may be anything else."""
    files, size = exposure._Files(), 32_000_000
    array = files.array((size,), np.uint8)
    before = mapped_bytes()
    array[:] = 1
    assert mapped_bytes() - before > size - 1_000_000
    files.let_go()
    assert mapped_bytes() - before < 1_000_000


def mapped_bytes() -> int:
    """The memory of this process that is mapped from files, on disks or in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(("RssFile", "RssShmem")))
