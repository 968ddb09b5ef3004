"""Files: every email into a Maildir on this machine, and a page where a person can read them all."""

from __future__ import annotations

import itertools
import os
import re
import threading
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo

from recmail.deliver.crash import crash_at
from recmail.deliver.esp import EspOptions
from recmail.deliver.esp.files_index import PAGES, RECORD, Entry, as_page, read_entry, write_index
from recmail.errors import AccountRefused
from recmail.records import Outgoing

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,150}")
_numbers = itertools.count()


def _folder(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("expected the name of a folder")
    return info.context["folder"] / value if info.context else Path(value)


class Files(EspOptions):
    """[provider.NAME] with type = "files".

    Attributes:
        folder: the Maildir; relative to the project.
        connections: disks take several files at once faster than one after the other.
    """

    sending_lease: ClassVar[timedelta] = timedelta(seconds=30)

    folder: Annotated[Path, BeforeValidator(_folder)]
    connections: int = Field(4, ge=1, le=64)
    _open: int = PrivateAttr(0)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def leaves_machine(self) -> bool:
        """Never."""
        return False

    @property
    def page(self) -> Path:
        """A page that lists what was sent."""
        return self.folder / "index.html"

    def connect(self) -> MaildirConnection:
        """Make the folders where they are missing.

        Raises:
            AccountRefused: the folder cannot be written.
        """
        try:
            for name in ("tmp", "new", "cur", PAGES):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            with self._lock:
                if not self._open:
                    write_index(self.folder)
                connection = MaildirConnection(self)
                self._open += 1
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        return connection

    def probe(self) -> str:
        """Tell whether the folder can be written, without making it.

        Raises:
            AccountRefused: it cannot be.
        """
        nearest = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        if not nearest.is_dir():
            raise AccountRefused(f"{self.folder.name}/ cannot be written: {nearest.name} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise AccountRefused(f"{self.folder.name}/ cannot be written: Permission denied")
        return f"{self.folder.name}/ can be written"

    def leave(self) -> None:
        """Bring the index page up to date when the last connection closes."""
        with self._lock:
            self._open -= 1
            if not self._open:
                with suppress(OSError):  # the emails are there; the next connection writes it again
                    write_index(self.folder)


def _unwritable(folder: Path, error: OSError) -> AccountRefused:
    """Nobody fails because of our disk: the run pauses and goes on when there is room again."""
    return AccountRefused(f"{folder.name}/ cannot be written: {error.strerror}")


class MaildirConnection:
    """Writes messages; the same message again replaces itself, so that nobody is ever there twice."""

    def __init__(self, options: Files) -> None:
        self._options = options
        folder = options.folder
        self._read = {path.name.partition(":")[0] for path in (folder / "cur").iterdir()}
        self._new_no = os.open(folder / "new", os.O_RDONLY | os.O_DIRECTORY)
        self._record_no = os.open(folder / RECORD, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def send(self, message: Outgoing) -> str:
        """Put one message into `new`, as `Esp.send`; its id is the name of its file."""
        name = file_name(message.message_id)
        if name in self._read:
            return name  # somebody has opened it already in a mail program
        try:
            self._write(name, message)
        except OSError as error:
            raise _unwritable(self._options.folder, error) from error
        return name

    def _write(self, name: str, message: Outgoing) -> None:
        folder = self._options.folder
        crash_at("before-envelope")
        entry, html = read_entry(name, message.mime)
        (folder / PAGES / f"{name}.html").write_text(as_page(html), encoding="utf-8", errors="replace")
        crash_at("before-body")
        waiting = folder / "tmp" / f"{name}.{os.getpid()}.{next(_numbers)}"
        try:
            with waiting.open("wb") as stream:
                half = len(message.mime) // 2
                stream.write(message.mime[:half])
                crash_at("mid-body")
                stream.write(message.mime[half:])
                stream.flush()
                os.fsync(stream.fileno())
            crash_at("after-body")
            waiting.rename(folder / "new" / name)
        except OSError:
            with suppress(OSError):
                waiting.unlink()
            raise
        os.fsync(self._new_no)  # the ledger will say "sent", so the name has to survive a power cut
        crash_at("after-reply")
        self._note(entry)

    def _note(self, entry: Entry) -> None:
        # One write to a file opened for appending: lines of several threads and processes do not mix. It only
        # spares the index from reading every email, so a line that is lost is no loss.
        with suppress(OSError):
            os.write(self._record_no, entry.as_line())

    def close(self) -> None:
        """Let go of the folder."""
        if self._new_no >= 0:
            os.close(self._new_no)
            os.close(self._record_no)
            self._new_no = self._record_no = -1
            self._options.leave()


def file_name(message_id: str) -> str:
    """The name of a message's file: its id, where that can be one."""
    return message_id if _SAFE_NAME.fullmatch(message_id) else sha256(message_id.encode()).hexdigest()
