"""DMARC: what receivers shall do with mail that only claims to be from a domain (RFC 9989)."""

from __future__ import annotations

from recmail.runs.doctor.dkim import read_tags
from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.lookup import Lookup

_POLICIES = ("none", "quarantine", "reject")
_MOST_STEPS = 8  # RFC 9989 4.10: of the walk up the tree


def check_dmarc(domain: str, lookup: Lookup) -> Finding:
    """Say which DMARC policy holds for a domain: its own, else the one of its organisation.

    Raises:
        OSError: it cannot be looked up.
    """
    found = [(place, records) for place in _upward(domain) if (records := _records(place, lookup))]
    if not found:
        return wrong(
            "DMARC",
            f"{domain} has no DMARC record; Gmail, Yahoo and Microsoft refuse bulk mail without one",
            f'publish at _dmarc.{domain}: TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"',
        )
    # RFC 9989 4.10: without a record of its own, that of the organisation, the shortest name that has one.
    place, records = found[0] if found[0][0] == domain else found[-1]
    if len(records) > 1:
        advice = "keep one of them"
        return wrong("DMARC", f"_dmarc.{place} has {len(records)} records, which count as none", advice)
    return _judged(domain, place, records[0])


def _judged(domain: str, place: str, record: str) -> Finding:
    tags = read_tags(record)
    policy = tags.get("p", "") if place == domain else tags.get("sp", tags.get("p", ""))
    where = f'_dmarc.{place}: "{record}"'
    if policy.lower() not in _POLICIES:
        found = f"p={policy} is no policy" if policy else "it has no p="
        return warning("DMARC", f"{where}: {found}", f"write one of p={', p='.join(_POLICIES)}")
    if policy.lower() == "none":
        return ok("DMARC", f"{where}; enough for Gmail and Yahoo, p=quarantine also keeps forgers out")
    return ok("DMARC", where)


def _records(place: str, lookup: Lookup) -> list[str]:
    return [text for text in lookup.texts(f"_dmarc.{place}") if read_tags(text).get("v") == "DMARC1"]


def _upward(domain: str) -> list[str]:
    """The domain and those above it but for the last, which is nobody's own: com, org."""
    labels = domain.split(".")
    above = [".".join(labels[start:]) for start in range(1, len(labels) - 1)]
    return [domain, *above[-(_MOST_STEPS - 1) :]]
