"""Time zones as people call them: by a country, a city or an abbreviation, instead of the IANA name."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

from recmail.errors import did_you_mean, nearest
from recmail.settings.codes import country_of

_SHOWN = 3
_NEARLY = 0.8  # Kolkatta; not Mumbai, which is no zone's and near to Dubai
_SUMMER_AND_WINTER = (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC))


def meant_zones(text: str) -> str:
    """Return "; did you mean Asia/Kolkata?" for what somebody wrote instead, or nothing."""
    if "/" in text:
        return did_you_mean(text, available_timezones())
    wanted = text.strip().casefold()
    found = _of_country(wanted) or _of_city(wanted) or _of_abbreviation(wanted.upper())
    first, more = found[:_SHOWN], ", ..." if len(found) > _SHOWN else ""
    return f"; did you mean {' or '.join(first) if len(found) == 2 else ', '.join(first)}{more}?" * bool(
        found
    )


def _of_country(wanted: str) -> list[str]:
    """The zones of a country, by its code or name, in the order of zone.tab."""
    code = country_of(wanted)
    return [zone for country, zone in _zones("zone.tab") if country == code]


def _of_city(wanted: str) -> list[str]:
    cities = {zone.rpartition("/")[2].replace("_", " "): zone for _, zone in _zones("zone.tab")}
    city = nearest(wanted, cities, cutoff=_NEARLY)
    return [cities[city]] if city else []


def _of_abbreviation(wanted: str) -> list[str]:
    """The zones whose clocks show it: IST is India's, Israel's and Ireland's."""
    return [
        zone
        for _, zone in _zones("zonenow.tab")  # of zones whose clocks agree the one of most people
        if wanted in {day.astimezone(ZoneInfo(zone)).tzname() for day in _SUMMER_AND_WINTER}
    ]


def _zones(table: str) -> list[tuple[str, str]]:
    return [(country, zone) for country, _, zone, *_ in _table(table)]


@cache
def _table(name: str) -> list[list[str]]:
    text = files("tzdata").joinpath("zoneinfo", name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
