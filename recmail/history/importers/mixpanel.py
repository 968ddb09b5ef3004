"""Mixpanel: what its raw event export API answers, one event a line, in JSON.

Source: Mixpanel's Raw Event Export, Export Methods, Event Deduplication, and Identifying Users
(Simplified and Original).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field

from recmail.db.types import from_microseconds
from recmail.errors import did_you_mean
from recmail.history.importers.events import Event, EventError, EventOptions, compound_id
from recmail.history.importers.places import Places, places, text

_IDENTITY = ("$identify", "$create_alias", "$merge")
_DEVICE = "$device:"
_MILLISECONDS = 100_000_000_000  # more is no time in seconds before the year 5138: time_in_ms was asked for


def _timezone(value: Any) -> Any:
    if value is None:
        raise ValueError(
            'say in which zone its times are: project_timezone = "UTC" for a project made since 2023, else '
            'the project\'s own zone, such as "Asia/Kolkata" (Mixpanel: Settings, Project Details)'
        )
    if not isinstance(value, str) or value not in available_timezones():
        hint = did_you_mean(str(value), available_timezones())
        raise ValueError(f'{value!r} is no time zone; expected "UTC" or one such as "Asia/Kolkata"{hint}')
    return value


class Mixpanel(EventOptions):
    """[sources.NAME] with format = "mixpanel".

    `$identify`, `$create_alias` and `$merge` join ids, and so does an event with a $device_id and a $user_id.

    Attributes:
        project_timezone: the zone whose clocks the times of the export show: "UTC" for projects made since
            2023-01-01, the project's own before.
    """

    project_timezone: Annotated[str | None, BeforeValidator(_timezone)] = Field(
        None, validate_default=True, description="The zone of the export's times"
    )
    course_id: Places = places("properties.course_id", "properties.product_id")
    value: Places = places("properties.rating", "properties.progress")
    amount: Places = places("properties.amount", "properties.revenue", "properties.price")
    currency: Places = places("properties.currency")
    seconds: Places = places("properties.$duration", "properties.seconds")
    query: Places = places("properties.query")

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(str(self.project_timezone))

    def names(self, event: Event) -> tuple[str, ...]:
        """The event's name."""
        name = text(event.get("event"))
        if not isinstance(event.get("properties"), dict):
            raise EventError("properties: no object")
        return () if name in _IDENTITY else (name,)

    def links(self, event: Event) -> Iterable[tuple[str, str]]:
        """Ids that the event says are one person."""
        name, properties = event.get("event"), event["properties"]
        if name == "$identify":
            return _pairs(properties.get("$anon_id"), properties.get("$identified_id"))
        if name == "$create_alias":
            one, other = properties.get("alias"), properties.get("distinct_id")
            return [*_pairs(one, other), *_pairs(other, one)]
        if name == "$merge":
            merged = properties.get("$distinct_ids")
            ids = merged if isinstance(merged, list) else []
            # Which of them is a person's user_id is not said: whoever is known answers for the next, and that
            # one for the one behind it.
            sides = [(one, other) for one, other in pairwise(ids) if one != other]
            return [pair for one, other in sides for pair in (*_pairs(one, other), *_pairs(other, one))]
        return _pairs(properties.get("$device_id"), properties.get("$user_id"))

    def who(self, event: Event) -> tuple[str, str]:
        """The $user_id, and the distinct_id, which may be a user_id or a device's."""
        properties = event["properties"]
        distinct_id = text(properties.get("distinct_id")).removeprefix(_DEVICE)
        return text(properties.get("$user_id")), distinct_id or text(properties.get("$device_id"))

    def moment(self, event: Event) -> str:
        """When, in UTC."""
        written = text(event["properties"].get("time"))
        try:
            shown = from_microseconds(_microseconds(written))
            if self.project_timezone == "UTC":
                return shown.isoformat()
            # Older projects keep what the clocks of their zone showed, as if that were UTC. Of the hour that
            # comes twice in autumn the first is taken.
            return shown.replace(tzinfo=self._zone).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            return written

    def event_id(self, event: Event, course_id: str) -> str:
        """What Mixpanel itself tells events apart by, as it was before ids were merged."""
        properties = event["properties"]
        insert_id = text(properties.get("$insert_id"))
        if not insert_id:
            return ""
        # After a merge an export shows the same event with another distinct_id; the device's stays.
        names = ("$device_id", "$distinct_id_before_identity", "distinct_id")
        person = next(filter(None, (text(properties.get(name)) for name in names)), "")
        try:
            day = _microseconds(text(properties.get("time"))) // 86_400_000_000
        except (ValueError, OverflowError):
            day = 0
        return compound_id(f"{day}", text(event.get("event")), person.removeprefix(_DEVICE), insert_id)


def _pairs(other_id: Any, user_id: Any) -> list[tuple[str, str]]:
    pair = text(other_id).removeprefix(_DEVICE), text(user_id)
    return [pair] if all(pair) else []


def _microseconds(written: str) -> int:
    number = float(written)
    return round(number * (1_000 if number > _MILLISECONDS else 1_000_000))
