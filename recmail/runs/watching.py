"""Waits until somebody saves a campaign, a template or the settings of a project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from watchfiles import Change, watch

_SUFFIXES = frozenset({".yaml", ".j2", ".css"})
_LOOK_AGAIN_MS = 1_000
_SAVED_MS = 100  # some editors save in two steps: an empty file first

Stamps = dict[Path, tuple[int, int]]


def each_change(folder: Path) -> Iterator[None]:
    """Yield at once, and then each time that the files differ from when they were yielded for last.

    Folders are watched and not files, which editors replace when they save. The files' own times decide,
    looked at every second besides: a change while the last one was worked on is not missed, nor are those on
    a network drive, of which no system tells.
    """
    seen: Stamps | None = None
    while True:
        found = _stamps(folder)
        if found != seen:
            seen = found
            yield
            continue
        folders = [folder, *_folders(folder)]
        changes = watch(
            *(path for path in folders if path.is_dir()),
            watch_filter=_is_ours,
            debounce=_SAVED_MS,
            rust_timeout=_LOOK_AGAIN_MS,
            yield_on_timeout=True,
            recursive=False,  # the outbox may hold a million files
        )
        with closing(changes):  # left to itself it would be closed where a Ctrl-C is lost
            next(changes, None)


def _is_ours(_change: Change, path: str) -> bool:
    return Path(path).suffix in _SUFFIXES or Path(path).name == "recmail.toml"


def _folders(folder: Path) -> list[Path]:
    templates = folder / "templates"
    return [folder / "campaigns", templates, *(path for path in templates.rglob("*") if path.is_dir())]


def _stamps(folder: Path) -> Stamps:
    stamps = {}
    files = [folder / "recmail.toml", *(path for inside in _folders(folder) for path in inside.glob("*"))]
    for path in files:
        if _is_ours(Change.modified, str(path)):
            try:
                status = path.stat()
            except OSError:  # deleted a moment ago, or being replaced
                continue
            stamps[path] = (status.st_mtime_ns, status.st_size)
    return stamps
