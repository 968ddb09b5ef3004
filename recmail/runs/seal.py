"""One hash over everything that a run will print, made when it is planned and checked before it goes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from recmail.db.ledger_rows import same_key
from recmail.db.runs import shard_hashes
from recmail.db.tables import ledger, ledger_context
from recmail.errors import RefusedError
from recmail.pipeline import row_hash, shard_hash
from recmail.records import SHARD_SIZE


def content_hash(run: Mapping[str, Any], shards: Mapping[int, str]) -> str:
    """A Merkle root: campaign, templates, model, printed settings, catalogue, and the shards in order."""
    return fingerprint(
        [
            run["campaign"],
            run["due_instant"].isoformat(),
            fingerprint(run["campaign_yaml"]),
            fingerprint(run["template_bundle"]),
            run["model_version"],
            fingerprint(run["settings"]["printed"]),
            fingerprint(run["courses"]),
            [shards[number] for number in sorted(shards)],
            *([due] if (due := run["settings"].get("due")) else []),  # runs of before have none
        ]
    )


def fingerprint(value: Any) -> str:
    """SHA-256 of a JSON value, the same on every machine."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_unchanged(connection: sa.Connection, run: Mapping[str, Any]) -> None:
    """Hash the run again from what is in the database now, and compare with what was planned.

    Raises:
        RefusedError: something that would be printed was changed since.
    """
    run_no = run["run_no"]
    written = shard_hashes(connection, run_no)
    changed = [number for number in written if _hash_again(connection, run_no, number) != written[number]]
    if changed or content_hash(run, written) != run["content_hash"]:
        raise RefusedError(f"run {run_no} is not what was planned: its content changed since; plan it again")


def _hash_again(connection: sa.Connection, run_no: int, shard: int) -> str:
    """A shard's hash from its rows; people without a context (skipped, erased) count by their row's hash."""
    low = shard * SHARD_SIZE
    query = (
        sa.select(
            ledger.c.user_no,
            ledger.c.due_at,
            ledger.c.row_hash,
            ledger_context.c.context,
            ledger_context.c.reserves,
        )
        .outerjoin(ledger_context, same_key(ledger_context, ledger))
        .where(ledger.c.run_no == run_no, ledger.c.user_no >= low, ledger.c.user_no < low + SHARD_SIZE)
        .order_by(ledger.c.user_no)
    )
    return shard_hash(
        row.row_hash
        if row.context is None
        else row_hash(row.user_no, None, row.due_at, row.context, row.reserves)
        for row in connection.execute(query)
    )
