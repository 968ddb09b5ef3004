"""Why an address on a list gets nothing more: what the list says itself, or what another tool's columns mean.

Mailchimp's audience export is one file each of subscribed, unsubscribed and cleaned members; UNSUB_TIME and
CLEAN_TIME are filled for those to whom it happened. listmonk's subscribers have a status; blocklisted are
mostly those who chose "from all lists" themselves. Sources: the exports' own headers; knadh/listmonk,
cmd/subscribers.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recmail.db.consent import IMPORTED
from recmail.history.importing_checks import Checks, filled
from recmail.history.importing_target import ImportOptions

SUBSCRIBED = "subscribed"
MAILCHIMP = ("unsub_time", "unsub_reason", "clean_time", "member_rating", "leid")
SAYS_NO = {"reason", "unsub_time", "unsub_reason", "clean_time", "status"}
_REASONS = ("hard_bounce", "soft_bounces", "complaint", "manual", IMPORTED, "erased")
_MEANINGS = {
    **{reason: reason for reason in _REASONS},
    **dict.fromkeys(("unsubscribed", "blocklisted", "blacklisted", "disabled"), IMPORTED),
    **dict.fromkeys(("cleaned", "bounced", "bounce"), "hard_bounce"),
    **dict.fromkeys(("complained", "spam"), "complaint"),
    **dict.fromkeys((SUBSCRIBED, "enabled", "active", "confirmed", "unconfirmed"), SUBSCRIBED),
}


def reasons(columns: Mapping[str, list[str]], checks: Checks, options: ImportOptions) -> list[str]:
    """A suppression's reason for each row, or SUBSCRIBED; in doubt a no."""
    found = _own_reasons(columns.get("reason", [""] * len(checks.lines)), checks)
    if set(MAILCHIMP) & set(columns):
        return _filled_in(found, _of_members(columns, len(found)), checks)
    if "status" in columns:
        return _filled_in(found, _of_status(columns["status"], checks, options), checks)
    return [reason or IMPORTED for reason in found]


def _own_reasons(written: Sequence[str], checks: Checks) -> list[str]:
    """The list's own reasons; empty where it gives none."""
    found = [_MEANINGS.get(text.lower(), SUBSCRIBED) if text else "" for text in written]
    unknown = [row for row, reason in enumerate(found) if reason == SUBSCRIBED]
    checks.warn(unknown, "reason: unknown, kept as imported")
    return [IMPORTED if reason == SUBSCRIBED else reason for reason in found]


def _of_members(columns: Mapping[str, list[str]], length: int) -> list[str]:
    empty = [""] * length
    cells = [columns.get(name, empty) for name in ("clean_time", "unsub_time", "unsub_reason")]
    return [
        "hard_bounce" if cleaned else IMPORTED if time or reason else SUBSCRIBED
        for cleaned, time, reason in zip(*cells, strict=True)
    ]


def _of_status(status: Sequence[str], checks: Checks, options: ImportOptions) -> list[str]:
    words = [text.lower() for text in status]
    unknown = [row for row in filled(words) if words[row] not in _MEANINGS]
    checks.warn(unknown, "status: unknown, taken for a no")
    checks.warn(
        [row for row, word in enumerate(words) if word == "enabled"],
        "status enabled: listmonk says so of those, too, who unsubscribed from one list; export that list's "
        f"unsubscribed and import them with {options.renaming('status', 'reason')}",
    )
    return [_MEANINGS.get(word, IMPORTED) for word in words]


def _filled_in(found: Sequence[str], theirs: Sequence[str], checks: Checks) -> list[str]:
    chosen = [reason or their for reason, their in zip(found, theirs, strict=True)]
    left_out = [row for row, reason in enumerate(chosen) if reason == SUBSCRIBED]
    checks.warn(left_out, "still subscribed there, left out")
    return chosen
