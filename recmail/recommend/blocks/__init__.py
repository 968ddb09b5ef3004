"""Blocks, one file each: a titled group of courses, or a paragraph, in the email; and what they share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from recmail import plugins
from recmail.errors import ConfigError, Problem
from recmail.recommend import Scorer
from recmail.records import Catalogue, Offer, Shard
from recmail.settings.source import shown
from recmail.settings.values import duration

COURSE = "{course}"
"""What stands in a title for the course that the whole block is about."""
_MARK = re.compile(r"\{[^{}]*\}")


Within = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema(
        {"type": "string", "title": "a time", "pattern": "^[1-9][0-9]{0,5}[mhdw]$", "examples": ["30d"]}
    ),
]
"""A time up to now, written 30d."""


def _words(value: object) -> str | dict[str, str]:
    lines: list[Any] = list(value.values()) if isinstance(value, dict) else [value]
    for line in lines:
        if not isinstance(line, str):
            raise ValueError(f"found {shown(line)}; expected text, in quotes")  # noqa: TRY004 - as all readers
    if isinstance(value, dict) and not (lines and all(line.strip() for line in lines)):
        raise ValueError("is empty")
    words: str | dict[str, str] = value  # type: ignore[assignment]
    return words


Words = Annotated[str | dict[str, str], PlainValidator(_words, json_schema_input_type=str)]
"""What is printed as it is: one text, or one for each language: {en: Picked for you, hi: आपके लिए}."""


class Variety(BaseModel):
    """How mixed a block has to be."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, strict=True)

    per_category: int | None = Field(None, ge=1, le=20, description="At most so many courses of one category")
    outside_usual: int = Field(0, ge=0, le=20, description="So many from categories the person has not tried")
    new_releases: int = Field(0, ge=0, le=20, description="So many that were published in the last 30 days")
    mix: float = Field(
        0.0,
        ge=0,
        le=1,
        description="How unlike each other the courses should be, from 0 to 1: 0 takes the best whatever they"
        " are, 0.15 mixes them at little cost, 1 only mixes",
    )


class Options(BaseModel):
    """What a marketer may write under a block's name; each field of a subclass is a YAML key.

    Attributes:
        scalar: the field that is meant when the YAML has a single value: `- top_picks: 3`.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, strict=True)

    scalar: ClassVar[str]

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        return False


class BlockOptions(Options):
    """What all blocks of courses share.

    Attributes:
        exempt: names of filters that do not apply to what it offers.
        about_one_course: its title may name the course that all of it is about.
    """

    scalar: ClassVar[str] = "show"
    exempt: ClassVar[frozenset[str]] = frozenset()
    about_one_course: ClassVar[bool] = False

    title: Words | None = Field(None, description="The heading over the courses")
    show: int = Field(3, ge=1, le=20, description="How many courses")
    at_least: int = Field(
        0,
        ge=0,
        le=20,
        description="With fewer, fallback included, the person gets no email; 0: leave the block out; with"
        " none in any block there is no email either",
    )
    fallback: list[str] = Field([], description="Blocks that fill up when this one has too little")
    variety: Variety = Field(Variety(), description="How mixed the block has to be")
    where: str | None = Field(None, description="A condition that every course meets, such as price <= 50")
    not_again_within: Within | None = Field(
        None, description="Nothing that was emailed to the person in this time, or waits to be"
    )

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        return any(fallback_block(name).needs_model for name in self.fallback)

    @field_validator("title")
    @classmethod
    def _can_be_printed(cls, title: Words | None) -> Words | None:
        lines = title.values() if isinstance(title, dict) else [title or ""]
        for mark in (mark for line in lines for mark in _MARK.findall(line)):
            if mark != COURSE:
                raise ValueError(f"found {mark}; all that a title may hold in braces is {COURSE}")
            if not cls.about_one_course:
                raise ValueError(f"{COURSE} in a title works in because_you_took only")
        return title

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if "at_least" in self.model_fields_set and self.at_least > self.show:
            raise ValueError(f"at_least is {self.at_least}, more than show, which is {self.show}")
        if self.variety.outside_usual + self.variety.new_releases > self.show:
            raise ValueError(f"outside_usual and new_releases are more than show, which is {self.show}")
        return self


@runtime_checkable
class Block(Protocol):
    """A titled group of courses in the email: BlockOptions and one method."""

    @property
    def show(self) -> int:
        """How many courses it wants."""
        ...

    @property
    def at_least(self) -> int:
        """How few are no email; at most `show` counts."""
        ...

    @property
    def fallback(self) -> Sequence[str]:
        """Names of blocks that fill up."""
        ...

    @property
    def variety(self) -> Variety:
        """How mixed it has to be."""
        ...

    @property
    def where(self) -> str | None:
        """A condition that every course meets, those of `fallback` too."""
        ...

    @property
    def not_again_within(self) -> timedelta | None:
        """How long a course that was emailed to the person stays away."""
        ...

    @property
    def exempt(self) -> frozenset[str]:
        """Names of filters that do not apply to what it offers."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether it, or what it falls back on, ranks by a trained model."""
        ...

    def offer(self, shard: Shard, catalogue: Catalogue, scorers: Mapping[str, Scorer]) -> Offer:
        """Say how much each person of the shard would want each course, before any filter.

        Raises:
            ModelError: it needs a scorer that is not among `scorers`.
        """
        ...


@cache
def fallback_block(name: str) -> Block:
    """Return the block of that name with its default options, to fill up another one.

    Raises:
        ConfigError: there is no such block, or it offers no courses.
    """
    found = plugins.load("recommend.blocks", name)
    if not hasattr(found, "offer"):
        raise ConfigError(
            [Problem("recmail.recommend.blocks", 0, 0, f"{name!r} offers no courses to fall back on")]
        )
    block: Block = found()
    return block


@cache
def offers_what_was_taken() -> frozenset[str]:
    """Return the names of the blocks that offer what people have taken already, so that they go on."""
    found = {name: plugins.load("recommend.blocks", name) for name in plugins.names("recommend.blocks")}
    return frozenset(name for name, block in found.items() if "already_taken" in getattr(block, "exempt", ()))
