"""Where a place inside a value stands in the file: YAML unquotes, unescapes and folds what is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DOUBLE_QUOTED = re.compile(r"\\(?:x..|u.{4}|U.{8}|\r\n|[\s\S])|[\s\S]")
_SINGLE_QUOTED = re.compile(r"''|[\s\S]")
_PLAIN = re.compile(r"[\s\S]")
_HEADER = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_ESCAPES_TO_SPACE = frozenset("t\tnvfr N_LP\r\n")


def written_place(raw: str, style: str, text: str, offset: int) -> int:
    """Return where a character of a value's text stands in what is written.

    Whatever YAML does to spaces and line ends, the other characters keep their number and order, so counting
    them finds the place. Behind the last of them, and for a space, it is the place behind the one before.

    Args:
        raw: the value as it is written, with its quotes or the | or > before it.
        style: | or > for blocks, ' and " for quoted, empty for plain.
        text: what it means.
        offset: in `text`.
    """
    before = sum(not character.isspace() for character in text[:offset])
    at_letter = offset < len(text) and not text[offset].isspace()
    end = 0
    for number, (start, stop) in enumerate(_letters(raw, style)):
        if number == before and at_letter:
            return start
        if number == before:
            break
        end = stop
    return end


def _letters(raw: str, style: str) -> Iterator[tuple[int, int]]:
    """Return start and end of everything written that stands for one character other than space."""
    if style in ("|", ">"):
        first = _HEADER.match(raw)
        start, end, letter = first.end() if first else 0, len(raw), _PLAIN
    elif style:
        start, end, letter = 1, len(raw) - 1, _DOUBLE_QUOTED if style == '"' else _SINGLE_QUOTED
    else:
        start, end, letter = 0, len(raw), _PLAIN
    for found in letter.finditer(raw, start, end):
        if not _is_space(found[0]):
            yield found.span()


def _is_space(written: str) -> bool:
    if len(written) == 1 or written == "''":
        return written.isspace()
    if len(written) == 2 or written == "\\\r\n":
        return written[1] in _ESCAPES_TO_SPACE
    return chr(int(written[2:], 16)).isspace()
