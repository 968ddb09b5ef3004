"""The files of recmail's own that hold people: rejected rows, previews, exports, and Maildirs of `files`."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from recmail.deliver.esp.files_index import remove_mails
from recmail.feedback.traces import Traces
from recmail.history.importers.file_pattern import REJECTS
from recmail.history.importing_header import OUR_MARKS
from recmail.settings import Settings

__all__ = ["maildirs", "previews", "rejects_files", "remove_mails"]
_PREVIEWS = "preview"
_NOT_LOOKED_AT = {".git", "images", "templates", "campaigns"}


def rejects_files(settings: Settings) -> list[Path]:
    """Files of rejected rows: in the project, and beside the files that its sources read."""
    folders = {settings.folder}
    for source in settings.sources.values():
        file = source.values.get("file")
        if isinstance(file, str):
            beginning = Path(file.partition("*")[0])
            folders.add(settings.folder / (beginning if file.endswith("/") else beginning.parent))
    found = {path.resolve() for folder in folders if folder.is_dir() for path in folder.rglob(f"*{REJECTS}")}
    return sorted(found)


def remove_rows(path: Path, traces: Traces, *, dry_run: bool = False) -> int:
    """Take a person's rows out of a file of rejected rows; return how many.

    The file is written anew, and replaces the old one when it is whole.
    """
    with path.open(encoding="utf-8", newline="") as file:
        delimiter = file.readline()[len(OUR_MARKS[0]) : len(OUR_MARKS[0]) + 1] or ","
    unfinished = path.with_name(f".{path.name}.unfinished")
    found = 0
    try:
        with (
            path.open(encoding="utf-8", newline="") as file,
            unfinished.open("w", encoding="utf-8", newline="") as kept,
        ):
            unfinished.chmod(path.stat().st_mode & 0o777)
            writer = csv.writer(kept, delimiter=delimiter)
            for record in csv.reader(file, delimiter=delimiter):
                if traces.is_named_in(record):
                    found += 1
                else:
                    writer.writerow(record)
        if found and not dry_run:
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def maildirs(settings: Settings) -> list[Path]:
    """The folders into which providers of type `files` write."""
    folders = [
        settings.folder / str(table.values.get("folder", ""))
        for table in settings.providers.values()
        if table.values.get("type", table.name) == "files"
    ]
    return sorted({folder for folder in folders if folder.is_dir()})


def previews(settings: Settings) -> list[Path]:
    """The folders of previews in their usual place, each with an index page."""
    return sorted(page.parent for page in (settings.folder / _PREVIEWS).glob("*/index.html"))


def shows(preview: Path, traces: Traces) -> bool:
    """Whether a folder is a preview, and has a page that names the person."""
    return (preview / "index.html").is_file() and any(
        traces.are_in_file(path) for path in preview.glob("*.*") if path.is_file()
    )


def remove_preview(preview: Path) -> None:
    """Delete the pages of a preview, and its folder when nothing else is in it."""
    for path in [*preview.glob("*.html"), *preview.glob("*.txt")]:
        path.unlink(missing_ok=True)
    if not any(preview.iterdir()):
        shutil.rmtree(preview, ignore_errors=True)


def is_ours(path: Path) -> bool:
    """Whether a file of the project is one of those that an erasure changes."""
    return path.name.endswith(REJECTS) or path.parts[0] == _PREVIEWS


def files_that_name(settings: Settings, traces: Traces) -> Iterator[Path]:
    """Other files in the project's folder that still name the person: they are the company's."""
    ours = {path.resolve() for path in maildirs(settings)}
    for folder, folders, names in os.walk(settings.folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _NOT_LOOKED_AT and (Path(folder) / name).resolve() not in ours
        )
        for name in sorted(names):
            path = Path(folder) / name
            with suppress(OSError):  # not ours to read, or gone a moment ago
                if path.is_file() and not _is_database(path) and traces.are_in_file(path):
                    yield path.relative_to(settings.folder)


def _is_database(path: Path) -> bool:
    if path.name.endswith(("-wal", "-shm")):
        return True
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"
