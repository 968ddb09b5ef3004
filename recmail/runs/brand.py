"""What is doubtful about [brand]: colours that cannot be read on one another, a logo that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from recmail.errors import Problem
from recmail.settings import Settings
from recmail.settings.brand import LEAST_CONTRAST


def brand_warnings(settings: Settings) -> Iterator[Problem]:
    """Return what may be meant, and that many readers will not like."""
    brand = settings.brand
    for text, ground, found in brand.unreadable():
        message = (
            f"{getattr(brand, text)} on {ground} {getattr(brand, ground)} has a contrast of {found:.1f};"
            f" words need at least {LEAST_CONTRAST} (WCAG AA)"
        )
        # The key of the two that somebody wrote.
        written = text if settings.origins[f"brand.{text}"] != "default" else ground
        yield _at(settings, written, f"{text} {message}" if written == ground else message)
    if brand.logo and not urlsplit(brand.logo).scheme and not (settings.folder / brand.logo).is_file():
        yield _at(settings, "logo", f"there is no file {brand.logo} in the project")


def _at(settings: Settings, key: str, message: str) -> Problem:
    file, _, line = settings.origins[f"brand.{key}"].partition(":")
    return Problem(file, int(line or 0), 0, f"[brand] {key}: {message}")
