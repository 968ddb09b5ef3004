"""What a provider tells by itself: one request, checked, written down, and done what follows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from recmail.deliver.esp import Provider, Webhook
from recmail.feedback.recording import Counts, Returned, record


def receive(engine: sa.Engine, provider: Provider, request: Webhook, *, key: bytes, now: datetime) -> Counts:
    """Check that a request is the provider's and write down what it says; answer 2xx only after that.

    The same request may come again, as providers do when an answer is late: it changes nothing.

    Args:
        key: the project's, for hashing addresses.
        now: a signature that is much older is a replay.

    Raises:
        RefusedError: it is not the provider's, or too old: say no.
        DataError: it cannot be read: say that it failed, so that the provider tries again.
        StorageError: the database cannot be written: likewise.
    """
    events = provider.read_webhook(request, now=now)
    return record(engine, provider.name, [Returned(event) for event in events], key=key, now=now)
