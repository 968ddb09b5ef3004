"""Settings: every mistake, then each value with where it comes from; and the key."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

from recmail.errors import ConfigError, Problem
from recmail.feedback.mailbox import read_mailboxes
from recmail.history.sources import read_sources
from recmail.runs.brand import brand_warnings
from recmail.runs.doctor.finding import Finding, ok, said, warning, wrong
from recmail.runs.doctor.subject import Subject
from recmail.settings import RawTable, Secret, Settings, format_duration
from recmail.settings.secret import HIDDEN, may_name_a_secret
from recmail.settings.sections import NAME_SECTIONS, SECTIONS, toml_name
from recmail.settings.source import shown

_IGNORES_KEY = {".recmail/key", ".recmail", ".recmail/*", "key"}


def no_project(error: ConfigError) -> Finding:
    """Say that there is nothing to look at."""
    found = wrong("recmail.toml", said(error.problems[0]), "recmail init DIR, or give --project DIR")
    return replace(found, makes_invalid=True)


def check_problems(problems: Iterable[Problem]) -> Iterator[Finding]:
    """Say everything that is wrong with recmail.toml."""
    for problem in sorted(problems):
        place = f"{problem.file}, line {problem.line}" if problem.line else problem.file
        yield replace(wrong("recmail.toml", said(problem), f"mend {place}"), makes_invalid=True)


def check_mistakes(subject: Subject) -> Iterator[Finding]:
    """Say whether recmail.toml can be used."""
    problems = [*subject.problems, *_problems(read_sources, subject), *_problems(read_mailboxes, subject)]
    yield from check_problems(problems)
    if not problems:
        yield ok("recmail.toml", f"{subject.folder / 'recmail.toml'} has no mistakes")


def _problems(read: Callable[[Settings], object], subject: Subject) -> Sequence[Problem]:
    try:
        read(subject.settings)
    except ConfigError as error:
        return error.problems
    return ()


def check_values(subject: Subject) -> Iterator[Finding]:
    """Say every value and its origin; those with mistakes were said before."""
    settings = subject.settings
    for section, kind in SECTIONS.items():
        table = getattr(settings, section)
        for field in fields(kind):
            key = f"{section}.{toml_name(field)}"
            drawn = section == "brand" and settings.origins[key] == "default"  # a page of colours
            if subject.stands(key) and not drawn:
                yield ok(key, f"{_in_words(getattr(table, field.name))} ({settings.origins[key]})")
    for section in NAME_SECTIONS:
        for name, value in getattr(settings, section).items():
            yield ok(f"{section}.{name}", f"{value} ({settings.origins[f'{section}.{name}']})")
    for tables in (settings.providers, settings.sources, settings.bounces):
        for table in tables.values():
            yield from _raw(table)


def check_brand(subject: Subject) -> Iterator[Finding]:
    """Say what is doubtful about the company's colours and logo."""
    for problem in brand_warnings(subject.settings):
        place = f"{problem.file}, line {problem.line}" if problem.line else problem.file
        yield warning("brand", problem.message, f"mend {place}")


def _in_words(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:g}" for name, number in value.items())
    return "not set" if value in (None, "") else str(value)


def _raw(table: RawTable) -> Iterator[Finding]:
    for name, value in table.values.items():
        key, origin = f"{table.section}.{table.name}.{name}", table.origin(name)
        if isinstance(value, Secret):
            yield _secret(key, value)
        elif origin != "default":
            words = HIDDEN if value and may_name_a_secret(name) else _raw_in_words(value)
            yield ok(key, f"{words} ({origin})")


def _raw_in_words(value: object) -> str:
    if isinstance(value, dict):
        return f"{len(value)} keys"
    return ", ".join(map(str, value)) if isinstance(value, list) else shown(value).strip("'")


def _secret(key: str, secret: Secret) -> Finding:
    """Say where a secret comes from and whether it is there, never what it is."""
    try:
        secret.reveal()
    except ConfigError as error:
        kind, _, where = secret.reference.partition(":")
        advice = f"set the variable {where}" if kind == "env" else f"write it to the file {where}"
        return warning(key, said(error.problems[0]), f"{advice} where recmail runs")
    return ok(key, f"{secret.reference}, which can be read ({secret.file}:{secret.line})")


def check_database_secret(subject: Subject) -> Iterator[Finding]:
    """Say when the database's address cannot be read."""
    if not subject.stands("project.database"):
        return
    try:
        _ = subject.settings.database_url
    except ConfigError as error:
        where = subject.settings.project.database
        found = wrong(
            "project.database", said(error.problems[0]), f"give {where} its value where recmail runs"
        )
        yield replace(found, makes_invalid=True)


def check_key(subject: Subject) -> Iterator[Finding]:
    """Say whether the key can be read, by nobody else, and stays out of git."""
    settings = subject.settings
    if not subject.stands("project.key"):
        return
    try:
        _ = settings.key
        if subject.stands("project.older_keys"):
            _ = settings.older_keys
    except ConfigError as error:
        advice = "bring it back from your copy: with another, links in emails already delivered stop working"
        yield wrong("key", said(error.problems[0]), advice)
        return
    if settings.project.key.startswith("file:"):
        yield from _key_file(settings, settings.folder / settings.project.key.removeprefix("file:"))
    else:
        yield ok("key", f"{settings.project.key} can be read")


def _key_file(settings: Settings, file: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        found = f"others can read it (mode {mode:04o}), and forge the links that it signs"
        yield warning("key", found, f"chmod 600 {shlex.quote(str(file))}")
    else:
        yield ok("key", f"can be read by its owner only (mode {mode:04o})")
    if not file.is_relative_to(settings.folder):
        return
    ignore = settings.folder / ".gitignore"
    inside = file.relative_to(settings.folder).as_posix()
    lines = ignore.read_text("utf-8", "replace").splitlines() if ignore.is_file() else []
    patterns = {line.strip().strip("/") for line in lines}
    if inside in patterns or (inside == ".recmail/key" and patterns & _IGNORES_KEY):
        yield ok("key in git", f".gitignore keeps {inside} out")
    else:
        advice = f"echo {shlex.quote(inside)} >> {shlex.quote(str(ignore))}"
        yield warning("key in git", f".gitignore does not name {inside}", advice)
