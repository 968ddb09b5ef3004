"""A provider of another package, for tests: a word signs its webhook, and each body is a list of events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from recmail.deliver.esp import Esp, EspOptions, Webhook
from recmail.errors import DataError, RefusedError
from recmail.records import Event, EventKind

KINDS = {"arrived": EventKind.DELIVERED, "came back": EventKind.BOUNCED, "torn up": EventKind.COMPLAINED}


class Postcards(EspOptions):
    """[provider.NAME] with type = "postcards"."""

    word: str = "please"

    def connect(self) -> Esp:
        """Postcards are not sent in tests."""
        raise NotImplementedError

    @property
    def reads_webhooks(self) -> bool:
        return True

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        if request.headers.get("x-word") != self.word:
            raise RefusedError("that was not the word")
        return self.read_events(request.body)

    def read_events(self, body: bytes) -> Sequence[Event]:
        try:
            return [_event(one) for one in json.loads(body)["postcards"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"no postcards: {error!r}") from error


def _event(one: dict[str, str]) -> Event:
    return Event(
        key=one["id"],
        kind=KINDS[one["what"]],
        at=datetime.fromisoformat(one["when"]),
        provider_id=one["card"],
        email=one.get("to"),
        dead="why" in one,
        detail=one.get("why", ""),
        raw=json.dumps(one),
    )
