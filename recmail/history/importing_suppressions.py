"""Addresses that must get nothing more: hashed at once, never stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import sqlalchemy as sa

from recmail.db.consent import Suppression, compare_suppressions, suppress
from recmail.errors import DataError
from recmail.history.importing_checks import Checks, moments, reject_future, times
from recmail.history.importing_reasons import MAILCHIMP, SAYS_NO, SUBSCRIBED, reasons
from recmail.history.importing_target import Counts, Setting
from recmail.tokens import email_hash, email_key

COLUMNS = ("email", "reason", "at", *MAILCHIMP, "status", "updated_at")
REQUIRED = ("email",)
_TIMES = ("at", "clean_time", "unsub_time", "updated_at")  # the first that a row has is its time
# Go's Time.String(), as listmonk writes its times: 2023-05-01 10:00:00.5 +0530 IST
_GO_TIME = re.compile(r"([0-9-]{10} [0-9:.]{8,18}) ?([+-][0-9]{4}) [A-Za-z0-9+-]+")


class Suppressions:
    """The target of suppressions; whoever is still subscribed in the other tool is left out.

    In doubt a row is a no, better silent than strict: an unknown reason counts as `imported`, and a time that
    cannot be read, or is to come, as not given.
    """

    def __init__(self, setting: Setting) -> None:
        """Check that somebody in the file may have said no.

        Raises:
            DataError: it is Mailchimp's list of those who are subscribed.
        """
        self._setting = setting
        self.newest = -1
        if set(MAILCHIMP) & setting.present and not SAYS_NO & setting.present:
            raise DataError(
                "these are Mailchimp's subscribed members, and none of them said no; import the files of "
                "unsubscribed and of cleaned members, which come in the same export"
            )

    def check(self, columns: Mapping[str, list[str]], checks: Checks) -> list[Suppression | None]:
        """Check a chunk of addresses; None where somebody is still subscribed."""
        setting = self._setting
        keys = [email_key(email) for email in columns["email"]]
        unusable = [row for row, key in enumerate(keys) if key is None]
        checks.reject(unusable, "email: no usable address", columns["email"])
        why = reasons(columns, checks, setting.options)
        micros = self._times(columns, checks)
        dates = moments(micros)
        accepted = checks.accepted()
        self.newest = max([self.newest, *micros[accepted].tolist()])
        return [
            None
            if why[row] == SUBSCRIBED
            else Suppression(
                email_hash=email_hash(setting.key, keys[row] or ""),
                reason=why[row],
                at=dates[row] or setting.now,
                source=setting.options.source,
                dated=dates[row] is not None,
            )
            for row in accepted
        ]

    def _times(self, columns: Mapping[str, list[str]], checks: Checks) -> np.ndarray:
        """Microseconds since 1970, -1 where none is given."""
        found = np.full(len(checks.lines), -1, dtype=np.int64)
        for name in _TIMES:
            if name in columns:
                written = [_GO_TIME.sub(r"\1\2", text) for text in columns[name]]
                unreadable = Checks(checks.lines)
                micros = times(name, written, unreadable)
                reject_future(name, micros, self._setting.latest, unreadable)
                bad = [row for row, why in enumerate(unreadable.reasons) if why is not None]
                checks.warn(bad, f"{name}: no time that can be; counts from now on")
                micros[bad] = -1
                found = np.where(found < 0, micros, found)
        return found

    def write(self, connection: sa.Connection, rows: Sequence[Suppression | None]) -> Counts:
        """Suppress addresses; only another tool's no gives way to a later one or to a stronger reason."""
        said_no = [row for row in rows if row is not None]
        return _counts(rows, said_no, *suppress(connection, said_no))

    def rehearse(self, connection: sa.Connection, rows: Sequence[Suppression | None]) -> Counts:
        """Count what `write` would do."""
        said_no = [row for row in rows if row is not None]
        new, changed = compare_suppressions(connection, said_no)
        return _counts(rows, said_no, len(new), len(changed))


def _counts(
    rows: Sequence[Suppression | None], said_no: Sequence[Suppression], new: int, changed: int
) -> Counts:
    return Counts(
        added=new,
        changed=changed,
        unchanged=len(said_no) - new - changed,
        left_out=len(rows) - len(said_no),
    )
