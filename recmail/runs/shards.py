"""Gives the shards of a run or an audience to the workers that the project's settings allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from recmail.engine import drive, shard_executor
from recmail.runs.project import Project

Task = TypeVar("Task")
Result = TypeVar("Result")


def over_shards(
    project: Project, function: Callable[[Task], Result], tasks: Iterable[Task], shards: int
) -> Iterator[Result]:
    """Apply `function` to the task of each shard, results as they come.

    Args:
        shards: how many tasks there are; more workers would have nothing to do.
    """
    delivery = project.settings.delivery
    workers = max(1, min(delivery.planners, shards))
    return drive(shard_executor(delivery.engine, workers), function, tasks, window=2 * workers)
