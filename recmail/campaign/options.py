"""The keys of a campaign file; blocks bring their own."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from recmail.settings import parse_duration
from recmail.settings.source import shown
from recmail.settings.values import mailbox, timezone

_LINE_LIMIT = 2_000  # characters of a subject as written; a header line as rendered is cut far below
_TEMPLATE = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?) ?%")
_RATE = re.compile(r"[1-9][0-9]{0,8} per (?:second|minute|hour|day)")
_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday|day"
_WHEN = re.compile(rf"every (?:{_WEEKDAYS}) \d\d:\d\d|\d{{4}}-\d\d-\d\d \d\d:\d\d")
_TOTAL_TOLERANCE = 1e-9


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


def _line(value: str) -> str:
    if len(value) > _LINE_LIMIT:
        raise ValueError(f"has {len(value):,} characters; at most {_LINE_LIMIT:,}")
    return _text(value)


def _template(value: str) -> str:
    bare = value.removesuffix(".j2").removesuffix(".html").removesuffix(".txt")
    if bare != value and _TEMPLATE.fullmatch(bare):
        raise ValueError(f"found {shown(value)}; write {bare}: its .html.j2 and .txt.j2 belong together")
    if not _TEMPLATE.fullmatch(value):
        raise ValueError(f"found {shown(value)}; expected the name of a template, such as weekly")
    return value


def _share(value: object) -> float:
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if not found or float(found[1]) > 100:
        raise ValueError(f"found {shown(value)}; expected a percentage from 0% to 100%, such as 5%")
    return float(found[1]) / 100


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise ValueError(f"found {shown(value)}; expected a duration such as 3h or 30d")  # noqa: TRY004 - for pydantic
    return parse_duration(value)


def _day(value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"found {shown(value)}; expected a day such as 2027-03-31") from error


def _rate(value: str) -> str:
    if not _RATE.fullmatch(value):
        raise ValueError(f"found {shown(value)}; expected a rate such as 5000 per hour")
    return value


def _when(value: str) -> str:
    if not _WHEN.fullmatch(value):
        raise ValueError(f"found {shown(value)}; expected every tuesday 09:00, or 2026-12-01 09:00")
    return value


def _zone_or_recipient(value: str) -> str:
    return value if value == "recipient" else timezone(value)


Text = Annotated[str, AfterValidator(_text)]
Line = Annotated[str, AfterValidator(_line)]
Mailbox = Annotated[str, AfterValidator(mailbox)]
Template = Annotated[str, AfterValidator(_template)]
Share = Annotated[float, BeforeValidator(_share)]
Zone = Annotated[str, AfterValidator(timezone)]
ZoneOrRecipient = Annotated[str, AfterValidator(_zone_or_recipient)]
When = Annotated[str, AfterValidator(_when)]
Rate = Annotated[str, AfterValidator(_rate)]
Day = Annotated[date, BeforeValidator(_day)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Audience(_Keys):
    """Who is addressed; `audience: <rule>` is short for `who`."""

    who: Text = Field(description="A segment, one rule a line")
    control_group: Share | None = Field(
        None, description="These get nothing, to see what the campaign is worth"
    )
    at_most: int | None = Field(None, ge=1, description="Refuse to go out to more people than this")

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {"who": value} if isinstance(value, str) else value


class Variant(_Keys):
    """A variant replaces only what it names; `blocks` are read beside it."""

    name: Text
    share: Share
    subject: Line | None = None
    preheader: Line | None = None
    template: Template | None = None
    from_: Mailbox | None = Field(None, alias="from")
    reply_to: Mailbox | None = None
    blocks: Any = None


class Schedule(_Keys):
    """When it goes out by itself."""

    when: When
    timezone: ZoneOrRecipient | None = None
    unknown_timezone: Zone | None = None
    until: Day | None = None
    prepare: Text | None = None
    approval: Text | None = None
    if_late: Duration | None = None


class PauseIf(_Keys):
    """Shares at which a run pauses by itself."""

    bounces: Share | None = None
    complaints: Share | None = None


class Speed(_Keys):
    """How fast it goes out."""

    at_most: Rate | None = None
    pause_if: PauseIf | None = None


class Exposure(_Keys):
    """How often one course may be shown over the whole audience."""

    max_share_per_course: Share | None = None
    respect_seats: bool = False


class Utm(_Keys):
    """What is added to the addresses of courses, so that web analytics can tell where people came from."""

    source: Text = "recmail"
    medium: Text = "email"


def _shares_add_up(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    total = sum(variant.share for variant in variants)
    if abs(total - 1) > _TOTAL_TOLERANCE:
        raise ValueError(f"the shares add up to {100 * total:.6g}%; expected 100%")
    names = [variant.name for variant in variants]
    if len(set(names)) < len(names):
        raise ValueError("two variants have the same name")
    return variants


class CampaignKeys(_Keys):
    """The keys of a campaign file; what is left out has its default here or in recmail.toml."""

    description: Text | None = Field(
        None, description="For colleagues, and printed nowhere by the shipped templates"
    )
    topic: str = Field("", description="What people unsubscribe from; listed in recmail.toml")
    from_: Mailbox | None = Field(None, alias="from", description="Default: [sender] from")
    reply_to: Mailbox | None = Field(None, description="Where answers go, when not to the sender")
    provider: Text | None = Field(None, description="Default: [delivery] provider")
    subject: Line = Field(description="Jinja; one line")
    preheader: Line | None = Field(None, description="Jinja; the line that inboxes show after the subject")
    template: Template = Field("weekly", description="templates/NAME.html.j2 and NAME.txt.j2")
    audience: Audience
    blocks: Any = Field(description="The email, top to bottom")
    variants: Annotated[tuple[Variant, ...], AfterValidator(_shares_add_up)] = Field((), strict=False)
    schedule: Schedule | None = None
    speed: Speed | None = None
    exposure: Exposure | None = None
    utm: Utm | None = None
