"""A new sender's first days: few messages on the first, and more on each day that follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

_ENOUGH = 10**9  # a day: no limit any more


class WarmUp(BaseModel):
    """`warm_up` of a [provider.NAME]: {from = 2026-12-01, start = 500, grow = 2, up_to = 50000}.

    Mailbox providers distrust addresses that begin to send much from one day to the next.

    Attributes:
        from_: the first day; before it, as much as on it.
        start: messages on that day.
        grow: so many times as much on each day that follows.
        up_to: once a day may have so many, there is no limit any more; None: it goes on growing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    from_: date = Field(alias="from")
    start: int = Field(ge=1)
    grow: float = Field(2.0, ge=1, le=10)
    up_to: int | None = Field(None, ge=1)

    @field_validator("up_to")
    @classmethod
    def _more_than_at_first(cls, up_to: int | None, info: ValidationInfo) -> int | None:
        if up_to is not None and up_to <= info.data.get("start", 0):
            raise ValueError(f"found {up_to}; expected more than start, or there would be no warm-up")
        return up_to

    def allowed(self, day: date) -> int | None:
        """How many messages a day may have; None without a limit."""
        days = max(0, (day - self.from_).days)
        try:
            messages = int(self.start * self.grow**days)
        except OverflowError:
            return None
        return None if messages >= min(self.up_to or _ENOUGH, _ENOUGH) else messages

    def allowed_at(self, now: datetime, zone: ZoneInfo) -> int | None:
        """How many messages the day of `now` may have; days begin at midnight in `zone`."""
        return self.allowed(now.astimezone(zone).date())


def next_midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """When the next day begins in `zone`, in UTC."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)
