"""A report in words: money, shares, what a campaign was worth, and what cannot be known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recmail.feedback.report_compared import LEAST_ENROLLED, LEAST_PEOPLE, Comparison, Group
from recmail.feedback.report_figures import NO_CURRENCY, Figures
from recmail.render.locale import best_locale, written_price
from recmail.runs.report.reports import Report, Row
from recmail.runs.report.told import Told
from recmail.settings.values import format_duration


@dataclass(frozen=True)
class Note:
    """Something that a reader of the figures has to know.

    Attributes:
        key: the same for the same kind of note, for programs.
    """

    key: str
    text: str


@dataclass(frozen=True)
class Line:
    """One figure of messages.

    Attributes:
        key: its name in --json and CSV.
        count: None when it cannot be known.
        what: in words.
        detail: more about it, in words.
    """

    key: str
    count: int | None
    what: str
    detail: str = ""


def money(value: Mapping[str, int], language: str) -> str:
    """Amounts as people write them, each currency by itself: "₹1,499; $20"."""
    locale = best_locale(language, None, None)
    parts = [
        f"{amount:,} without a currency"
        if currency == NO_CURRENCY
        else written_price(amount, currency, locale)
        for currency, amount in sorted(value.items())
    ]
    return "; ".join(parts)


def share(count: int | None, of: int) -> str:
    """A count as a share; empty when it cannot be known."""
    return "" if count is None or not of else f"{count / of:.1%}"


def window(report: Report) -> str:
    """The window in words: 7 days, 12 hours."""
    return window_in_words(report.within)


def window_in_words(within: timedelta) -> str:
    """A time in words: 7 days, 12 hours."""
    text = format_duration(within)
    unit = {"d": "day", "h": "hour", "m": "minute"}[text[-1]]
    return f"{text[:-1]} {unit}{'' if text[:-1] == '1' else 's'}"


def lines(figures: Figures, told: Told, *, within: str) -> list[Line]:
    """The figures of messages in the order in which a message lives; money stands elsewhere."""
    hard, soft = figures.bounced_hard, figures.bounced_soft
    bounced = hard + soft if told.bounced else None
    of = f"{hard:,} hard, {soft:,} soft" if bounced else ""
    machines = figures.clicked_by_machine
    by_machine = f"{machines:,} more only by machines" if machines else ""
    rows = [
        Line("sent", figures.sent, "sent"),
        Line("delivered", figures.delivered if told.delivered else None, "delivered"),
        Line("bounced", bounced, "bounced", of),
        Line("complained", figures.complained if told.bounced else None, "complained"),
        Line("unsubscribed", figures.unsubscribed, "unsubscribed", f"within {within} after it"),
        Line("clicked", figures.clicked if told.clicks else None, "clicked", by_machine),
        Line("enrolled", figures.enrolled, "enrolled", f"in any course, within {within} after it"),
        Line("enrolled_shown", figures.enrolled_shown, "", "of them in a course that it showed"),
    ]
    if told.opens:
        rows.insert(5, Line("opened", figures.opened, "opened", "unreliable: mail programs fetch pictures"))
    return rows


# --- what it was worth ----------------------------------------------------------------------------


def worth(report: Report) -> str:
    """What the campaign was worth by its control group, in words; empty where there is none."""
    found = report.control
    if found is None:
        return ""
    if found.difference is None:
        return f"Not enough data yet to say what it was worth. {_too_little(found, 'the control group')}"
    rates = (
        f"Within {window(report)}, {_rate(found.other)} of those who were to get one enrolled, and "
        f"{_rate(found.base)} of the control group: {points(found)}"
    )
    who = f"These are {found.other.people:,} and {found.base.people:,} people{_counted(found)}."
    more = found.more_enrolled
    if found.verdict == "no_difference" or more is None:
        return f"Whether the emails made a difference cannot be told. {rates}, which may be chance. {who}"
    least, about, most = sorted(round(abs(one)) for one in more)
    return (
        f"About {about:,} {found.verdict} people enrolled than without the emails ({least:,} to {most:,}). "
        f"{rates}. {who}"
    )


def _counted(found: Comparison) -> str:
    return "" if found.other.times == found.other.people else ", each counted once for each run"


def variant_in_words(name: str, base: str, found: Comparison) -> str:
    """How a variant differs from the first one, in words."""
    if found.difference is None:
        return f"{name} and {base}: not enough data yet. {_too_little(found, base)}"
    rates = f"After {name} {_rate(found.other)} enrolled, after {base} {_rate(found.base)}"
    chance = ", which may be chance" if found.verdict == "no_difference" else ""
    return f"{rates}: {points(found)}{chance}."


def points(found: Comparison) -> str:
    """A difference in percentage points with its interval."""
    if found.difference is None or found.low is None or found.high is None:
        return "not enough data yet"
    return f"{100 * found.difference:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def _too_little(found: Comparison, base: str) -> str:
    enrolled = found.base.enrolled + found.other.enrolled
    return (
        f"It takes {LEAST_PEOPLE} people in each group and {LEAST_ENROLLED} enrolments; there are "
        f"{found.base.people:,} people in {base}, {found.other.people:,} others, and {enrolled:,} enrolled."
    )


def _rate(group: Group) -> str:
    return f"{group.rate:.1%}"


# --- what cannot be known -------------------------------------------------------------------------


def notes(report: Report) -> list[Note]:
    """What a reader has to know: what is not known, and until when."""
    return [*_of_enrolments(report), *_of_messages(report)]


def _of_enrolments(report: Report) -> Iterator[Note]:
    known = report.known
    if known.last_import is None:
        yield Note("no_imports", "Enrolments are not known: none were imported; recmail import brings them.")
    else:
        newest = known.newest_enrolment
        of = f"; the newest is of {_time(newest)}" if newest else ""
        yield Note("known_until", f"Enrolments are known until {_time(known.until)} (the last import){of}.")
    if waiting := report.figures.waiting:
        yield Note(
            "windows_open",
            f"The {window(report)} after the message are not over yet, or not imported, for {waiting:,} of "
            f"{report.figures.sent:,} messages: their enrolments will still grow.",
        )
    if report.figures.sent and report.control is None:
        yield Note(
            "no_control_group",
            "There is no control group, so nobody can say what people would have taken without the email: "
            "audience: {control_group: 5%} makes one.",
        )


def _of_messages(report: Report) -> Iterator[Note]:
    told, sent = report.told, report.figures.sent
    names = " and ".join(sorted(told.providers))
    if sent and not told.bounced:
        yield Note(
            "no_feedback",
            f"No feedback from provider {names} ({_why_nothing(told)}): what was delivered, bounced or "
            "complained about is not known.",
        )
    elif sent and not told.delivered:
        yield Note("only_bounces", f"Provider {names} tells what bounced, and not what was delivered.")
    asked = [one.told.bounced for one in report.runs if one.figures.sent]
    if any(asked) and not all(asked):
        of = f"{sum(asked):,} of {len(asked):,} runs"
        yield Note("known_of_some_runs", f"What came back is known of {of} only; shares are of all messages.")
    if sent and not told.clicks:
        yield Note("tracking_off", "Clicks are not tracked: they are not known.")
    elif sent and not told.links:
        yield Note(
            "tracked_by_provider",
            f"Clicks are those that provider {names} told of: on which course is not known.",
        )
    elif sent:
        yield Note(
            "tracking_by_consent",
            "Clicks are known only of people who agreed to being tracked; of all others nothing is recorded.",
        )
    if report.unclear:
        yield Note(
            "unclear",
            f"{report.unclear:,} messages are unclear, may have arrived, and are not among those sent.",
        )
    if report.left_out:
        runs = "1 run" if report.left_out == 1 else f"{report.left_out:,} runs"
        yield Note("left_out", f"{runs} of which no message left: not counted here.")


def _why_nothing(told: Told) -> str:
    if told.webhooks:
        return "nothing came back yet: is its webhook set up?"
    return (
        "no bounce was read yet: recmail import bounces" if told.mailboxes else "it tells nothing by itself"
    )


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# --- tables ---------------------------------------------------------------------------------------

Table = tuple[Sequence[str], list[tuple[object, ...]]]
"""Names of the columns, and the rows."""


def headline(report: Report) -> str:
    """What the report is of, in one line."""
    what = report.campaign if report.run_no is None else f"Run {report.run_no}, {report.campaign}"
    return f"{what}: {when_it_left(report)}"


def when_it_left(report: Report) -> str:
    """When the messages left, in words."""
    went_out = [one.first_left for one in report.runs if one.first_left]
    if not went_out:
        return "no message left yet"
    first, last = min(went_out), max(went_out)
    if report.run_no is not None:
        return f"{report.runs[0].state}, the first message left on {_time(first)}"
    runs = "1 run" if len(went_out) == 1 else f"{len(went_out):,} runs"
    days = f"{first:%Y-%m-%d}" if first.date() == last.date() else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{runs} went out, {days}"


def table_of_runs(report: Report) -> Table:
    """The runs of a campaign side by side; nothing for one run."""
    if len(report.runs) < 2:
        return (), []
    return _table("run", [(one.run_no, one.figures, one.told) for one in report.runs], report.language)


def table_of_variants(report: Report) -> Table:
    """The variants side by side; nothing where there are none."""
    of = [(name, figures, report.told) for name, figures in report.variants.items()]
    return _table("variant", of, report.language) if of else ((), [])


def _table(name: str, of: Sequence[tuple[object, Figures, Told]], language: str) -> Table:
    columns = (name, "sent", "bounced", "unsubscribed", "clicked", "enrolled", "", "orders")
    rows: list[tuple[object, ...]] = []
    for key, figures, told in of:
        bounced = figures.bounced_hard + figures.bounced_soft if told.bounced else None
        rows.append(
            (
                *(key, figures.sent, bounced, figures.unsubscribed),
                figures.clicked if told.clicks else None,
                *(figures.enrolled, share(figures.enrolled, figures.sent)),
                money(figures.value, language),
            )
        )
    return columns, rows


HEADINGS = {
    "block": "block",
    "position": "place in its block",
    "fallback": "who chose the course",
    "course": "course",
}


def table_of_places(report: Report, dimension: str) -> Table:
    """What came of blocks, positions, fallbacks or courses; enrolments are of the courses they showed."""
    columns = (HEADINGS[dimension], "shown", "clicked", "enrolments", "per 1,000 shown", "orders")
    rows: list[tuple[object, ...]] = []
    for row in report.places[dimension]:
        place = row.place
        rows.append(
            (
                place_in_words(dimension, row),
                place.shown,
                place.clicked if report.places_of_clicks else None,
                place.enrolments,
                per_thousand(place.enrolments, place.shown),
                money(place.value, report.language),
            )
        )
    return columns, rows


def place_in_words(dimension: str, row: Row) -> str:
    """What a place is called."""
    if dimension == "fallback":
        return f"{row.key}, as a fallback" if row.key else "the block itself"
    return row.title or row.key


def per_thousand(count: int, of: int) -> str:
    """How often for a thousand times."""
    return f"{1000 * count / of:.1f}" if of else ""


def variants_in_words(report: Report) -> list[str]:
    """How each variant differs from the first."""
    base = next(iter(report.variants), "")
    return [variant_in_words(name, base, found) for name, found in report.variants_compared.items()]
