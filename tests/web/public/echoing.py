"""A plug-in of another package: its provider says whatever a request says that knows the word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from recmail.deliver.esp import Esp, EspOptions, Webhook
from recmail.errors import AccountRefused, DataError, RefusedError
from recmail.records import Event, EventKind


class Echoing(EspOptions):
    """[provider.NAME] type = "echoing"."""

    word: str

    @property
    def leaves_machine(self) -> bool:
        return False

    @property
    def reads_webhooks(self) -> bool:
        return True

    def connect(self) -> Esp:
        raise AccountRefused("it sends nothing")

    def read_webhook(self, request: Webhook, *, now: datetime) -> Sequence[Event]:
        if request.headers.get("x-word") != self.word:
            raise RefusedError("that is not the word")
        try:
            return [
                Event(key=key, kind=EventKind.BOUNCED, at=now, email=email, dead=True)
                for key, email in json.loads(request.body).items()
            ]
        except ValueError as error:
            raise DataError(f"no JSON: {request.body!r}") from error
