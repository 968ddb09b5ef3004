"""From recmail.toml, RECMAIL_* variables and flags to Settings, with every mistake said at once."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recmail.errors import ConfigError, Problem, did_you_mean
from recmail.settings.secret import Secret, is_reference, is_secret_name, looks_secret
from recmail.settings.sections import (
    NAME_SECTIONS,
    RAW_SECTIONS,
    REQUIRED,
    SECTIONS,
    BrandSettings,
    DeliverySettings,
    LimitSettings,
    ModelSettings,
    ProjectSettings,
    SenderSettings,
    toml_name,
)
from recmail.settings.settings import RawTable, Settings
from recmail.settings.source import SourceText, read_source, shown
from recmail.settings.toml import KeyPath, TomlFile, parse_toml
from recmail.settings.values import NAME

FILE_NAME = "recmail.toml"
PROJECT_VARIABLE = "RECMAIL_PROJECT"
WRONG = "wrong"
"""The origin of a value that cannot be used."""


def find_project(start: Path | None = None) -> Path:
    """Return the folder of `start`, else of RECMAIL_PROJECT, else the nearest one from here upward.

    Raises:
        ConfigError: there is no recmail.toml.
    """
    given = start or (Path(os.environ[PROJECT_VARIABLE]) if os.environ.get(PROJECT_VARIABLE) else None)
    if given is not None:
        if (given / FILE_NAME).is_file():
            return given.resolve()
        raise ConfigError(
            [Problem(str(given), 0, 0, f"there is no {FILE_NAME} here; run: recmail init {given}")]
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ConfigError([Problem(str(here), 0, 0, f"no {FILE_NAME} here or above; run: recmail init DIR")])


def load_settings(folder: Path, *, flags: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of a project.

    Args:
        flags: values given on the command line, by "section.key".

    Raises:
        ConfigError: every mistake, each at its place.
    """
    source = read_source(folder / FILE_NAME, file=FILE_NAME)
    return parse_settings(source, folder.resolve(), flags=flags or {})


def survey_settings(folder: Path) -> tuple[Settings, list[Problem]]:
    """Read what can be read of a project's settings, and every mistake.

    The origin of a wrong value is WRONG; it has its default, or is empty where there is none.

    Raises:
        ConfigError: the file cannot be read, or its syntax is broken.
    """
    source = read_source(folder / FILE_NAME, file=FILE_NAME)
    return _survey(source, folder.resolve(), flags={})


def parse_settings(source: SourceText, folder: Path, *, flags: Mapping[str, str]) -> Settings:
    """Read settings from a text, as `load_settings` does from a file."""
    settings, problems = _survey(source, folder, flags=flags)
    if problems:
        raise ConfigError(problems)
    return settings


