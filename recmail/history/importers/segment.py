"""Segment: the files that its S3 destinations write, one call a line, in JSON, gzip.

Source: Segment's Spec, Common fields, and Storage destinations, AWS S3, Data format.
"""

from __future__ import annotations

from collections.abc import Iterable

from recmail.history.importers.events import Event, EventError, EventOptions
from recmail.history.importers.places import Places, places, text

_PAGES = ("page", "screen")
_OTHER_CALLS = ("identify", "alias", "group")


class Segment(EventOptions):
    """[sources.NAME] with format = "segment".

    `track` calls are known by their event, `page` and `screen` calls by their name or as page and screen.
    `identify` joins its anonymousId to its userId, and `alias` its previousId.
    """

    course_id: Places = places(
        "properties.course_id", "properties.products[].product_id", "properties.product_id"
    )
    value: Places = places("properties.rating", "properties.progress")
    amount: Places = places(
        *("properties.products[].price", "properties.revenue", "properties.total", "properties.price"),
    )
    currency: Places = places("properties.currency")
    seconds: Places = places("properties.seconds")
    query: Places = places("properties.query")

    def names(self, event: Event) -> tuple[str, ...]:
        """What the call may be called in `kinds`."""
        call = event.get("type")
        if call == "track":
            return (text(event.get("event")),)
        if call in _PAGES:
            name = text(event.get("name"))
            return (name, call) if name else (call,)
        if call in _OTHER_CALLS:
            return ()
        raise EventError(f"type: none of track, {', '.join((*_PAGES, *_OTHER_CALLS))}")

    def links(self, event: Event) -> Iterable[tuple[str, str]]:
        """An anonymousId or previousId, and the userId that it became."""
        call = event.get("type")
        if call not in ("identify", "alias"):
            return ()
        other_id = text(event.get("previousId" if call == "alias" else "anonymousId"))
        user_id = text(event.get("userId"))
        return [(other_id, user_id)] if other_id and user_id else ()

    def who(self, event: Event) -> tuple[str, str]:
        """The userId and the anonymousId."""
        return text(event.get("userId")), text(event.get("anonymousId"))

    def moment(self, event: Event) -> str:
        """The time that Segment has corrected for clocks that are wrong."""
        # originalTimestamp and sentAt are the device's, and receivedAt comes late: timestamp is
        # receivedAt - (sentAt - originalTimestamp). Source: Spec, Common fields, Timestamps.
        return text(event.get("timestamp"))

    def event_id(self, event: Event, course_id: str) -> str:
        """The messageId, the same in replays."""
        return text(event.get("messageId"))
