"""Shards run the same in this process and in a pool, and a dead worker loses no shard."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from recmail.engine import Processes, drive, shard_executor
from recmail.errors import ConfigError, RecmailError


def square(number: int) -> int:
    return number * number


def die_once(task: tuple[str, int]) -> int:
    """Kills its own process at task 3, the first time only."""
    marker, number = Path(task[0]), task[1]
    if number == 3 and not marker.exists():
        marker.write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_always(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_done_once(workers: int) -> None:
    results = drive(shard_executor("processes", workers), square, range(20), window=4)
    assert sorted(results) == [n * n for n in range(20)]


def test_a_killed_worker_loses_no_task(tmp_path: Path) -> None:
    tasks = [(str(tmp_path / "died"), n) for n in range(10)]
    assert set(drive(shard_executor("processes", 2), die_once, tasks, window=4)) == set(range(10))


def test_a_task_that_always_kills_its_worker_is_given_up() -> None:
    with pytest.raises(RecmailError, match="died 5 times"):
        list(drive(shard_executor("processes", 2), die_always, [1], window=2))


def test_processes_that_die_are_made_anew_for_tasks_that_come_one_by_one(tmp_path: Path) -> None:
    with Processes(1) as processes:
        tasks = [(str(tmp_path / "died"), n) for n in range(5)]
        assert [processes.run(die_once, task) for task in tasks] == [*range(5)]
        with pytest.raises(RecmailError, match="died 5 times"):
            processes.run(die_always, 1)


def hang(fifo: str) -> None:
    Path(fifo).write_text("begun")
    signal.pause()


def own_pid(_: int) -> int:
    return os.getpid()


def test_a_process_that_is_stuck_keeps_nobody_waiting_and_others_live_on(tmp_path: Path) -> None:
    fifo = tmp_path / "begun"
    os.mkfifo(fifo)
    with Processes(1) as others, ThreadPoolExecutor(1) as thread:
        with Processes(1) as processes:
            asked = thread.submit(processes.run, hang, str(fifo))
            pid = others.run(own_pid, 0)  # begun after the first: what ends that must not take it for its own
            assert fifo.read_text() == "begun"
        with pytest.raises(RecmailError, match="have been ended"):
            asked.result()
        assert others.run(own_pid, 0) == pid


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, signal; from recmail.engine import Processes\n"
        "if __name__ == '__main__':\n"
        "    print(Processes(2).run(eval, '__import__(\"os\").getpid()'), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "parent.py").write_text(script)
    said = subprocess.run(
        [sys.executable, str(tmp_path / "parent.py")],
        stdout=subprocess.PIPE,  # held by the children too: it ends when the last of them has ended
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        timeout=60,
        check=False,
    )
    assert said.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.stdout), 0)


def test_no_more_tasks_are_taken_than_the_window_allows() -> None:
    taken: list[int] = []

    def tasks():
        for number in range(100):
            taken.append(number)
            yield number

    results = drive(shard_executor("processes", 2), square, tasks(), window=4)
    next(results)
    assert len(taken) <= 6
    assert len(list(results)) == 99


ENDLESS = """
import signal, sys
from pathlib import Path

from recmail.engine import Processes, drive, shard_executor

def endless(fifo):
    Path(fifo).write_text("begun")
    signal.pause()

if __name__ == "__main__":
    try:
        list(drive(shard_executor("processes", 2), endless, sys.argv[1:], window=4))
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_an_interrupt_ends_all_workers_at_once_and_quietly(tmp_path: Path) -> None:
    """As Ctrl-C does in a terminal: the whole group of processes gets it."""
    fifos = [tmp_path / name for name in ("one", "two")]
    for fifo in fifos:
        os.mkfifo(fifo)
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    with subprocess.Popen(
        [sys.executable, script, *fifos],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as parent:
        assert [fifo.read_text() for fifo in fifos] == ["begun", "begun"]  # waits for both
        os.killpg(parent.pid, signal.SIGINT)
        said, _ = parent.communicate(timeout=60)
    assert (said, parent.returncode) == ("interrupted\n", 0)


def deaf(folder: str, number: int) -> tuple[int, bool, bool]:
    """Wait for the other worker, so that each gets one task; tell whether Ctrl-C is ignored, and blocked."""
    mine, other = (Path(folder, str(which)) for which in (number, 1 - number))
    if number:
        mine.write_text("here")
        other.read_text()
    else:
        other.read_text()
        mine.write_text("here")
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    return os.getpid(), ignored, signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_no_worker_hears_an_interrupt(tmp_path: Path) -> None:
    for which in ("0", "1"):
        os.mkfifo(tmp_path / which)
    told = list(drive(shard_executor("processes", 2), partial(deaf, str(tmp_path)), [0, 1], window=2))
    assert len({worker for worker, *_ in told}) == 2
    assert all(ignored and blocked for _, ignored, blocked in told)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(ConfigError, match="expected processes or dask://"):
        shard_executor("sparc", 2)


def test_a_dask_cluster_does_the_same() -> None:
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address.replace("tcp://", "dask://")
        results = drive(shard_executor(address, 2), square, range(20), window=4)
        assert sorted(results) == [n * n for n in range(20)]


def hoard(_task: int) -> bytes:
    """Take 60 MB in small pieces, and keep the one that lies behind all others."""
    return [b"x" * 40_000 for _ in range(1_500)][-1]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep nothing, or do not say")
def test_free_memory_is_given_back_after_each_task() -> None:
    """Below what is kept nothing would be given back; 20 MB more or less may be anything else."""
    before = memory_bytes()
    kept = list(drive(None, hoard, [1], window=1))
    assert len(kept) == 1
    assert memory_bytes() - before < 20_000_000


def memory_bytes() -> int:
    """The memory of this process that is mapped from no file."""
    return 1024 * int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0])
