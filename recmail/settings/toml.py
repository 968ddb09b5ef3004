"""TOML with places: tomllib reads the values, a small scanner finds where each of them stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recmail.errors import ConfigError, Problem
from recmail.settings.source import SourceText

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""\s*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*\'''', re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\r\n]*")


@dataclass(frozen=True)
class TomlFile:
    """A settings file: its values, and where each key and each value starts."""

    source: SourceText
    data: dict[str, Any]
    keys: Mapping[KeyPath, int]
    values: Mapping[KeyPath, int]

    def at_key(self, path: KeyPath, message: str) -> Problem:
        """Return a mistake at a key or a table's header, else at the nearest one around it."""
        found = _nearest(self.keys, path)
        if found is None:
            return Problem(self.source.file, 0, 0, message)
        return self.source.problem(found, message)

    def at_value(self, path: KeyPath, message: str) -> Problem:
        """Return a mistake at a value, else at the key or table around it."""
        found = self.values.get(path)
        return self.at_key(path, message) if found is None else self.source.problem(found, message)

    def line(self, path: KeyPath) -> int:
        """Return the line where a key or the table around it stands; 0 when neither is written."""
        found = _nearest(self.keys, path)
        return 0 if found is None else self.source.place(found)[0]


def _nearest(places: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    while path and path not in places:
        path = path[:-1]
    return places.get(path)


def parse_toml(source: SourceText) -> TomlFile:
    """Read a TOML text.

    Raises:
        ConfigError: where the syntax ends, and how to mend the usual causes.
    """
    try:
        data = tomllib.loads(source.text)
        scanner = _Scanner(source.text)
        scanner.run()
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([_syntax_problem(source, str(error))]) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; a thousand brackets
        raise ConfigError([Problem(source.file, 0, 0, "a value is too long or nested too deeply")]) from error
    return TomlFile(source, data, scanner.keys, scanner.values)


def _syntax_problem(source: SourceText, found: str) -> Problem:
    """Tomllib says "Invalid value (at line 3, column 7)"; anything else is at the end of the file."""
    place = re.search(r" \(at line (\d+), column (\d+)\)$", found)
    message = re.sub(r" \(at [^()]*\)$", "", found)
    end = len(source.text.rstrip())
    offset = source.offset_of_line(int(place[1])) + int(place[2]) - 1 if place else end
    hints = {
        "Invalid value": '; text needs quotes: name = "Acme"',
        "Unescaped '\\'": "; write \\\\ for a backslash, or the text in 'single quotes'",
        "Cannot overwrite a value": "; this key is there twice",
        "Cannot declare": "; this section is there twice",
        "Expected '=' after a key": "; a line is: key = value",
    }
    hint = next((hint for start, hint in hints.items() if message.startswith(start)), "")
    return source.problem(offset, f"{message[:1].lower()}{message[1:]}{hint}")


class _Scanner:
    """Walks a text that tomllib has accepted, so it may trust the syntax."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._arrays: dict[KeyPath, int] = {}
        self.keys: dict[KeyPath, int] = {}
        self.values: dict[KeyPath, int] = {}

    def run(self) -> None:
        table: KeyPath = ()
        while self._next():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _next(self) -> str:
        """Skip blanks and comments; the character after them, empty at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _header(self) -> KeyPath:
        start = self._at
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at += brackets
        path: KeyPath = ()
        names = self._key()
        for position, name in enumerate(names, start=1):
            path = (*path, name)
            self.keys.setdefault(path, start)
            if brackets == 2 and position == len(names):
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
                self.keys.setdefault(path, start)
        self._next()
        self._at += brackets
        return path

    def _key(self) -> list[str]:
        names = []
        dot = "."
        while dot and (part := _KEY.match(self._text, self._at)):
            raw, dot = part.groups()
            names.append(str(tomllib.loads(f"key = {raw}")["key"]) if raw[0] in "\"'" else raw)
            self._at = part.end()
        return names

    def _pair(self, table: KeyPath) -> None:
        start = self._at
        path = table
        for name in self._key():
            path = (*path, name)
            self.keys.setdefault(path, start)
        self._next()
        self._at += 1  # the equals sign
        self._next()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self.values[path] = self._at
        opening = self._text[self._at]
        if opening in "[{":
            self._at += 1
            self._inside(path, closing="]" if opening == "[" else "}")
            return
        found = (_STRING if opening in "\"'" else _PLAIN).match(self._text, self._at)
        self._at = found.end() if found else self._at + 1

    def _inside(self, path: KeyPath, *, closing: str) -> None:
        index = 0
        while (character := self._next()) and character != closing:
            if character == ",":
                self._at += 1
            elif closing == "}":
                self._pair(path)
            else:
                self._value((*path, index))
                index += 1
        self._at += 1
