"""What a row of people says about consent, in the words of the tool that wrote it; in doubt nobody is mailed.

Sources: Mailchimp, Marketing API, Lists, Members, status; Klaviyo, Profiles API, consent; HubSpot,
Subscription preferences API, status; Shopify, Admin API, CustomerEmailMarketingState; Customer.io, attribute
`unsubscribed`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import numpy as np
import sqlalchemy as sa

from recmail.db.consent import (
    EMAIL,
    IMPORTED,
    PERSONALIZATION,
    TRACKING,
    Suppression,
    lock_people,
    suppress,
)
from recmail.db.imported_consent import ImportedConsent, record_imported_consent
from recmail.db.tables import users
from recmail.history.identity import people_by_user_id
from recmail.history.importing_checks import LONGEST_ID, Checks, filled, moments, reject_future, times
from recmail.history.importing_target import ImportOptions, Setting


class Word(Enum):
    """What a cell says."""

    YES = "yes"
    NO = "no"
    NEITHER = "neither"  # they were never asked, or have not answered yet
    UNREADABLE = "unreadable"


_BARE = {  # pandas writes 1.0 where some are missing
    **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0", "on"), Word.YES),
    **dict.fromkeys(("no", "n", "false", "f", "0", "0.0", "off"), Word.NO),
}
_NOES = """
    unsubscribed unsubscribe unsubscribedfromallemail globallyunsubscribed optedout optout out cleaned bounced
    bounce hardbounce hardbounced softbounced complained complaint spam junk suppressed blocked blocklisted
    blacklisted disabled denied declined refused rejected revoked withdrawn removed deleted archived redacted
    invalid donotemail donotmail donotcontact
"""
_NEITHERS = """
    neversubscribed nonsubscribed notsubscribed notoptedin notspecified notset pending unconfirmed
    transactional unknown none null nan na
"""
_WORDS = {
    **_BARE,
    **dict.fromkeys(["subscribed", "optedin", "optin", "granted", "consented", "agreed"], Word.YES),
    **dict.fromkeys(_NOES.split(), Word.NO),
    **dict.fromkeys(_NEITHERS.split(), Word.NEITHER),
}
_READ = "read are yes, no, subscribed, opted-in, unsubscribed, opted-out, cleaned, pending and the like"
_TAKEN_BACK = (
    "email_consent: neither yes nor no; whoever had said yes gets nothing until it is one of the two"
)
_KEPT = "a no in a row that is rejected for something else: it is recorded all the same"
_BROKEN = "a line with more or fewer fields than the header"
BROKEN = f"{_BROKEN}: whoever had said yes gets nothing until it is mended and read again"
_LOST = "a no of somebody who is not known and has no usable address: there is nothing to record it for"
# A column called so has a yes for those who said no, such as Customer.io's `unsubscribed` and HubSpot's
# `hs_email_optout`, "Unsubscribed from all email".
_OF_NOES = re.compile(
    r"unsub|opt(?:ed)?[\W_]*out|do[\W_]*not|suppress|block|blacklist|bounce|disabled|declined|refused|complain"
    r"|(?:^|[\W_])(?:dnc|no[\W_]*(?:e-?)?(?:mail|marketing|contact|newsletter))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says about one purpose, until its person has a number; as ImportedConsent."""

    purpose: str
    granted: bool | None
    at: datetime
    dated: bool
    proof: str | None
    assumed: bool = False

    def of(self, user_no: int) -> ImportedConsent:
        """The same, of this person."""
        return ImportedConsent(
            user_no, self.purpose, self.granted, self.at, self.dated, self.proof, self.assumed
        )


@dataclass(frozen=True, slots=True)
class Objection:
    """What a rejected row says against mailing its person, or against using their history.

    Attributes:
        user_id: empty when it cannot be read.
        email_hash: None when the address cannot be read.
    """

    user_id: str
    email_hash: str | None
    said: Said


def is_of_noes(column: str) -> bool:
    """Whether a yes in a column of this name is somebody's no."""
    return _OF_NOES.search(column) is not None


def names_only_noes(options: ImportOptions) -> bool:
    """Whether what is read as email_consent says who said no, and of nobody that they said yes."""
    return any(ours == "email_consent" and is_of_noes(theirs) for theirs, ours in options.columns.items())


def read_consent(
    columns: Mapping[str, list[str]], checks: Checks, setting: Setting
) -> list[tuple[Said, ...]]:
    """What each row says about consent; an empty cell says nothing."""
    basis, length = setting.options.consent_basis, len(checks.lines)
    words: Sequence[Word | None] = [Word.YES] * length
    assumed = [True] * length
    if "email_consent" in columns:
        words, assumed = _words_of(columns["email_consent"], checks, setting.options)
    dates = _dates(columns.get("email_consent_at", [""] * length), words, checks, setting)
    sources = columns.get("email_consent_source", [""] * length)
    said: list[tuple[Said, ...]] = [()] * length
    for row, (word, at, source) in enumerate(zip(words, moments(dates), sources, strict=True)):
        if word in (Word.YES, Word.NO):
            # With a date it is this person's own yes, though the file has no column that says so.
            own, granted = at is not None, word is Word.YES
            proof = source or basis or None
            said[row] = (Said(EMAIL, granted, at or setting.now, own, proof, assumed[row] and not own),)
        elif word is not None:
            said[row] = (_neither(columns["email_consent"][row], setting),)
    for purpose in (PERSONALIZATION, TRACKING):  # columns are called like what they are about
        for row, word in enumerate(_read(purpose, columns.get(purpose, ()), checks)):
            if word in (Word.YES, Word.NO):
                said[row] += (Said(purpose, word is Word.YES, setting.now, False, None),)
    return said


