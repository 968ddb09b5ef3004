"""The block `text`: a paragraph between the courses."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from recmail.recommend.blocks import Options, Words


class Text(Options):
    """A paragraph; it offers no courses."""

    scalar: ClassVar[str] = "text"

    text: Words = Field(description="The paragraph")

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: Words) -> Words:
        if not text:
            raise ValueError("is empty")
        return text
