"""What worker tests share: a message, a relay to a test server, and one worker's turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from recmail.db.account import account
from recmail.db.connect import reading
from recmail.deliver.clock import Clock
from recmail.deliver.drafter import Write
from recmail.deliver.esp.smtp import Smtp
from recmail.deliver.worker import WorkerOptions, WorkSummary, work
from recmail.errors import RenderError
from recmail.records import Claim, MessageState, Outgoing, Skip
from tests.ledgers import TOPIC
from tests.servers import HOST, SmtpServer

DAY = timedelta(days=1)
S = MessageState


def write(claimed: Claim) -> Outgoing:
    """A message that names its person and try."""
    mime = f"Subject: For {claimed.user_id}\r\n\r\nHello {claimed.user_id}\r\n"
    email = claimed.email or ""
    return Outgoing("learn@acme.example", email, mime.encode(), claimed.message_id, "Hi")


def each(write_one: Callable[[Claim], Outgoing | Skip]) -> Write:
    """What writes the messages of many claims, one after the other."""

    def write_one_or_none(claim: Claim) -> Outgoing | Skip | RenderError:
        try:
            return write_one(claim)
        except RenderError as error:
            return error

    def write_all(claims: Sequence[Claim]) -> list[Outgoing | Skip | RenderError]:
        return [write_one_or_none(claim) for claim in claims]

    return write_all


def relay(stack: ExitStack, server: SmtpServer) -> Smtp:
    stack.enter_context(server.running())
    return Smtp(host=HOST, port=server.port, tls="none")


def options(**changed: Any) -> WorkerOptions:
    fields: dict[str, Any] = {
        "run_nos": (1,),
        "topics": {1: TOPIC, 2: TOPIC},
        "connections": 3,
        "cap": (10, 7 * DAY),
        "sending_lease": timedelta(minutes=11),
        "patience": timedelta(0),
        "connect_wait_s": 0.001,
    }
    return WorkerOptions(**fields | changed)


def send(
    engine: sa.Engine,
    smtp: Smtp,
    now: datetime,
    *,
    message: Callable[[Claim], Outgoing | Skip] = write,
    stop: threading.Event | None = None,
    on_progress: Callable[[WorkSummary], None] | None = None,
    **changed: Any,
) -> WorkSummary:
    return work(
        engine,
        smtp,
        each(message),
        options=options(**changed),
        clock=Clock(now),
        stop=stop or threading.Event(),
        on_progress=on_progress,
    )


def adds_up(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        return account(connection, 1).adds_up