def _neither(written: str, setting: Setting) -> Said:
    return Said(EMAIL, None, setting.now, False, f"email_consent: {written[:100]}")


def _words_of(
    written: Sequence[str], checks: Checks, options: ImportOptions
) -> tuple[list[Word | None], list[bool]]:
    """The words about email, and which of them are only assumed."""
    words = _read("email_consent", written, checks)
    unreadable = [row for row, word in enumerate(words) if word is Word.UNREADABLE]
    checks.warn(unreadable, _TAKEN_BACK)
    if not names_only_noes(options):
        return words, [False] * len(words)
    silent = {None: Word.YES, Word.NO: Word.YES, Word.YES: Word.NO}
    bare = [_plain(text) in _BARE or not text for text in written]
    found = [silent[word] if is_bare else word for word, is_bare in zip(words, bare, strict=True)]
    return found, [is_bare and word is Word.YES for word, is_bare in zip(found, bare, strict=True)]


def _read(name: str, written: Sequence[str], checks: Checks) -> list[Word | None]:
    words = {text: _WORDS.get(_plain(text), Word.UNREADABLE) if text else None for text in set(written)}
    found = [words[text] for text in written]
    bad = [row for row, word in enumerate(found) if word is Word.UNREADABLE]
    checks.reject(bad, f"{name}: neither yes nor no; {_READ}", written)
    return found


def _plain(text: str) -> str:
    return re.sub(r"[\s_/-]+", "", text.casefold())


def _dates(
    written: Sequence[str], words: Sequence[Word | None], checks: Checks, setting: Setting
) -> np.ndarray:
    """When each said so, -1 where it is not known: a no is not lost to a date that cannot be."""
    name, readable = "email_consent_at", Checks(checks.lines)
    found = times(name, written, readable)
    reject_future(name, found, setting.latest, readable, written=written)
    noes = []
    for row in filled(written):
        why = readable.reasons[row]
        if why is not None and words[row] is Word.NO:
            noes.append(row)
        elif why is not None:
            checks.reject([row], why, written)
    checks.warn(noes, f"{name}: no time that can be; the no counts from now on")
    found[noes] = -1
    return found


def objections(
    ids: Sequence[str],
    email_hashes: Sequence[str | None],
    said: Sequence[tuple[Said, ...]],
    checks: Checks,
) -> list[Objection]:
    """What rejected rows say that must not be lost with them."""
    found, rows = [], []
    for row, why in enumerate(checks.reasons):
        if why is not None:
            against = [one for one in said[row] if not one.granted]
            found += [Objection(ids[row], email_hashes[row], one) for one in against]
            rows += [row for one in against if one.granted is False]
    checks.warn(rows, _KEPT)
    return found


def doubts(ids: Sequence[str], setting: Setting) -> list[Objection]:
    """What lines say whose fields cannot be told apart: neither yes nor no, of whoever they name."""
    said = Said(EMAIL, None, setting.now, False, _BROKEN)
    return [Objection(one, None, said) for one in ids if 0 < len(one) <= LONGEST_ID]


def record_objections(
    connection: sa.Connection, rows: Sequence[Objection], source: str, warnings: Counter[str]
) -> int:
    """Record what rejected rows say: of the person with the user_id, or else of the address.

    A no of somebody who is not known stays with the address, as one that another tool knew of. Where it is
    neither yes nor no, the person's next row counts as changed, so that it is heard when it is mended.

    Returns:
        how many statements were recorded.
    """
    people = people_by_user_id(connection, sorted({row.user_id for row in rows}))
    # Of two of one person the no counts, and the later one of two.
    rows = sorted(rows, key=lambda row: (row.said.granted is False, row.said.at))
    known = {(people[row.user_id], row.said.purpose): row.said for row in rows if row.user_id in people}
    alive = {pair: said for pair, said in known.items() if pair[0] >= 0}  # and not erased
    strangers = [row for row in rows if row.user_id not in people and _is_no_to_email(row.said)]
    suppressed = [
        Suppression(row.email_hash, IMPORTED, row.said.at, source, row.said.dated)
        for row in strangers
        if row.email_hash
    ]
    if len(suppressed) < len(strangers):
        warnings[_LOST] += len(strangers) - len(suppressed)
    # All at once and before anything is written: whoever locks twice can wait for another who does.
    hashes = [one.email_hash for one in suppressed]
    lock_people(connection, [user_no for user_no, _ in alive], email_hashes=hashes)
    recorded = record_imported_consent(connection, [said.of(user_no) for (user_no, _), said in alive.items()])
    _look_again(connection, [user_no for (user_no, _), said in alive.items() if said.granted is None])
    return recorded + suppress(connection, suppressed)[0]


def _is_no_to_email(said: Said) -> bool:
    return said.purpose == EMAIL and said.granted is False


def _look_again(connection: sa.Connection, user_nos: Sequence[int]) -> None:
    if user_nos:
        statement = users.update().where(users.c.user_no == sa.bindparam("this"))
        connection.execute(statement.values(source_row_hash=""), [{"this": one} for one in user_nos])
