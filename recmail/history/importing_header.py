"""A file's header: which column is which of ours, and what is wrong with it, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from recmail.errors import DataError, did_you_mean
from recmail.history.importing_target import ImportOptions

OUR_MARKS = ("reject_line", "reject_reason")  # a file of rejected rows can be mended and imported again
_NEAR = 0.8


@dataclass(frozen=True)
class Header:
    """Where our columns stand in a record, and the names of those that are not used."""

    places: dict[str, int]
    ignored: tuple[str, ...]


def read_header(
    place: str,
    columns: Sequence[str],
    *,
    known: Sequence[str],
    required: Sequence[str | tuple[str, ...]],
    options: ImportOptions,
) -> Header:
    """Find our columns.

    An unknown column that is spelled nearly like one of ours that is missing is taken for a mistake; others
    are ignored.

    Args:
        place: of the header, for messages.
        columns: the names in the file.
        known: our names.
        required: those of ours that must be there; of several in a tuple, one.
        options: rename theirs to ours; both count without case.

    Raises:
        DataError: with every problem of the header.
    """
    written = [name.lower() for name in columns]
    renamed = {theirs.strip().lower(): ours for theirs, ours in options.columns.items()}
    by_case = {name.lower(): name for name in known}
    ours = [renamed.get(name) or by_case.get(name) for name in written]
    unknown = [column for column, name in zip(columns, ours, strict=True) if not name and _foreign(column)]
    missing = [name for name in known if name not in ours]
    problems = [
        *_wrong_renames(options, columns, known),
        *_twice(ours),
        *_misspelt(options, unknown, missing),
        *(_not_there(options, needed, columns) for needed in required if set(_names(needed)) <= set(missing)),
    ]
    if problems:
        raise DataError("\n".join(f"{place}: {problem}" for problem in problems))
    return Header({name: place for place, name in enumerate(ours) if name}, tuple(unknown))


def _twice(ours: Sequence[str | None]) -> Iterator[str]:
    for name, count in Counter(filter(None, ours)).items():
        if count > 1:
            yield f"{name}: {count} columns of this name"


def _foreign(column: str) -> bool:
    return bool(column) and column.lower() not in OUR_MARKS


def _wrong_renames(options: ImportOptions, columns: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    written = {name.lower() for name in columns}
    for theirs, ours in options.columns.items():
        rename = options.renaming(theirs, ours)
        if theirs.strip().lower() not in written:
            yield f"{rename}: there is no column {theirs}{did_you_mean(theirs, columns)}"
        if ours not in known:
            yield f"{rename}: {ours} is none of our columns{did_you_mean(ours, known)}"


def _misspelt(options: ImportOptions, unknown: Sequence[str], missing: Sequence[str]) -> Iterator[str]:
    for name in unknown:
        for near in get_close_matches(name.lower(), missing, n=1, cutoff=_NEAR):
            rename = options.renaming(name, near)
            yield f"{name}: unknown column; did you mean {near}? (then {rename}, or rename it)"


def _names(needed: str | tuple[str, ...]) -> tuple[str, ...]:
    return (needed,) if isinstance(needed, str) else needed


def _not_there(options: ImportOptions, needed: str | tuple[str, ...], columns: Sequence[str]) -> str:
    name, *others = _names(needed)
    either = "".join(f" or {other}" for other in others)
    found = ", ".join(filter(None, columns))
    advice = f"if one of them holds it: {options.renaming('THEIRS', name)}"
    return f"{name}{either}: this column is missing; found {found} ({advice})"
