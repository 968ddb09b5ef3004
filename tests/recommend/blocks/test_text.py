"""The block text: a paragraph, and never a fallback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from recmail.errors import ConfigError
from recmail.recommend.blocks import Block, fallback_block
from recmail.recommend.blocks.text import Text
from tests.contracts import OptionsContract


class TestText(OptionsContract):
    block = Text
    options: ClassVar[Mapping[str, Any]] = {"text": "Here is what people like you learn next."}


def test_offers_no_courses() -> None:
    assert not isinstance(Text(text="Hello"), Block)
    assert not Text(text="Hello").needs_model


def test_an_empty_paragraph_is_refused() -> None:
    with pytest.raises(ValidationError, match="is empty"):
        Text(text="")


def test_cannot_fill_up_another_block() -> None:
    with pytest.raises(ConfigError, match="'text' offers no courses to fall back on"):
        fallback_block("text")
