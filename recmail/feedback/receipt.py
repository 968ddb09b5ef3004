"""What an erasure, or what became too old, took away, and what is still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Gone:
    """So many of something went, or would go."""

    what: str
    count: int


@dataclass(frozen=True)
class Receipt:
    """What went of one person, and what stays.

    Attributes:
        user_id: as it was; empty when the person had been erased before.
        waiting: messages that would have gone out to them.
        leaving: messages that are leaving at this moment, or may have left: they cannot be called back.
        stays: what is kept of them, with the reason.
        yours: files that name them and are not recmail's to change.
        notes: what else is to be known or done.
    """

    user_no: int
    user_id: str
    dry_run: bool
    gone: Sequence[Gone]
    waiting: int
    leaving: int
    stays: Sequence[str] = field(default_factory=list)
    yours: Sequence[str] = field(default_factory=list)
    notes: Sequence[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The receipt with stable keys, for --json."""
        return asdict(self)
