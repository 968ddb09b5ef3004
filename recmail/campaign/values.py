"""What a value of a campaign may be: read as recmail uses it, and described for the editor's JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from recmail.campaign.cron import CRON, check_cron, looks_like_cron
from recmail.settings import parse_duration
from recmail.settings.hours import WEEKDAYS
from recmail.settings.rates import RATE, Rate, read_rate
from recmail.settings.source import shown
from recmail.settings.values import mailbox, timezone

_LINE_LIMIT = 2_000  # characters of a subject as written; a header line as rendered is cut far below
_TEMPLATE = r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*"
_PERCENT = r"(?:100(?:\.0{1,4})?|[0-9]{1,2}(?:\.[0-9]{1,4})?) ?%"
_DURATION = r"[1-9][0-9]{0,5}[mhdw]"
_LEAD = rf"({_DURATION}) before"
_DAYS = {
    "day": tuple(range(7)),
    "weekday": tuple(range(5)),
    **{day: (at,) for at, day in enumerate(WEEKDAYS)},
}
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_EVERY = rf"every ({'|'.join(_DAYS)}) ({_CLOCK})"
_ONCE = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}) ({_CLOCK})"
_YEARS = range(2000, 2200)  # of what goes out once; further out, zones and additions end
_LONGEST = timedelta(days=30)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_EVERY_TIME = "every time"
_APPROVED_ONCE = rf"once, while people change by at most ({_PERCENT}) and checks stay clean"


@dataclass(frozen=True)
class Repeatedly:
    """Every week on these days (0 is Monday), at a time of the zone that the schedule names."""

    weekdays: tuple[int, ...]
    at: time

    @property
    def as_cron(self) -> str:
        """The same as a cron text, whose week begins on Sunday."""
        days = ",".join(str((day + 1) % 7) for day in self.weekdays)
        return f"{self.at.minute} {self.at.hour} * * {days}"


@dataclass(frozen=True)
class Cron:
    """Whenever a cron text of five fields says, by the clocks of the zone that the schedule names."""

    text: str


@dataclass(frozen=True)
class Once:
    """One time, at a local time of the zone that the schedule names; it has no zone itself."""

    at: datetime


@dataclass(frozen=True)
class Approval:
    """Who has to agree to a scheduled run.

    Attributes:
        people_change_at_most: a share: after the first approval, runs go out by themselves as long as the
            number of people differs by no more than this and nothing is wrong; None: each run is approved.
    """

    people_change_at_most: float | None


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    return value


def check_line(value: object) -> str:
    """Check a line of a campaign that stands under its language.

    Raises:
        ValueError: it is not a text, empty or too long.
    """
    if not isinstance(value, str):
        raise ValueError(f"found {shown(value)}; expected text, in quotes")  # noqa: TRY004 - as all readers
    return _line(value)


def _line(value: str) -> str:
    if len(value) > _LINE_LIMIT:
        raise ValueError(f"has {len(value):,} characters; at most {_LINE_LIMIT:,}")
    return _text(value)


def _template(value: str) -> str:
    bare = value.removesuffix(".j2").removesuffix(".html").removesuffix(".txt")
    if bare != value and re.fullmatch(_TEMPLATE, bare):
        raise ValueError(f"found {shown(value)}; write {bare}: its .html.j2 and .txt.j2 belong together")
    if not re.fullmatch(_TEMPLATE, value):
        raise ValueError(f"found {shown(value)}; expected the name of a template, such as weekly")
    return value


def _share(value: object) -> float:
    if not isinstance(value, str) or not re.fullmatch(_PERCENT, value):
        whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
        hint = f"; write {value}%" if whole else ""
        raise ValueError(f"found {shown(value)}; expected a percentage from 0% to 100%, such as 5%{hint}")
    return float(value.rstrip("% ")) / 100


def _not_all(share: float) -> float:
    if share >= 1:
        raise ValueError("found 100%, and nobody would get an email; expected less, such as 5%")
    return share


def _duration(value: object) -> timedelta:
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value):
        meant = _spelled_out(value)
        hint = f"; write {meant}" if meant else ""
        raise ValueError(f"found {shown(value)}; expected a time such as 30d, 3h, 45m or 2w{hint}")
    return _not_long(value, value)


def _lead(value: object) -> timedelta:
    found = re.fullmatch(_LEAD, value) if isinstance(value, str) else None
    if not found:
        meant = _spelled_out(value)
        hint = f"; write {meant} before" if meant else ""
        raise ValueError(f"found {shown(value)}; expected a time such as 36h before{hint}")
    return _not_long(found[1], value)


def _not_long(text: str, written: object) -> timedelta:
    """Read a time between a plan and its emails; after a long one a plan is about people as they were."""
    duration = parse_duration(text)
    if duration > _LONGEST:
        raise ValueError(f"found {shown(written)}; expected at most {_LONGEST.days}d")
    return duration


def _spelled_out(value: object) -> str:
    """Return 3h for 3 hours."""
    found = re.fullmatch(r"([0-9]+) ?([mhdw])[a-z]*(?: before)?", str(value))
    meant = f"{found[1]}{found[2]}" if found else ""
    return meant if re.fullmatch(_DURATION, meant) else ""


def _day(value: object) -> date:
    text = str(value)
    try:
        return date.fromisoformat(text if re.fullmatch(_DAY, text) else "")
    except ValueError as error:
        found = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", text)
        hint = f"; write {found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else ""
        raise ValueError(f"found {shown(value)}; expected a day such as 2027-03-31{hint}") from error


def _when(value: object) -> Repeatedly | Cron | Once:
    text = value if isinstance(value, str) else ""
    if found := re.fullmatch(_EVERY, text):
        return Repeatedly(_DAYS[found[1]], time.fromisoformat(found[2]))
    if found := re.fullmatch(_ONCE, text):
        try:
            return _once(datetime.fromisoformat(text))
        except ValueError as error:
            raise ValueError(f"found {shown(value)}; there is no such day") from error
    if looks_like_cron(text):
        return _cron(text)
    raise ValueError(
        f"found {shown(value)}; expected every tuesday 09:00, or 2026-12-01 09:00{_when_hint(text)}"
    )


def _once(at: datetime) -> Once:
    if at.year not in _YEARS:
        raise ValueError
    return Once(at)


def _cron(text: str) -> Cron:
    try:
        check_cron(text)
    except ValueError as error:
        raise ValueError(f"found {shown(text)}; {error}") from error
    return Cron(" ".join(text.split()))


def _when_hint(text: str) -> str:
    """Write down what somebody probably meant with `Tuesdays at 9am`, where that is clear."""
    words = re.sub(r"(?<=\d)t(?=\d)", " ", text.lower())
    if words == "now":
        return "; leave schedule out and send by hand"
    clock = re.search(r"(?:^|\s)([0-9]{1,2})(?:[:.]([0-9]{2}))?(?::00)? ?(am|pm)?$", words)
    day = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", words)
    start = day[0] if day else f"every {_day_name(words)}"
    if not clock:
        return f"; add the time: {start} 09:00" if re.fullmatch(f"{_EVERY}|{_ONCE}", f"{start} 09:00") else ""
    hour = int(clock[1]) % 12 + 12 * (clock[3] == "pm") if clock[3] else int(clock[1])
    written = f"{start} {hour:02}:{clock[2] or '00'}"
    return f"; write {written}" if re.fullmatch(f"{_EVERY}|{_ONCE}", written) else ""


def _day_name(words: str) -> str:
    """Return the one day that is named; empty when there is none, or more than one."""
    named: set[str] = set()
    for word in re.findall("[a-z]{3,}", words.replace("daily", "day")):
        starts = [day for day in _DAYS if day.startswith(word.rstrip("s"))]
        named.update((starts or get_close_matches(word, WEEKDAYS, n=1))[:1])
    return named.pop() if len(named) == 1 else ""


def _approval(value: object) -> Approval:
    if value == _EVERY_TIME:
        return Approval(None)
    found = re.fullmatch(_APPROVED_ONCE, value) if isinstance(value, str) else None
    if not found:
        raise ValueError(
            f"found {shown(value)}; expected every time, or: once, while people change by at most 10%"
            " and checks stay clean"
        )
    return Approval(_share(found[1]))


def _zone_or_recipient(value: str) -> str:
    return value if value == "recipient" else timezone(value)


def _described(title: str, *examples: str, pattern: str = "", **more: Any) -> WithJsonSchema:
    """Describe text for editors.

    Args:
        title: what it is, as the reference calls it.
        pattern: of the whole text; any text that is not empty when left out.
    """
    schema = {"type": "string", "title": title, "pattern": f"^(?:{pattern})$" if pattern else r"\S", **more}
    if examples:
        schema |= {
            "examples": list(examples),
            "patternErrorMessage": f"expected {title} such as {examples[0]}",
        }
    return WithJsonSchema(schema)


Text = Annotated[str, AfterValidator(_text), _described("text")]
Line = Annotated[str, AfterValidator(_line), _described("a line with {{ }}", maxLength=_LINE_LIMIT)]
Mailbox = Annotated[
    str, AfterValidator(mailbox), _described("a sender", "Acme Courses <learn@acme.example>", pattern=".*@.*")
]
Template = Annotated[str, AfterValidator(_template), _described("a name", "weekly", pattern=_TEMPLATE)]
Share = Annotated[float, BeforeValidator(_share), _described("a percentage", "5%", pattern=_PERCENT)]
PartOf = Annotated[
    float,
    BeforeValidator(_share),
    AfterValidator(_not_all),
    _described("a percentage below 100%", "5%", pattern=_PERCENT.replace(r"100(?:\.0{1,4})?|", "")),
]
Zone = Annotated[str, AfterValidator(timezone), _described("a time zone", "Asia/Kolkata")]
ZoneOrRecipient = Annotated[
    str, AfterValidator(_zone_or_recipient), _described("a time zone", "recipient", "Europe/Berlin")
]
When = Annotated[
    Repeatedly | Cron | Once,
    BeforeValidator(_when),
    _described(
        "a day and time",
        "every tuesday 09:00",
        "every weekday 09:00",
        "2026-12-01 09:00",
        "0 9 1 * *",
        pattern=f"{_EVERY}|{_ONCE}|{CRON}",
    ),
]
Approved = Annotated[
    Approval,
    BeforeValidator(_approval),
    _described(
        "an approval",
        _EVERY_TIME,
        "once, while people change by at most 10% and checks stay clean",
        pattern=f"{_EVERY_TIME}|{_APPROVED_ONCE}",
    ),
]
MessageRate = Annotated[Rate, BeforeValidator(read_rate), _described("a rate", "5000 per hour", pattern=RATE)]
Day = Annotated[date, BeforeValidator(_day), _described("a day", "2027-03-31", pattern=_DAY)]
Duration = Annotated[
    timedelta, BeforeValidator(_duration), _described("a time", "3h", "30d", pattern=_DURATION)
]
Lead = Annotated[timedelta, BeforeValidator(_lead), _described("a time", "36h before", pattern=_LEAD)]
