"""Sizes and ages as people say them."""

from __future__ import annotations

from datetime import timedelta


def size(size_bytes: int) -> str:
    """Write a number of bytes: 14.6 MB."""
    kilo = size_bytes / 1_000
    if kilo < 1_000:
        return f"{kilo:,.0f} kB"
    return f"{kilo / 1e3:,.1f} MB" if kilo < 1e6 else f"{kilo / 1e6:,.1f} GB"


def age(since: timedelta) -> str:
    """Write how long ago something was: 5 hours ago."""
    hours = since / timedelta(hours=1)
    if hours < 2:
        return "just now"
    return f"{hours:,.0f} hours ago" if hours < 48 else f"{hours / 24:,.0f} days ago"
