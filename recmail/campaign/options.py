"""The keys of a campaign file; blocks bring their own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from recmail.campaign.values import (
    Approved,
    Day,
    Duration,
    Lead,
    Line,
    Mailbox,
    MessageRate,
    PartOf,
    Share,
    Template,
    Text,
    When,
    Zone,
    ZoneOrRecipient,
)
from recmail.settings.source import shown

_TOTAL_TOLERANCE = 1e-9
SHORTHAND = "x-shorthand"
"""In the schema that pydantic makes: the key that a text alone means, which pydantic cannot know of."""


def _mark_shorthand(schema: dict[str, Any], model: type[Keys]) -> None:
    if model.scalar:
        schema[SHORTHAND] = model.scalar


class Keys(BaseModel):
    """Keys and values of a campaign.

    Attributes:
        scalar: the key that is meant when the YAML has a single text: `audience: everyone`.
    """

    model_config = ConfigDict(
        defer_build=True, extra="forbid", frozen=True, strict=True, json_schema_extra=_mark_shorthand
    )

    scalar: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        return {cls.scalar: value} if cls.scalar and isinstance(value, str) else value


class Audience(Keys):
    """Who is addressed; `audience: <rule>` is short for `who`."""

    scalar = "who"

    who: Text = Field(description="A segment, one rule a line", examples=["last_seen within 30d"])
    control_group: PartOf | None = Field(
        None,
        description="So many get nothing from this campaign, so that the report can say what it was worth",
    )
    at_most: int | None = Field(None, ge=1, description="Refuse to go out to more people than this")


class Variant(Keys):
    """One of several versions; it replaces only what it names.

    Attributes:
        blocks: of a campaign that was read: what they were read to, None where it names none.
    """

    name: Text = Field(description="What reports call it", examples=["question"])
    share: Share = Field(
        description="Of the people; the shares of all variants add up to 100%", examples=["50%"]
    )
    subject: Line | None = Field(None, description="Instead of the campaign's")
    preheader: Line | None = Field(None, description="Instead of the campaign's")
    template: Template | None = Field(None, description="Instead of the campaign's")
    from_: Mailbox | None = Field(None, alias="from", description="Instead of the campaign's")
    reply_to: Mailbox | None = Field(None, description="Instead of the campaign's")
    blocks: Any = Field(None, description="Instead of the campaign's")


class Schedule(Keys):
    """When it goes out by itself; without a schedule it is sent by hand."""

    scalar = "when"

    when: When = Field(
        description="`every` with a day of the week, `day` or `weekday` (Monday to Friday) and a time; or one"
        " day and time; or a cron text of five fields: `0 9 1 * *`",
        examples=["every tuesday 09:00"],
    )
    timezone: ZoneOrRecipient | None = Field(
        None,
        description="Where that time is meant; `recipient`: where each person lives. Default: the project's",
    )
    unknown_timezone: Zone | None = Field(
        None, description="For people whose time zone is not known. Default: the project's"
    )
    until: Day | None = Field(None, description="The last day on which it goes out")
    prepare: Lead | None = Field(
        None,
        description="When the plan is made and shown for approval. Default: `1h before`, and `36h before` the"
        " first clock in the world shows the time when it is each person's own",
    )
    approval: Approved | None = Field(
        None,
        description="Whether a person approves each run, or the first one only as long as little changes",
    )
    if_late: Duration | None = Field(
        None,
        description='A message that is later than this is not sent: skipped, "too late". Default: it is sent'
        " as long as the run is good, which is a week",
    )


class PauseIf(Keys):
    """Shares at which a run pauses by itself."""

    bounces: Share | None = Field(
        None, description="Of the messages tried, once there are 100 of them; fewer than 3 are no share"
    )
    complaints: Share | None = Field(None, description="The same, of people who call it spam")


class Speed(Keys):
    """How fast it goes out."""

    scalar = "at_most"

    at_most: MessageRate | None = Field(
        None, description="Messages per second, minute, hour or day, spread over that time"
    )
    pause_if: PauseIf | None = Field(None, description="Shares at which the run pauses by itself")


class Exposure(Keys):
    """How often one course may be shown over the whole audience."""

    max_share_per_course: Share | None = Field(
        None, description="One course is shown to no more than this share of the people who may be mailed"
    )
    respect_seats: bool = Field(False, description="Offer a course to no more people than it has seats left")


class Utm(Keys):
    """What is added to the addresses of courses, so that web analytics can tell where people came from."""

    source: Text = Field("recmail", description="utm_source")
    medium: Text = Field("email", description="utm_medium")


class Tracking(Keys):
    """What is recorded of people who agreed to being tracked; nothing of anybody else."""

    clicks: bool | None = Field(
        None, description="Which links they follow. Default: `clicks` under [tracking] of recmail.toml"
    )
    opens: bool | None = Field(
        None,
        description="Whether a picture in the email was fetched, which says little: many mail programs fetch"
        " all of them, or none. Default: `opens` there",
    )


def _complete(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    wrong = []
    total = sum(variant.share for variant in variants)
    if variants and abs(total - 1) > _TOTAL_TOLERANCE:
        wrong.append(f"the shares add up to {100 * total:.6g}%; expected 100%")
    names = [variant.name for variant in variants]
    wrong += [f"two variants are called {shown(name)}" for name in sorted({*names}) if names.count(name) > 1]
    if wrong:
        raise ValueError("; ".join(wrong))
    return variants


class CampaignKeys(Keys):
    """The keys of a campaign file; what is left out has its default here or in recmail.toml."""

    description: Text | None = Field(
        None, description="For colleagues, and printed nowhere by the shipped templates"
    )
    topic: str = Field("", description="What people unsubscribe from: a name under [topics] of recmail.toml")
    from_: Mailbox | None = Field(
        None, alias="from", description="Who it is from. Default: `from` under [sender] of recmail.toml"
    )
    reply_to: Mailbox | None = Field(None, description="Where answers go, when not to the sender")
    provider: Text | None = Field(
        None,
        description="Who delivers it: [provider.NAME] of recmail.toml. Default: `provider` under [delivery]",
    )
    subject: Line = Field(
        description="The subject, different for each person by what stands in {{ }}",
        examples=["\"{{ user.first_name or 'Hello' }}, 3 courses picked for you\""],
    )
    preheader: Line | None = Field(None, description="What inboxes show after the subject; {{ }} as there")
    template: Template = Field("weekly", description="templates/NAME.html.j2 and templates/NAME.txt.j2")
    audience: Audience = Field(
        description="Who is addressed; a text alone is `who`", examples=["last_seen within 30d"]
    )
    blocks: Any = Field(
        description="The email, top to bottom; no course appears twice in it", examples=["[top_picks: 3]"]
    )
    variants: Annotated[tuple[Variant, ...], AfterValidator(_complete)] = Field(
        (), strict=False, description="Versions to compare, each for a share of the people"
    )
    schedule: Schedule | None = Field(
        None, description="When it goes out by itself; a text alone is `when`. Leave it out to send by hand"
    )
    speed: Speed | None = Field(None, description="How fast it goes out; a text alone is `at_most`")
    priority: int = Field(
        0,
        ge=-100,
        le=100,
        description="Whose email a person gets when two campaigns would be one too many: the higher one's",
    )
    exposure: Exposure | None = Field(None, description="How often one course may be shown over all emails")
    utm: Utm | None = Field(
        None,
        description="Added to the addresses of courses for web analytics, with campaign, block and course;"
        " nothing is added without it",
    )
    tracking: Tracking | None = Field(
        None, description="What is recorded of people who agreed to it; docs/tracking.md"
    )
