"""The sections of recmail.toml with every key, its default and what may stand there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from typing import Any

from recmail.settings import brand, hours, values
from recmail.settings.hours import QuietHours, Weekdays
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
    """[project]: `database`, `key` and `older_keys` as written, env:NAME and file:PATH included.

    `older_keys` are what `key` was before, the newest first: links that they signed still work.
    """

    name: str = field(metadata=_key(values.one_line))
    database: str = field(metadata=_key(values.database, "sqlite:///recmail.db"))
    timezone: str = field(metadata=_key(values.timezone, "UTC"))
    language: str = field(metadata=_key(values.language, "en"))
    currency: str = field(metadata=_key(values.currency))
    key: str = field(metadata=_key(values.reference, "file:.recmail/key"))
    older_keys: tuple[str, ...] = field(metadata=_key(values.references, [], toml=True))


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
    """[model]: a kind that `grades` leaves out is not learned from; a `minute` adds to a view.

    `train_every` is how old a model may be when a scheduled run is planned.
    """

    scorer: str = field(metadata=_key(values.plugin_name, "auto"))
    grades: Mapping[str, float] = field(
        metadata=_key(
            values.grades,
            {"searched": 0.5, "viewed": 1, "minute": 0.1, "enrolled": 3, "progressed": 4, "completed": 5},
            toml=True,
        )
    )
    half_life: timedelta = field(metadata=_key(values.duration, "180d"))
    train_every: timedelta = field(metadata=_key(values.duration, "7d"))


@dataclass(frozen=True)
class DeliverySettings:
    """[delivery]: `engine` is where shards are planned, `processes` or dask://HOST:PORT.

    `senders` is how many processes send a large run: one hands messages over, the others write them.
    `approvers` is how many different people have to approve a run.
    `quiet_hours` and `weekdays` are meant by the clocks of those who get the emails; None: at any time.
    """

    provider: str = field(metadata=_key(values.one_line, "files"))
    senders: int = field(metadata=_key(values.workers, 2, toml=True))
    planners: int = field(metadata=_key(values.workers, 2, toml=True))
    engine: str = field(metadata=_key(values.engine, "processes"))
    approvers: int = field(metadata=_key(values.approvers, 1, toml=True))
    quiet_hours: QuietHours | None = field(metadata=_key(hours.quiet_hours, ""))
    weekdays: Weekdays | None = field(metadata=_key(hours.weekdays, ""))


_SERIF = "Georgia, Times New Roman, serif"
_SANS = "-apple-system, BlinkMacSystemFont, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"


@dataclass(frozen=True)
class BrandSettings:
    """[brand]: how the shipped templates look; colours as #rrggbb, `dark_` for clients in dark mode.

    `logo` is an address on the web, a file of the project, or empty: then the company's name stands there.
    """

    accent: str = field(metadata=_key(brand.colour, "#0b6a4e"))
    on_accent: str = field(metadata=_key(brand.colour, "#ffffff"))
    ink: str = field(metadata=_key(brand.colour, "#1d1c1a"))
    quiet: str = field(metadata=_key(brand.colour, "#5d5a54"))
    hairline: str = field(metadata=_key(brand.colour, "#e4e0d7"))
    paper: str = field(metadata=_key(brand.colour, "#ffffff"))
    canvas: str = field(metadata=_key(brand.colour, "#f3f1eb"))
    dark_accent: str = field(metadata=_key(brand.colour, "#7fd4b2"))
    dark_on_accent: str = field(metadata=_key(brand.colour, "#0d1a15"))
    dark_ink: str = field(metadata=_key(brand.colour, "#f1efe9"))
    dark_quiet: str = field(metadata=_key(brand.colour, "#b6b3ab"))
    dark_hairline: str = field(metadata=_key(brand.colour, "#343937"))
    dark_paper: str = field(metadata=_key(brand.colour, "#191c1b"))
    dark_canvas: str = field(metadata=_key(brand.colour, "#101211"))
    heading_font: str = field(metadata=_key(brand.fonts, _SERIF))
    text_font: str = field(metadata=_key(brand.fonts, _SANS))
    radius: int = field(metadata=_key(brand.pixels, 4, toml=True))
    logo: str = field(metadata=_key(brand.logo, ""))
    logo_width: int = field(metadata=_key(brand.pixels, 160, toml=True))

    def unreadable(self) -> Iterator[tuple[str, str, float]]:
        """Return text and ground that are too much alike, by key, with their contrast."""
        for mode in ("", "dark_"):
            for text, ground in _READ_ON:
                found = brand.contrast(getattr(self, mode + text), getattr(self, mode + ground))
                if found < brand.LEAST_CONTRAST:
                    yield mode + text, mode + ground, found


_READ_ON = (
    ("ink", "paper"),
    ("quiet", "paper"),
    ("quiet", "canvas"),
    ("accent", "paper"),
    ("on_accent", "accent"),
)
"""Which colour is written on which in the shipped templates."""


def default_brand() -> BrandSettings:
    """Return how the shipped templates look when recmail.toml says nothing."""
    keys = {key.name: key.metadata for key in fields(BrandSettings)}
    return BrandSettings(**{name: about["read"](about["default"]) for name, about in keys.items()})


SECTIONS: Mapping[str, type[Any]] = {
    "project": ProjectSettings,
    "sender": SenderSettings,
    "limits": LimitSettings,
    "model": ModelSettings,
    "delivery": DeliverySettings,
    "brand": BrandSettings,
}
"""Sections whose keys are fixed."""
NAME_SECTIONS: Mapping[str, Reader] = {"topics": values.one_line, "attributes": values.attribute_type}
"""Sections whose keys are the user's own names."""
RAW_SECTIONS = ("provider", "sources", "bounces")
"""Sections of sections that the stage they belong to reads: deliver/, history/ and feedback/."""
