"""People: checked, with their addresses made comparable, and their consent recorded with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa

from recmail.db.imported_consent import record_imported_consent
from recmail.db.tables import users
from recmail.db.tombstones import Tombstones
from recmail.errors import RefusedError
from recmail.history.identity import Due, note_arrived, people_by_user_id
from recmail.history.importing_checks import (
    LONGEST_ID,
    Checks,
    answers,
    known,
    moments,
    numbers,
    optional,
    reject_future,
    reject_ids,
    texts,
    times,
)
from recmail.history.importing_consent import (
    BROKEN,
    Objection,
    Said,
    doubts,
    is_of_noes,
    names_only_noes,
    objections,
    read_consent,
    record_objections,
)
from recmail.history.importing_target import Counts, Setting
from recmail.history.importing_upsert import Row, SeenIds, compare, row_hashes, upsert
from recmail.settings.codes import country_of, language_of
from recmail.tokens import email_hash, email_key

COLUMNS = (
    *("user_id", "email", "first_name", "last_name", "language", "country", "timezone"),
    *("signed_up_at", "last_seen_at"),
    *("email_consent", "email_consent_at", "email_consent_source", "personalization", "tracking"),
)
REQUIRED = ("user_id",)
_ON_CONSENT = re.compile(r"consent|opt.?in|subscri|newsletter|marketing|permission", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Person:
    row: Row
    said: tuple[Said, ...]


class Users:
    """The target of people.

    A person whose address is unusable is kept without one, with a warning: their history still counts, and
    nobody is mailed by mistake. An unknown country, time zone or language becomes none, with a warning.

    Attributes:
        due: events that were kept until these people came.
        objections: what rejected rows say against mailing their people, until it is recorded.
        warnings: what could not be recorded of it.
    """

    newest = -1

    def __init__(self, setting: Setting) -> None:
        """Check that there is consent to record.

        Raises:
            RefusedError: neither a column nor a basis says why these people may be mailed.
        """
        self._setting = setting
        self._seen = SeenIds()
        self._tombstones = Tombstones(setting.key)
        self.due: Due = {}
        self.objections: list[Objection] = []
        self.warnings = Counter[str]()
        says_yes = "email_consent" in setting.present and not names_only_noes(setting.options)
        if not says_yes and not setting.options.consent_basis:
            raise RefusedError(_nothing_on_consent(setting))

    def check(self, columns: Mapping[str, list[str]], checks: Checks) -> list[_Person]:
        """Check a chunk of people."""
        ids = columns["user_id"]
        checks.ids, checks.id_name = (ids,), "user_id"
        reject_ids("user_id", ids, checks)
        values = self._values(columns, checks)
        said = read_consent(columns, checks, self._setting)
        self._seen.refuse_seconds("user_id", ids, checks)
        if checks.rejected:
            readable = [user_id if len(user_id) <= LONGEST_ID else "" for user_id in ids]
            addresses = values.get("email_hash", [None] * len(ids))
            self.objections += objections(readable, addresses, said, checks)
        options = self._setting.options
        hashes = row_hashes(columns, options.consent_basis, *(["noes"] if names_only_noes(options) else []))
        rows = list(zip(*values.values(), strict=True)) if values else [()] * len(ids)
        return [
            _Person(Row(ids[row], dict(zip(values, rows[row], strict=True)), hashes[row]), said[row])
            for row in checks.accepted()
        ]

    def _values(self, columns: Mapping[str, list[str]], checks: Checks) -> dict[str, Sequence[Any]]:
        values: dict[str, Sequence[Any]] = {}
        for name in ("first_name", "last_name"):
            if name in columns:
                values[name] = texts(columns[name])
        if "country" in columns:
            values["country"] = known(columns["country"], country_of, checks, "country: unknown")
        if "email" in columns:
            values |= self._addresses(columns["email"], checks)
        if "language" in columns:
            values["language"] = known(columns["language"], language_of, checks, "language: unknown")
        if "timezone" in columns:
            values["timezone"] = known(columns["timezone"], _timezone, checks, "timezone: unknown")
        for name in ("signed_up_at", "last_seen_at"):
            if name in columns:
                at = times(name, columns[name], checks)
                reject_future(name, at, self._setting.latest, checks, written=columns[name])
                values[name] = moments(at)
        declared = {
            name: self._attribute(name, kind, columns[name], checks)
            for name, kind in self._setting.options.attributes.items()
            if name in columns and name not in COLUMNS
        }
        if declared:
            values["attributes"] = [
                dict(zip(declared, row, strict=True)) for row in zip(*declared.values(), strict=True)
            ]
        return values

    def _addresses(self, emails: Sequence[str], checks: Checks) -> dict[str, Sequence[Any]]:
        keys = [email_key(email) if email else None for email in emails]
        unusable = [row for row, email in enumerate(emails) if email and keys[row] is None]
        checks.warn(unusable, "email: no usable address")
        return {
            "email": [email if key else None for email, key in zip(emails, keys, strict=True)],
            "email_key": keys,
            "email_hash": [email_hash(self._setting.key, key) if key else None for key in keys],
        }

    def _attribute(self, name: str, kind: str, values: Sequence[str], checks: Checks) -> Sequence[Any]:
        """What JSON can hold of a declared column; dates as 2026-11-02, so that they compare as text."""
        if kind == "number":
            return optional(numbers(name, values, checks))
        if kind == "date":
            return [at and at.date().isoformat() for at in moments(times(name, values, checks))]
        return answers(name, values, checks) if kind == "boolean" else texts(values)

    def write(self, connection: sa.Connection, rows: Sequence[_Person]) -> Counts:
        """Write people and what they said; consent is only looked at where a row is new or changed."""
        rows, buried = self._living(connection, rows)
        self._tombstones.bury(connection, buried)
        written, counts = upsert(
            connection,
            users,
            [person.row for person in rows],
            stamp=self._setting.stamp,
            defaults={},
        )
        said = [
            one.of(written[person.row.id])
            for person in rows
            if person.row.id in written
            for one in person.said
        ]
        # Those who were there before, too: an import that was killed may have left their events.
        note_arrived(connection, [person.row.id for person in rows], self.due)
        return counts + Counts(consents=record_imported_consent(connection, said), erased=len(buried))

    def _living(
        self, connection: sa.Connection, rows: Sequence[_Person]
    ) -> tuple[list[_Person], list[tuple[int, str]]]:
        """Those who were not erased; and the user_no and the id of those who were, by their id or address.

        Somebody new with the address of one who was erased is the same person under another id.
        """
        known = self._tombstones.in_place_of(connection, [person.row.id for person in rows])
        hashes = [person.row.values.get("email_hash") for person in rows]
        found = self._tombstones.with_address(connection, [one for one in hashes if one])
        if not known and not found:
            return list(rows), []
        again = [person.row.id for person, one in zip(rows, hashes, strict=True) if one in found]
        there = people_by_user_id(connection, again)
        living, buried = [], []
        for person, address in zip(rows, hashes, strict=True):
            if person.row.id in known:
                buried.append((known[person.row.id][0], person.row.id))
            elif address in found and person.row.id not in there:
                buried.append((found[address], person.row.id))
            else:
                living.append(person)
        return living, buried

    def doubt(self, ids: Sequence[str]) -> None:
        """Note whom lines name that cannot be told apart, where they would say who may be mailed."""
        if "email_consent" in self._setting.present:
            found = doubts(ids, self._setting)
            self.objections += found
            self.warnings += Counter({BROKEN: len(found)})

    def heed(self, connection: sa.Connection, rows: Sequence[Objection]) -> Counts:
        """Record what rejected rows say against mailing their people."""
        recorded = record_objections(connection, rows, self._setting.options.source, self.warnings)
        return Counts(consents=recorded)

    def rehearse(self, connection: sa.Connection, rows: Sequence[_Person]) -> Counts:
        """Count what `write` would do, consent aside."""
        living, buried = self._living(connection, rows)
        compared = compare(connection, users, [person.row for person in living])
        return compared.counts + Counts(erased=len(buried))


def _nothing_on_consent(setting: Setting) -> str:
    """What to do when no column and no basis says why these people may be mailed."""
    options = setting.options
    basis = f"[{options.section}] consent_basis = " if options.section else "--consent-basis "
    if names_only_noes(options):
        return (
            "email_consent is read from a column that says who said no, and of nobody that they said yes; "
            f'say why the others may be mailed, which is kept as proof: {basis}"customers, terms of May 2024"'
        )
    maybe = next((name for name in setting.ignored if _ON_CONSENT.search(name)), None)
    holds = "says who said no" if maybe and is_of_noes(maybe) else "holds it"
    mend = f"if {maybe} {holds}: {options.renaming(maybe, 'email_consent')}" if maybe else "add it"
    return (
        "nothing says that these people may be mailed, and that is not guessed: there is no column "
        f"email_consent (yes or no); {mend}. Or say once why all of them may be mailed, which is kept as "
        f'proof: {basis}"told of course emails at sign-up, terms of May 2024"'
    )


def _timezone(text: str) -> str | None:
    return _zones().get(text.lower())


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
