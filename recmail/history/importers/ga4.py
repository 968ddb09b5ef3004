"""Google Analytics 4: its export to BigQuery, as JSON lines or as Parquet.

Source: [GA4] BigQuery Export schema (support.google.com/analytics/answer/7029846).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from recmail.errors import DataError
from recmail.history.importers import Knows
from recmail.history.importers.events import (
    Event,
    EventError,
    EventFile,
    EventOptions,
    compound_id,
    iso,
)
from recmail.history.importers.json_lines import ObjectFile
from recmail.history.importers.places import Places, places, text

_VALUES = ("string_value", "int_value", "double_value", "float_value")
_DIGITS = 20  # more are no time, and beyond 4,300 no number to Python
_PARAMETERS = ("event_params", "user_properties", "item_params")


class Ga4(EventOptions):
    """[sources.NAME] with format = "ga4".

    Parameters are read by their keys, as in event_params.page_location. An event with a user_id joins its
    user_pseudo_id to it. Days are written again for 72 hours, and have intraday tables before: an event keeps
    its id in all of them.
    """

    course_id: Places = places("items[].item_id", "event_params.course_id")
    value: Places = places("event_params.rating", "event_params.progress")
    amount: Places = places(
        *("items[].item_revenue", "items[].price"),
        *("ecommerce.purchase_revenue", "event_params.value"),
    )
    currency: Places = places("event_params.currency")
    seconds: Places = places("event_params.engagement_time_msec")
    query: Places = places("event_params.search_term")

    def open(self, path: Path, knows: Knows) -> EventFile:
        """Begin to read one of the files.

        Raises:
            DataError: it is a table of the Analytics screen, or no export at all.
        """
        if path.suffix == ".parquet":
            from recmail.history.importers.ga4_parquet import Ga4ParquetFile

            return EventFile(Ga4ParquetFile(path, self._fields(), self.kinds), self)
        objects = ObjectFile(path)
        if objects.beginning.startswith(b"# ---"):
            raise DataError(
                f"{path}:1: is a table from a screen of Google Analytics: sums, without people. Link the "
                "property to BigQuery (Admin, BigQuery links) and bring in its tables events_*"
            )
        return EventFile(objects, self)

    def _fields(self) -> set[str]:
        """The columns that the places of fields begin with."""
        every = (self.course_id, self.value, self.amount, self.currency, self.seconds, self.query)
        return {place.keys[0] for group in every for place in group}

    def names(self, event: Event) -> tuple[str, ...]:
        """The event's name."""
        if "event_name" not in event:
            raise EventError("event_name: missing; this is no row of the tables events_*")
        return (text(event["event_name"]),)

    def links(self, event: Event) -> Iterable[tuple[str, str]]:
        """The browser or app, and whoever was logged in there."""
        user_id, other_id = text(event.get("user_id")), text(event.get("user_pseudo_id"))
        return [(other_id, user_id)] if user_id and other_id and "@" not in user_id else ()

    def who(self, event: Event) -> tuple[str, str]:
        """The user_id and the user_pseudo_id.

        Raises:
            EventError: the user_id is an address, which Google forbids and which nobody here is known by.
        """
        user_id = text(event.get("user_id"))
        if "@" in user_id:
            raise EventError("user_id: an e-mail address; set your own id of the person (Google: User-ID)")
        return user_id, text(event.get("user_pseudo_id"))

    def moment(self, event: Event) -> str:
        """When, in UTC."""
        written = text(event.get("event_timestamp"))
        is_number = written.isascii() and written.isdigit() and len(written) < _DIGITS
        return iso(int(written)) if is_number else written

    def event_id(self, event: Event, course_id: str) -> str:
        """All that tells events apart; those of one batch may share it, unless about different courses."""
        moment, bundle, name, pseudo_id = (
            text(event.get(key))
            for key in ("event_timestamp", "event_bundle_sequence_id", "event_name", "user_pseudo_id")
        )
        return compound_id(moment, bundle, name, pseudo_id or text(event.get("user_id")), course_id)

    def flat(self, event: Event) -> Event:
        """The event with its parameters as an object, also in its items."""
        return {key: _flat(key, value) for key, value in event.items()}


def _flat(key: str, value: Any) -> Any:
    elements = _list(value)
    if key in _PARAMETERS:
        return {text(one.get("key")): _value(one.get("value")) for one in elements if isinstance(one, dict)}
    if key == "items":
        return [
            {name: _flat(name, cell) for name, cell in item.items()}
            for item in elements
            if isinstance(item, dict)
        ]
    return value


def _list(value: Any) -> list[Any]:
    """A repeated field; Parquet files of older exports wrap it and each of its elements."""
    if isinstance(value, dict) and isinstance(value.get("list"), list):
        return [one.get("element") if isinstance(one, dict) else one for one in value["list"]]
    return value if isinstance(value, list) else []


def _value(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return next((value[name] for name in _VALUES if value.get(name) is not None), None)
