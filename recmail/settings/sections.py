"""The sections of recmail.toml with every key, its default and what may stand there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from datetime import timedelta
from typing import Any

from recmail.settings import values
from recmail.settings.values import Limit, Reader

REQUIRED = object()


def _key(read: Reader, default: object = REQUIRED, *, toml: bool = False) -> dict[str, Any]:
    """Describe a key.

    Args:
        default: as it would be written in the file.
        toml: in an environment variable it is written as TOML; other keys are bare text there.
    """
    return {"read": read, "default": default, "toml": toml}


def toml_name(key: Field[Any]) -> str:
    """Return a key as it is written: `from_` has its underscore only because Python reserves the word."""
    return key.name.rstrip("_")


@dataclass(frozen=True)
class ProjectSettings:
    """[project]: `database` and `key` as written, env:NAME and file:PATH included."""

    name: str = field(metadata=_key(values.one_line))
    database: str = field(metadata=_key(values.database, "sqlite:///recmail.db"))
    timezone: str = field(metadata=_key(values.timezone, "UTC"))
    language: str = field(metadata=_key(values.language, "en"))
    currency: str = field(metadata=_key(values.currency))
    key: str = field(metadata=_key(values.reference, "file:.recmail/key"))


@dataclass(frozen=True)
class SenderSettings:
    """[sender]: `public_url` (without a slash at its end) and `unsubscribe_url` are empty when not set."""

    from_: str = field(metadata=_key(values.mailbox))
    postal_address: str = field(metadata=_key(values.one_line))
    public_url: str = field(metadata=_key(values.public_url, ""))
    unsubscribe_url: str = field(metadata=_key(values.unsubscribe_url, ""))


@dataclass(frozen=True)
class LimitSettings:
    """[limits]."""

    emails_per_person: Limit = field(metadata=_key(values.limit, "2 per 7d"))
    first_send_at_most: int = field(metadata=_key(values.whole_number, 100, toml=True))
    test_recipients: tuple[str, ...] = field(metadata=_key(values.addresses, [], toml=True))


@dataclass(frozen=True)
class ModelSettings:
    """[model]: a kind that `grades` leaves out is not learned from; a `minute` adds to a view."""

    scorer: str = field(metadata=_key(values.plugin_name, "auto"))
    grades: Mapping[str, float] = field(
        metadata=_key(
            values.grades,
            {"searched": 0.5, "viewed": 1, "minute": 0.1, "enrolled": 3, "progressed": 4, "completed": 5},
            toml=True,
        )
    )
    half_life: timedelta = field(metadata=_key(values.duration, "180d"))


@dataclass(frozen=True)
class DeliverySettings:
    """[delivery]: `engine` is where shards are planned, `processes` or dask://HOST:PORT."""

    provider: str = field(metadata=_key(values.one_line, "files"))
    senders: int = field(metadata=_key(values.workers, 1, toml=True))
    planners: int = field(metadata=_key(values.workers, 2, toml=True))
    engine: str = field(metadata=_key(values.engine, "processes"))


SECTIONS: Mapping[str, type[Any]] = {
    "project": ProjectSettings,
    "sender": SenderSettings,
    "limits": LimitSettings,
    "model": ModelSettings,
    "delivery": DeliverySettings,
}
"""Sections whose keys are fixed."""
NAME_SECTIONS: Mapping[str, Reader] = {"topics": values.one_line, "attributes": values.attribute_type}
"""Sections whose keys are the user's own names."""
RAW_SECTIONS = ("provider", "sources")
"""Sections of sections that the stage they belong to reads: deliver/ and history/."""
