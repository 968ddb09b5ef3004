"""Bounces out of a Maildir: a file each, marked as seen when it was dealt with; none is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from recmail.errors import TemporaryFailure
from recmail.feedback.bounce_report import MOST_BYTES
from recmail.feedback.mailbox import AT_ONCE, Mail

_FLAGS = ":2,"


class Maildir:
    """A folder with new/ and cur/; what a mail program moved to cur/ unseen still counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def unread(self) -> Iterator[Sequence[Mail]]:
        """Give the mails that are not marked as seen."""
        paths = iter(
            sorted(
                path
                for path in chain((self._folder / "new").iterdir(), (self._folder / "cur").iterdir())
                if path.is_file() and "S" not in path.name.partition(_FLAGS)[2] and path.name[0] != "."
            )
        )
        while some := [mail for path in islice(paths, AT_ONCE) if (mail := self._read(path)) is not None]:
            yield some

    def mark_read(self, mails: Sequence[Mail]) -> None:
        """Move mails to cur/ with the flag that mail programs give them."""
        for mail in mails:
            path = self._folder / mail.name
            name, _, flags = path.name.partition(_FLAGS)
            flags = "".join(sorted({*flags, "S"}))
            try:
                path.rename(self._folder / "cur" / f"{name}{_FLAGS}{flags}")
            except FileNotFoundError:
                continue  # another process dealt with it, or somebody took it away

    def _read(self, path: Path) -> Mail | None:
        try:
            with path.open("rb") as file:
                return Mail(str(path.relative_to(self._folder)), file.read(MOST_BYTES))
        except FileNotFoundError:
            return None


@contextmanager
def open_maildir(folder: Path) -> Iterator[Maildir]:
    """Open one for reading.

    Raises:
        TemporaryFailure: a file or the folder cannot be read or moved.
    """
    try:
        yield Maildir(folder)
    except OSError as error:
        raise TemporaryFailure(
            f"{error.filename or folder}: {(error.strerror or str(error)).lower()}"
        ) from error
