"""Where shards run: this process, a pool of processes, or a Dask cluster; any Executor will do."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from recmail.errors import ConfigError, Problem, RecmailError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Task = TypeVar("Task")
Result = TypeVar("Result")
ExecutorMaker = Callable[[], AbstractContextManager[Executor]]
MAX_LOSSES = 5  # a task that takes its worker down this often is at fault itself


def shard_executor(engine: str, workers: int) -> ExecutorMaker | None:
    """Say how to make the executor that `[delivery] engine` names; None runs shards in this process.

    Args:
        engine: `processes`, or the address of a Dask scheduler, `dask://host:8786`.
        workers: processes of the pool; 1 needs no pool.
    """
    if engine.startswith("dask://"):
        return lambda: _dask_executor("tcp://" + engine.removeprefix("dask://"))
    if engine != "processes":
        found = f"[delivery] engine: found {engine!r}; expected processes or dask://HOST:PORT"
        raise ConfigError([Problem("recmail.toml", 0, 0, found)])
    return (lambda: _process_pool(workers)) if workers > 1 else None


@contextmanager
def _process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Not fork: the parent may hold database connections and BLAS threads, which must not be shared. Ctrl-C
    # reaches every process of a terminal: this one ends the workers.
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
    ) as executor:
        try:
            yield executor
        except BaseException:
            _kill(executor)
            raise


def _kill(executor: ProcessPoolExecutor) -> None:
    """End its processes, which may die at any time; nobody waits for what they still had to do."""
    for worker in [*(executor._processes or {}).values()]:  # Python 3.14 has kill_workers for it
        worker.kill()


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it: who kills it with -9 wants nothing of it to stay."""
    import multiprocessing
    from multiprocessing.connection import wait as wait_for

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            wait_for([parent.sentinel])
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


class Processes:
    """Processes for tasks that come one by one, from any thread; made anew when they die.

    Args:
        count: of them.
    """

    def __init__(self, count: int) -> None:
        self._count, self._lock = count, threading.Lock()
        self._pools = ExitStack()
        self._executor: ProcessPoolExecutor | None = None
        self._is_closed = False

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *raised: object) -> None:
        """End them, those too that are stuck in a task: whoever asked for it has gone."""
        with self._lock:
            self._is_closed = True
            if self._executor is not None:
                _kill(self._executor)
        with suppress(BrokenExecutor):
            self._pools.close()

    def run(self, function: Callable[[Task], Result], task: Task) -> Result:
        """Have one task done; it may run twice.

        Raises:
            RecmailError: whatever does it dies.
        """
        for _ in range(MAX_LOSSES):
            executor = self._there()
            try:
                with _no_interrupt():
                    future = executor.submit(function, task)
                return future.result()
            except BrokenExecutor:
                self._drop(executor)
        raise RecmailError(f"the processes died {MAX_LOSSES} times in a row; is there enough memory?")

    def _there(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._is_closed:
                raise RecmailError("the processes have been ended")
            if self._executor is None:
                self._executor = self._pools.enter_context(_process_pool(self._count))
            return self._executor

    def _drop(self, broken: Executor) -> None:
        with self._lock:
            if self._executor is broken:
                self._executor = None


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Let Ctrl-C wait; a process that starts meanwhile never hears it, not even before its initializer."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _dask_executor(address: str) -> Iterator[Executor]:
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise RecmailError("Dask is not installed; install it with: pip install 'recmail[dask]'") from error
    with distributed.Client(address) as client:  # type: ignore[no-untyped-call]  # the library has no types
        yield client.get_executor()


def drive(
    make_executor: ExecutorMaker | None,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    window: int,
) -> Iterator[Result]:
    """Apply `function` to every task, at most `window` under way at once, results as they come.

    A worker that dies takes the whole pool with it; the pool is made anew and what was not finished
    is given out again, so `function` must be one that may run twice.
    """
    function = partial(_tidily, function)
    if make_executor is None:
        yield from map(function, tasks)
        return
    numbered = enumerate(tasks)
    unfinished: dict[int, Task] = {}
    losses = 0
    while True:
        try:
            with make_executor() as executor:
                queue = chain(list(unfinished.items()), numbered)
                for result in _windowed(executor, function, queue, unfinished, window):
                    losses = 0
                    yield result
                return
        except BrokenExecutor as error:
            losses += 1
            if losses >= MAX_LOSSES:
                raise RecmailError(
                    f"the workers died {losses} times in a row, {len(unfinished)} shards unfinished; "
                    "is there enough memory?"
                ) from error


def _tidily(function: Callable[[Task], Result], task: Task) -> Result:
    """Run one task, and leave no memory taken that the next one does not need."""
    result = function(task)
    give_memory_back()
    return result


def give_memory_back() -> None:
    """Give memory that is free back to the system.

    glibc keeps up to 64 MiB at the end of its heap ("mallopt", M_TRIM_THRESHOLD), and free pages below it for
    good: after a shard of an audience of 200,000 people 85 MiB, of 20,000 people 22, with 46 MiB in use.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # musl has no such function, and keeps nothing
            ctypes.CDLL(None).malloc_trim(0)


def _windowed(
    executor: Executor,
    function: Callable[[Task], Result],
    tasks: Iterator[tuple[int, Task]],
    unfinished: dict[int, Task],
    window: int,
) -> Iterator[Result]:
    futures: dict[Future[Result], int] = {}

    def hand_out(count: int) -> None:
        for number, task in islice(tasks, count):
            unfinished[number] = task  # before submit, which raises when a worker has just died
            with _no_interrupt():
                futures[executor.submit(function, task)] = number

    hand_out(window)
    while futures:
        finished, _ = wait(futures, return_when=FIRST_COMPLETED)
        for future in finished:
            result = future.result()
            del unfinished[futures.pop(future)]
            yield result
            hand_out(1)
