"""SPF: the record that says who may send mail in a domain's name (RFC 7208)."""

from __future__ import annotations

import re

from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.lookup import Lookup

_MOST_LOOKUPS = 10  # RFC 7208 4.6.4: with more, receivers say "permerror" and count it as a failure
_ALL = re.compile(r"[+?~-]?all", re.IGNORECASE)
_ASKS = re.compile(
    r"[+?~-]?(?P<word>include|a|mx|ptr|exists|redirect)(?:[:=/](?P<name>[^/]*).*)?", re.IGNORECASE
)


def check_spf(domain: str, lookup: Lookup) -> Finding:
    """Say whether receivers can use the SPF record of a domain.

    Raises:
        OSError: it cannot be looked up.
    """
    records = _records(domain, lookup)
    if not records:
        return wrong(
            "SPF",
            f"{domain} has no SPF record; Gmail and Yahoo ask for one",
            f'publish at {domain}, with the include that your provider names: TXT "v=spf1 include:... ~all"',
        )
    if len(records) > 1:
        shown = " and ".join(f'"{record}"' for record in records)
        advice = "join them into one: two count as none (RFC 7208, 4.5)"
        return wrong("SPF", f"{domain} has {len(records)} SPF records: {shown}", advice)
    return _judged(domain, records[0], lookup)


def _judged(domain: str, record: str, lookup: Lookup) -> Finding:
    last = next((term for term in record.split()[1:] if _ALL.fullmatch(term)), "")
    if last.lower() in ("all", "+all"):
        return wrong(
            "SPF",
            f'"{record}" lets everybody send in the name of {domain}',
            f'write "~all" or "-all" instead of "{last}"',
        )
    broken: list[str] = []
    asked = _lookups(record, lookup, broken, seen=(domain,))
    if broken:
        return wrong(
            "SPF", f'"{record}": {broken[0]}', "mend or remove it: receivers refuse the whole record"
        )
    if asked > _MOST_LOOKUPS:
        advice = "leave out providers that you no longer use; receivers look no further than 10"
        return warning("SPF", f'"{record}" needs more than {_MOST_LOOKUPS} look-ups', advice)
    if last == "?all" or not (last or "redirect=" in record.lower()):
        return warning(
            "SPF",
            f'"{record}" does not say what to do with mail from elsewhere',
            'end it with "~all" or "-all"',
        )
    return ok("SPF", f'{domain}: "{record}"')


def _records(domain: str, lookup: Lookup) -> list[str]:
    return [
        text for text in lookup.texts(domain) if text.lower() == "v=spf1" or text[:7].lower() == "v=spf1 "
    ]


def _lookups(record: str, lookup: Lookup, broken: list[str], *, seen: tuple[str, ...]) -> int:
    """Count the look-ups that a record costs a receiver; stop soon after there are too many."""
    asked = 0
    for term in record.split()[1:]:
        found = _ASKS.fullmatch(term)
        if found is None or asked > _MOST_LOOKUPS:
            continue
        asked += 1
        word, name = found["word"].lower(), (found["name"] or "").rstrip(".")
        if word not in ("include", "redirect") or "%" in name:  # a macro depends on the message
            continue
        if not name or name in seen:
            broken.append(f"{term} leads nowhere")
            continue
        inner = _records(name, lookup)
        if len(inner) != 1:
            broken.append(f"{term} leads to {len(inner) or 'no'} SPF records")
            continue
        asked += _lookups(inner[0], lookup, broken, seen=(*seen, name))
    return asked
