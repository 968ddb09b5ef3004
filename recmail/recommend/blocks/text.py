"""The block `text`: a paragraph between the courses."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from recmail.recommend.blocks import Options


class Text(Options):
    """A paragraph; it offers no courses."""

    scalar: ClassVar[str] = "text"

    text: str = Field(min_length=1, description="The paragraph")
