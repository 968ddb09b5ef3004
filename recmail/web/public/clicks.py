"""Where tracked links lead: on to their address at once, and what was clicked is written down afterwards."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from recmail.deliver.clock import Clock
from recmail.errors import StorageError
from recmail.feedback.clicks import record_click, record_opening
from recmail.feedback.machines import is_machine
from recmail.feedback.tracked_links import read_link, read_opening

WAITING_AT_MOST = 1_000
"""Clicks that wait to be written down; more are lost, so that a flood of them costs no memory."""
# What a person clicks is nobody else's business: not that of the page they come to, nor of a cache between.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_ANYWHERE = {**_HEADERS, "Cross-Origin-Resource-Policy": "cross-origin"}  # mail is read on others' pages
_PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # 1 x 1, transparent
_log = logging.getLogger(__name__)


def routes(engine: sa.Engine, key: bytes, clock: Clock, *, older: Sequence[bytes] = ()) -> list[Route]:
    """Return the routes of links and pictures: /c/TOKEN and /o/TOKEN.gif.

    A token that is none of ours is a 404, which looks as the application around makes it look.

    Args:
        key: signs links; `older` ones did before.
    """
    recorder = Recorder()

    async def click(request: Request) -> Response:
        link = read_link(key, request.path_params["token"], older=older)
        if link is None:
            raise HTTPException(404)
        by_machine, now = is_machine(request.method, request.headers), clock.now()
        later = recorder.task(lambda: record_click(engine, link, by_machine=by_machine, now=now))
        # Without a body: nobody reads it, and a page here would have to be one in the person's language.
        return Response(status_code=302, headers={**_HEADERS, "Location": link.url}, background=later)

    async def opening(request: Request) -> Response:
        message = read_opening(key, request.path_params["token"], older=older)
        if message is None:
            raise HTTPException(404)
        by_machine, now = is_machine(request.method, request.headers), clock.now()
        later = recorder.task(lambda: record_opening(engine, *message, by_machine=by_machine, now=now))
        return Response(_PICTURE, media_type="image/gif", headers=_ANYWHERE, background=later)

    return [Route("/c/{token}", click), Route("/o/{token}.gif", opening)]


class Recorder:
    """Writes things down one at a time, after the answer has left; people are redirected whatever happens.

    One at a time because a database has other things to do, such as sending, and so do the threads that other
    pages are answered by: one that waits for a locked database is enough.
    """

    def __init__(self) -> None:
        self._one, self._waiting = CapacityLimiter(1), 0

    def task(self, record: Callable[[], object]) -> BackgroundTask:
        """Return what writes something down, for after the answer."""
        return BackgroundTask(self._record, record)

    async def _record(self, record: Callable[[], object]) -> None:
        if self._waiting >= WAITING_AT_MOST:
            _log.warning("a click was not recorded: %d wait already", self._waiting)
            return
        self._waiting += 1
        try:
            await run_sync(record, limiter=self._one)
        except StorageError as error:
            _log.warning("a click was not recorded: %s", error)
        finally:
            self._waiting -= 1
