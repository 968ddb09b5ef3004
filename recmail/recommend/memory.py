"""How much memory this machine can still give, so that what would not fit is left out instead of killed."""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Return the memory that is free, within the limit of the container if there is one.

    On Linux what the kernel calls available; elsewhere half of what the machine has.
    """
    limits = [free for free in (_of_kernel(_MEMINFO), _of_container(_CGROUP)) if free is not None]
    if limits:
        return min(limits)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _of_kernel(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _of_container(cgroup: Path) -> int | None:
    """Return what a cgroup (version 2) leaves; memory.max says "max" where there is no limit."""
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return None
    return None if limit == "max" else max(int(limit) - used, 0)
