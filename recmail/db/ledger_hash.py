"""The hashes of what is frozen with a run: of one person, and of a shard of people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any


def row_hash(
    user_no: int,
    reason: str | None,
    due_at: datetime,
    context: dict[str, Any] | None,
    reserves: list[Any],
    *,
    variant: str | None = None,
) -> str:
    """The hash of what is frozen for one person."""
    frozen = [user_no, reason, due_at.isoformat(), context, reserves]
    frozen += [] if variant is None else [variant]  # runs of before have none, and keep their hashes
    text = json.dumps(frozen, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def shard_hash(rows: Iterable[str]) -> str:
    """The hash of a shard: over its rows' hashes, in the order of user_no."""
    return hashlib.sha256("".join(rows).encode()).hexdigest()
