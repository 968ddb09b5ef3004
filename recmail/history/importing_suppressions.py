"""Addresses that must get nothing more: hashed at once, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from recmail.db.among import among
from recmail.db.consent import Suppression, suppress
from recmail.db.tables import suppressions
from recmail.history.importing_checks import Checks, moments, reject_future, times
from recmail.history.importing_target import Counts, Setting
from recmail.tokens import email_hash, email_key

COLUMNS = ("email", "reason", "at")
REQUIRED = ("email",)
_REASONS = ("hard_bounce", "complaint", "manual", "imported", "erased")


class Suppressions:
    """The target of suppressions. An unknown reason counts as `imported`: better silent than strict."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.newest = -1

    def check(self, columns: Mapping[str, list[str]], checks: Checks) -> list[Suppression]:
        """Check a chunk of addresses."""
        setting, empty = self._setting, [""] * len(checks.lines)
        keys = [email_key(email) for email in columns["email"]]
        checks.reject([row for row, key in enumerate(keys) if key is None], "email: no usable address")
        reasons = [text.lower() for text in columns.get("reason", empty)]
        unknown = [row for row, reason in enumerate(reasons) if reason and reason not in _REASONS]
        checks.warn(unknown, "reason: unknown, kept as imported")
        micros = times("at", columns.get("at", empty), checks)
        reject_future("at", micros, setting.latest, checks)
        dates = moments(micros)
        accepted = checks.accepted()
        self.newest = max([self.newest, *micros[accepted].tolist()])
        return [
            Suppression(
                email_hash=email_hash(setting.key, keys[row] or ""),
                reason=reasons[row] if reasons[row] in _REASONS else "imported",
                at=dates[row] or setting.now,
                source=setting.options.source,
            )
            for row in accepted
        ]

    def write(self, connection: sa.Connection, rows: Sequence[Suppression]) -> Counts:
        """Suppress addresses; those that are already keep their first reason."""
        added = suppress(connection, rows)
        return Counts(added=added, unchanged=len(rows) - added)

    def rehearse(self, connection: sa.Connection, rows: Sequence[Suppression]) -> Counts:
        """Count what `write` would do."""
        hashes = {row.email_hash for row in rows}
        query = sa.select(sa.func.count()).where(among(connection, suppressions.c.email_hash, sorted(hashes)))
        there = connection.scalar(query) or 0
        return Counts(added=len(hashes) - there, unchanged=len(rows) - len(hashes) + there)
