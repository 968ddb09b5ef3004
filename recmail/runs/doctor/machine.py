"""The machine: its clock, its time zones, the room on its disk."""

from __future__ import annotations

import platform
import re
import shutil
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from recmail import __version__
from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.words import size

_NOT_BEFORE, _NOT_AFTER = 2026, 2100  # this version was written in 2026
_OLD_YEARS = 2  # countries change their clocks every year
_ROOM_WRONG, _ROOM_WARNED = 100_000_000, 1_000_000_000  # bytes; SQLite stops when there are none


def check_machine(folder: Path) -> Iterator[Finding]:
    """Look at everything that does not depend on the project, but for the disk that its folder is on."""
    yield ok("versions", f"recmail {__version__}, Python {platform.python_version()}")
    yield check_clock(datetime.now(UTC))
    yield check_time_zones(_time_zones(), datetime.now(UTC))
    yield check_room(shutil.disk_usage(folder).free)


def check_clock(machine: datetime) -> Finding:
    """Say whether the year can be true; who is due and who said no since is decided by the clock."""
    found = f"{machine:%Y-%m-%d %H:%M} UTC"
    if not _NOT_BEFORE <= machine.year <= _NOT_AFTER:
        return wrong("clock", f"{found} cannot be true", "set the clock, best by NTP")
    return ok("clock", found)


def _time_zones() -> tuple[str, str]:
    """The release of the time zones in use, and where they come from; both empty where there are none."""
    for folder in zoneinfo.TZPATH:  # Python looks here before it takes the package
        if not (Path(folder) / "Europe" / "Berlin").is_file():
            continue
        for name, pattern in (("tzdata.zi", r"# version (\S+)"), ("+VERSION", r"(\S+)")):
            file = Path(folder) / name
            if file.is_file() and (found := re.match(pattern, file.read_text("ascii", "replace"))):
                return found[1], folder
        return "unknown", folder
    try:
        return version("tzdata"), "the package tzdata"
    except PackageNotFoundError:
        return "", ""


def check_time_zones(found: tuple[str, str], machine: datetime) -> Finding:
    """Say whether the rules of time zones are there, and recent.

    Args:
        found: their release, such as 2026b, and where they come from.
    """
    release, where = found
    if not release:
        return wrong("time zones", "there are none on this machine", "pip install tzdata")
    year = int(release[:4]) if release[:4].isdigit() else machine.year
    if year <= machine.year - _OLD_YEARS:
        advice = "update the system's package tzdata" if "/" in where else "pip install --upgrade tzdata"
        return warning(
            "time zones", f"{release} from {where}; countries have changed their clocks since", advice
        )
    return ok("time zones", f"{release} from {where}")


def check_room(free_bytes: int) -> Finding:
    """Say whether the project's disk has room for what a run writes."""
    found = f"{size(free_bytes)} free"
    if free_bytes < _ROOM_WRONG:
        return wrong("disk", found, "make room before you plan or send")
    return warning("disk", found, "make room") if free_bytes < _ROOM_WARNED else ok("disk", found)
