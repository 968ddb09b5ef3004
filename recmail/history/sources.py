"""[sources.*] of recmail.toml: where a project's data comes from, checked and in the order of reading."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from recmail import plugins
from recmail.errors import ConfigError, DataError, Problem, did_you_mean, nearest
from recmail.history.importers import PACKAGE, TABLES, FileOptions, Piece, SourceOptions, Table
from recmail.history.importers.file_pattern import Files
from recmail.settings import RawTable, Settings
from recmail.settings.plugin_section import read_options

EXAMPLE = """\
[sources.users]
file = "data/users*.csv"

[sources.courses]
sql = "select id as course_id, title, category from courses"
url = "env:REPLICA_URL"

[sources.interactions]
file = "data/events/*.parquet"
"""
_NEARLY = 0.85  # user, cources; not sessions, which is as near to suppressions as 0.8
_BY_SUFFIX = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet"}


@dataclass(frozen=True)
class Source:
    """One [sources.NAME] of recmail.toml, checked.

    Attributes:
        shape: changes with everything that decides what comes of the same data: kinds of events, renamed
            columns, declared attributes. What was read in another shape is read again.
    """

    name: str
    table: Table
    options: SourceOptions
    shape: str


def read_sources(settings: Settings) -> list[Source]:
    """Check all sections; users and courses come before what refers to them.

    Raises:
        ConfigError: with every mistake of all sections, each at its line.
    """
    sources, problems = [], []
    for table in settings.sources.values():
        try:
            sources.append(_read(table, settings))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return sorted(sources, key=lambda source: TABLES.index(source.table))


def read_source(name: str, settings: Settings) -> Source:
    """Check one section.

    Raises:
        ConfigError: there is no such section, or it has mistakes.
    """
    if name in settings.sources:
        return _read(settings.sources[name], settings)
    there = ", ".join(settings.sources)
    hint = did_you_mean(name, settings.sources) or f"; there {f'are: {there}' if there else 'is none yet'}"
    raise ConfigError([Problem("recmail.toml", 0, 0, f"there is no section [sources.{name}]{hint}")])


def file_piece(path: Path, encoding: str) -> Piece:
    """A file that somebody names on the command line; a suffix that says nothing means CSV.

    Raises:
        DataError: it is a folder, or JSON.
    """
    if path.name.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson")):
        advice = (
            'such files come in by a section of recmail.toml with format = "segment", "mixpanel" or "ga4"'
        )
        raise DataError(f"{path}: is JSON by its name; {advice}")
    format_name = _by_suffix(path.name) or "csv"
    kind: type[FileOptions] = plugins.load(PACKAGE, format_name)
    own: dict[str, Any] = {"encoding": encoding} if "encoding" in kind.model_fields else {}
    try:
        options = kind(file=Files(path.name, path.parent), **own)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    return Piece(path.name, path, None, lambda knows: options.open(path, knows))


def _by_suffix(name: str) -> str | None:
    return _BY_SUFFIX.get(Path(name.lower().removesuffix(".gz")).suffix)


def _read(table: RawTable, settings: Settings) -> Source:
    if {"sql", "file"} <= set(table.values):
        raise ConfigError([table.problem("expected either sql or file, not both", "file")])
    kind: type[SourceOptions] = plugins.load(PACKAGE, _format(table, settings.folder))
    options = read_options(kind, table, naming="format", folder=settings.folder)
    found = options.table or _named_table(table, kind)
    if found not in kind.tables:
        expected = " or ".join(kind.tables)
        hint = f'add: table = "{kind.tables[0]}"' if options.table is None else f"expected {expected}"
        raise ConfigError([table.problem(f"this format brings {expected}, not {found}; {hint}", "table")])
    return Source(table.name, found, options, _shape(options, found, settings))


def _named_table(table: RawTable, kind: type[SourceOptions]) -> Table:
    """What a section brings that has no key table: its name tells, and other names mean interactions.

    Raises:
        ConfigError: the name is nearly that of another table, such as user or users_2025.
    """
    if table.name in get_args(Table):
        return cast(Table, table.name)
    first = re.split(r"[-_\d]", table.name)[0]
    meant = first if first in get_args(Table) else nearest(table.name, get_args(Table), cutoff=_NEARLY)
    if meant not in ("", "interactions") and meant in kind.tables:
        message = (
            f'did you mean [sources.{meant}]? Say what it brings: table = "{meant}", '
            'or table = "interactions"'
        )
        raise ConfigError([table.problem(message)])
    return "interactions"


def _format(table: RawTable, folder: Path) -> str:
    known = plugins.names(PACKAGE)
    expected = f"expected one of {', '.join(known)}"
    name = table.values.get("format")
    if name is None:
        return _guessed_format(table, folder, expected)
    if name not in known:
        hint = did_you_mean(str(name), known) or f"; {expected}"
        raise ConfigError([table.problem(f"found {name!r}{hint}", "format")])
    return str(name)


def _guessed_format(table: RawTable, folder: Path, expected: str) -> str:
    if "sql" in table.values:
        return "sql"
    file = table.values.get("file")
    if file is None:
        hints = {key: did_you_mean(key, ("file", "sql", "format")) for key in table.values}
        misspelt = [table.problem(f"unknown key{hint}", key) for key, hint in hints.items() if hint]
        raise ConfigError(misspelt or [table.problem("has neither file nor sql")])
    found = _by_suffix(file) if isinstance(file, str) else None
    if found is None and isinstance(file, str):
        try:
            Files(file, folder)
        except ValueError as error:
            raise ConfigError([table.problem(str(error), "file")]) from error
    if found is None:
        raise ConfigError([table.problem(f"format is missing; {expected}")])
    return found


def _shape(options: SourceOptions, table: Table, settings: Settings) -> str:
    written = options.model_dump(mode="python", exclude=set(options.whereabouts), exclude_unset=True)
    besides = dict(settings.attributes) if table == "users" else {}
    text = json.dumps([written, besides, settings.project.currency], default=str, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