def _survey(source: SourceText, folder: Path, *, flags: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    loader = _Loader(parse_toml(source), folder, flags)
    sections = {name: loader.section(name, kind) for name, kind in SECTIONS.items()}
    named = {name: loader.names(name) for name in NAME_SECTIONS}
    raw = {name: loader.raw(name) for name in RAW_SECTIONS}
    providers = {
        "files": RawTable("provider", "files", {"type": "files", "folder": "outbox"}),
        **raw["provider"],
    }
    loader.check_sections()
    loader.check_variables()
    loader.check_provider(sections["delivery"].get("provider"), providers)
    settings = Settings(
        folder=folder,
        project=ProjectSettings(**sections["project"]),
        sender=SenderSettings(**sections["sender"]),
        brand=BrandSettings(**sections["brand"]),
        limits=LimitSettings(**sections["limits"]),
        model=ModelSettings(**sections["model"]),
        delivery=DeliverySettings(**sections["delivery"]),
        topics=named["topics"],
        attributes=named["attributes"],
        providers=providers,
        sources=raw["sources"],
        origins=loader.origins,
        bounces=raw["bounces"],
    )
    return settings, loader.problems


class _Loader:
    """Reads sections and collects mistakes; a value with a mistake has its default."""

    def __init__(self, file: TomlFile, folder: Path, flags: Mapping[str, str]) -> None:
        self._file, self._folder, self._flags = file, folder, flags
        self.problems: list[Problem] = []
        self.origins: dict[str, str] = {}

    def section(self, name: str, kind: type[Any]) -> dict[str, Any]:
        """Read a section with fixed keys."""
        table = self._table(name)
        keys = {toml_name(key): key for key in dataclasses.fields(kind)}
        for written in table:
            if written not in keys:
                self._unknown_key(name, written, list(keys))
        read = {}
        for written, key in keys.items():
            try:
                read[key.name] = self._value(name, written, key.metadata, table)
            except ValueError as error:
                self._wrong(name, written, str(error))
                fallback = key.metadata["default"]
                read[key.name] = "" if fallback is REQUIRED else key.metadata["read"](fallback)
        return read

    def _value(self, section: str, name: str, about: Mapping[str, Any], table: Mapping[str, Any]) -> Any:
        """Take a value from the first of flag, variable, file and default that has it, and read it."""
        key, variable = f"{section}.{name}", f"RECMAIL_{section}_{name}".upper()
        if key in self._flags:
            self.origins[key] = "flag"
            return about["read"](_from_text(self._flags[key], toml=about["toml"]))
        if variable in os.environ:
            self.origins[key] = variable
            text = os.environ[variable]
            if key == "project.database" and not is_reference(text):
                text = f"env:{variable}"  # the variable may hold a password, which no other place may
            return about["read"](_from_text(text, toml=about["toml"]))
        if name in table:
            self.origins[key] = f"{FILE_NAME}:{self._file.line((section, name))}"
            return about["read"](table[name])
        self.origins[key] = "default"
        if about["default"] is REQUIRED:
            raise ValueError("is missing")
        return about["read"](about["default"])

    def _wrong(self, section: str, name: str, message: str) -> None:
        text = f"[{section}] {name}: {message}"
        origin = self.origins[f"{section}.{name}"]
        if origin.startswith(FILE_NAME):
            self.problems.append(self._file.at_value((section, name), text))
        elif origin == "default":
            self.problems.append(self._file.at_key((section,), text))
        else:
            self.problems.append(Problem(origin, 0, 0, text))
        self.origins[f"{section}.{name}"] = WRONG

    def names(self, section: str) -> dict[str, Any]:
        """Read a section whose keys are the user's own names."""
        read = {}
        for name, value in self._table(section).items():
            self.origins[f"{section}.{name}"] = f"{FILE_NAME}:{self._file.line((section, name))}"
            if not NAME.fullmatch(name):
                self._add_key((section, name), "expected a name of small letters, digits, - and _")
                continue
            try:
                read[name] = NAME_SECTIONS[section](value)
            except ValueError as error:
                self._wrong(section, name, str(error))
        return read

    def raw(self, section: str) -> dict[str, RawTable]:
        """Keep the sections of a section as they are, their secrets as references."""
        tables = {}
        for name, table in self._table(section).items():
            path = (section, name)
            self.origins[f"{section}.{name}"] = f"{FILE_NAME}:{self._file.line(path)}"
            if not isinstance(table, dict):
                self._add_value(path, f"found {shown(table)}; expected a section [{section}.{name}]")
                continue
            kept = self._keep(table, path)
            tables[name] = RawTable(section, name, kept, self._file.line(path), self._file)
        return tables

    def _keep(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self._keep(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._keep(inner, (*path, index)) for index, inner in enumerate(value)]
        if is_reference(value):
            return Secret(value, self._folder, FILE_NAME, self._file.line(path))
        named = any(isinstance(part, str) and is_secret_name(part) for part in path[2:])
        if value != "" and (named or (isinstance(value, str) and looks_secret(value))):
            self._add_value(
                path, "a secret may not stand here; write env:NAME or file:PATH and keep it there"
            )
        return value

    def check_sections(self) -> None:
        """Report sections that do not exist."""
        known = (*SECTIONS, *NAME_SECTIONS, *RAW_SECTIONS)
        for name in self._file.data:
            if name not in known:
                hint = did_you_mean(name, known) or _belongs(name) or f"; expected one of {', '.join(known)}"
                self.problems.append(self._file.at_key((name,), f"{name}: unknown section{hint}"))

    def check_variables(self) -> None:
        """Report variables that are named like ours and mean nothing: they would be ignored in silence."""
        known = {f"RECMAIL_{section}_{name}".upper() for section, name in _fixed_keys()}
        starts = tuple(f"RECMAIL_{section}_".upper() for section in SECTIONS)
        for variable in sorted(os.environ):
            if variable.startswith(starts) and variable not in known:
                hint = did_you_mean(variable, known)
                self.problems.append(Problem(variable, 0, 0, f"unknown variable{hint}"))

    def check_provider(self, chosen: str | None, providers: Mapping[str, RawTable]) -> None:
        """Report a default provider without a section."""
        if chosen is not None and chosen not in providers:
            hint = did_you_mean(chosen, providers) or f"; there are: {', '.join(providers)}"
            self._wrong("delivery", "provider", f"there is no section [provider.{chosen}]{hint}")

    def _table(self, name: str) -> dict[str, Any]:
        table = self._file.data.get(name, {})
        if isinstance(table, dict):
            return table
        self._add_value((name,), f"found {shown(table)}; expected a section [{name}]")
        return {}

    def _unknown_key(self, section: str, name: str, known: list[str]) -> None:
        hint = did_you_mean(name, known) or _belongs(name) or f"; expected one of {', '.join(known)}"
        self._add_key((section, name), f"unknown key{hint}")

    def _add_key(self, path: KeyPath, message: str) -> None:
        self.problems.append(self._file.at_key(path, f"{_written(path)}: {message}"))

    def _add_value(self, path: KeyPath, message: str) -> None:
        self.problems.append(self._file.at_value(path, f"{_written(path)}: {message}"))


def _written(path: KeyPath) -> str:
    """Return a key as people speak of it: [sender] from, [provider.relay] password."""
    depth = 2 if path[0] in RAW_SECTIONS else 1
    section, rest = path[:depth], path[depth:]
    return " ".join(part for part in (f"[{'.'.join(map(str, section))}]", ".".join(map(str, rest))) if part)


def _belongs(name: str) -> str:
    """Say in which section a key belongs, when there is one."""
    return next((f"; it belongs into [{section}]" for section, key in _fixed_keys() if key == name), "")


def _fixed_keys() -> Iterator[tuple[str, str]]:
    for section, kind in SECTIONS.items():
        for key in dataclasses.fields(kind):
            yield section, toml_name(key)


def _from_text(text: str, *, toml: bool) -> Any:
    """Return the value that a variable or a flag holds."""
    if not toml:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
