"""The settings of one project, as every command gets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from recmail.errors import ConfigError, Problem
from recmail.settings.secret import Secret, is_reference
from recmail.settings.sections import (
    BrandSettings,
    DeliverySettings,
    LimitSettings,
    ModelSettings,
    ProjectSettings,
    SenderSettings,
)
from recmail.settings.toml import TomlFile
from recmail.settings.values import check_database_url

_KEY_LENGTH_AT_LEAST = 32


@dataclass(frozen=True)
class RawTable:
    """A [provider.NAME], [sources.NAME] or [bounces.NAME] as it is written; its stage checks it.

    Attributes:
        values: as in the file, except that env:NAME and file:PATH are a Secret.
        line: of the section's header, 0 for one that nobody wrote.
    """

    section: str
    name: str
    values: Mapping[str, Any]
    line: int = 0
    _file: TomlFile | None = field(default=None, repr=False, compare=False)

    def problem(self, message: str, *path: str | int) -> Problem:
        """Return a mistake at one of the section's keys, or its header; the message gets the key's name."""
        named = f"[{self.section}.{self.name}] " + ".".join(str(part) for part in path)
        text = f"{named.rstrip()}: {message}"
        if self._file is None:
            return Problem("recmail.toml", 0, 0, text)
        return self._file.at_value((self.section, self.name, *path), text)

    def origin(self, *path: str | int) -> str:
        """Return where one of the section's values comes from, as `Settings.origins` says it."""
        if self._file is None:
            return "default"
        return f"{self._file.source.file}:{self._file.line((self.section, self.name, *path))}"


@dataclass(frozen=True)
class Settings:
    """Everything that recmail.toml, the environment and flags say; secrets only as references.

    Attributes:
        folder: the project's folder, absolute.
        topics: titles by name.
        attributes: types (text, number, boolean, date) by name.
        providers: `files` is always there.
        origins: where each value comes from, by "section.key": "recmail.toml:12", a variable's name, "flag"
            or "default".
    """

    folder: Path
    project: ProjectSettings
    sender: SenderSettings
    brand: BrandSettings
    limits: LimitSettings
    model: ModelSettings
    delivery: DeliverySettings
    topics: Mapping[str, str]
    attributes: Mapping[str, str]
    providers: Mapping[str, RawTable]
    sources: Mapping[str, RawTable]
    origins: Mapping[str, str]
    bounces: Mapping[str, RawTable] = field(default_factory=dict)

    @cached_property
    def database_url(self) -> str:
        """The database's URL; the path of a SQLite file is absolute.

        Raises:
            ConfigError: the secret that holds it cannot be read, or is no URL of a database.
        """
        url = self.project.database
        if is_reference(url):
            url = self._secret("project.database", url).reveal()
            try:
                check_database_url(url)
            except ValueError as error:
                message = f"[project] database: {self.project.database}: {error}"
                raise ConfigError([Problem(*self._place("project.database"), 0, message)]) from error
        scheme, _, path = url.partition(":///")
        if scheme.startswith("sqlite") and not path.startswith("/"):
            return f"{scheme}:///{self.folder / path}"
        return url

    @cached_property
    def key(self) -> bytes:
        """The key that signs links.

        Raises:
            ConfigError: it cannot be read, or is shorter than 32 characters.
        """
        return self._key("project.key", self.project.key)

    @cached_property
    def older_keys(self) -> tuple[bytes, ...]:
        """Keys of before, whose links still work.

        Raises:
            ConfigError: one cannot be read, or is shorter than 32 characters.
        """
        return tuple(self._key("project.older_keys", one) for one in self.project.older_keys)

    @property
    def address_key(self) -> bytes:
        """The key that hashes addresses: the oldest, since hashes outlive addresses and cannot be made anew.

        Raises:
            ConfigError: as for `key`.
        """
        return self.older_keys[-1] if self.older_keys else self.key

    def _key(self, setting: str, reference: str) -> bytes:
        text = self._secret(setting, reference).reveal().strip()
        if len(text) < _KEY_LENGTH_AT_LEAST:
            named = f"[{setting.replace('.', '] ')}: {reference}"
            message = f"{named} holds fewer than {_KEY_LENGTH_AT_LEAST} characters"
            raise ConfigError([Problem(*self._place(setting), 0, message)])
        return text.encode()

    def printed(self) -> dict[str, Any]:
        """Return what is printed in emails, and nothing else: a plan's hash covers it."""
        return {
            "name": self.project.name,
            "from": self.sender.from_,
            "postal_address": self.sender.postal_address,
            "language": self.project.language,
            "currency": self.project.currency,
            "timezone": self.project.timezone,
            "topics": dict(self.topics),
            "brand": asdict(self.brand),
        }

    def _secret(self, key: str, reference: str) -> Secret:
        return Secret(reference, self.folder, *self._place(key))

    def _place(self, key: str) -> tuple[str, int]:
        """Return where a value stands, as a file and a line."""
        file, _, line = self.origins[key].partition(":")
        return file, int(line or 0)
