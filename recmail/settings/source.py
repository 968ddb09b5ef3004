"""The text of a settings or campaign file: read safely, and shown around a mistake without its secrets."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recmail.errors import ConfigError, Problem
from recmail.settings.secret import hide, hide_in_line

SIZE_LIMIT_BYTES = 1_000_000  # a long campaign has 10 kB; this is an export that got the wrong name
_WIDTH_LIMIT = 160  # a line that is shown; longer ones are cut
_MESSAGE_LIMIT = 600  # a key may be as long as the file
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class SourceText:
    """A file's text and the name it has in messages; places in it are offsets in characters."""

    file: str
    text: str

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset_of_line(self, line: int) -> int:
        """Return where a line starts, lines counted from 1; the last one for any beyond it."""
        return self._starts[min(max(line, 1), len(self._starts)) - 1]

    def line_at(self, offset: int) -> str:
        """Return the line that holds an offset, without its end."""
        line, _ = self.place(offset)
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return self.text[self._starts[line - 1] : end].rstrip("\r\n")

    def problem(self, offset: int, message: str) -> Problem:
        """Return a mistake at an offset, with its line as it may be printed."""
        line, column = self.place(offset)
        # A tab would move everything behind it, and control characters would reach the terminal.
        shown = UNPRINTABLE.sub("·", hide_in_line(self.line_at(offset)).replace("\t", "→"))
        if len(shown) > _WIDTH_LIMIT:
            shown = shown[: _WIDTH_LIMIT - 1] + "…" if column < _WIDTH_LIMIT else ""
        said = message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…"
        return Problem(self.file, line, column, printable(said), shown)


def printable(text: str) -> str:
    """Return a text as it may reach a terminal: without secrets and control characters."""
    return UNPRINTABLE.sub("·", hide(text))


def shown(value: object) -> str:
    """Return a value as messages quote it: short, as it would be written, and without secrets."""
    if isinstance(value, str):
        return repr(hide(value if len(value) <= 60 else value[:59] + "…"))
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "a list"
    return "keys and values" if isinstance(value, dict) else str(value)[:60]


def read_source(path: Path, *, file: str) -> SourceText:
    """Read a file that a person wrote.

    Args:
        file: its name in messages.

    Raises:
        ConfigError: it cannot be read, is larger than a megabyte, or is not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(file, 0, 0, f"cannot be read: {error.strerror}")]) from error
    if len(data) > SIZE_LIMIT_BYTES:
        raise ConfigError([Problem(file, 0, 0, "is larger than 1 MB; is it the right file?")])
    try:
        return SourceText(file, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = SourceText(file, data[: error.start].decode("utf-8-sig"))
        line, column = before.place(len(before.text))
        raise ConfigError([Problem(file, line, column, "is not UTF-8 text; save it as UTF-8")]) from error
