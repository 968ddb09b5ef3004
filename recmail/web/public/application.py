"""The public application: every address that it answers, on one screen."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from recmail.db.connect import reading
from recmail.errors import StorageError
from recmail.records import ALIVE
from recmail.web.public import browser, pictures, preferences, unsubscribe, webhooks, why
from recmail.web.public.door import Door, door_of
from recmail.web.public.guard import Guard
from recmail.web.public.pages import problem, stylesheet


def make_application(door: Door) -> ASGIApp:
    """Return the application; whatever it is asked, GET, HEAD and OPTIONS change nothing."""
    application = Starlette(
        routes=[
            Route("/u/{token}", unsubscribe.ask, methods=["GET"]),
            Route("/u/{token}", unsubscribe.stop, methods=["POST"]),
            Route("/p/{token}", preferences.show, methods=["GET"]),
            Route("/p/{token}", preferences.change, methods=["POST"]),
            Route("/w/{token}", why.show, methods=["GET"]),
            Route("/v/{token}", browser.show, methods=["GET"]),
            Route("/own", browser.own, methods=["GET"]),
            Route("/webhooks/{name}", webhooks.take, methods=["POST"]),
            Route("/healthz", health, methods=["GET"]),
            Route("/style.css", style, methods=["GET"]),
            Route("/robots.txt", robots, methods=["GET"]),
            Route("/favicon.ico", nothing, methods=["GET"]),
            # The last: what is no picture of ours is not there.
            Route("/{path:path}", pictures.show, methods=["GET"]),
        ],
        exception_handlers={
            HTTPException: _refused,
            StorageError: _busy,
            PoolTimeoutError: _busy,
            Exception: lambda request, _error: problem(request, 500),  # and raised again, for Guard
        },
    )
    application.router.redirect_slashes = False
    application.state.door = door
    application.state.pictures = pictures.Pictures()
    return Guard(application, door)


def health(request: Request) -> Response:
    """Say that we answer, and that the database does."""
    with reading(door_of(request).project.engine) as connection:
        connection.execute(sa.select(1))
    return PlainTextResponse(f"{ALIVE}\n")


def style(request: Request) -> Response:
    """Send the stylesheet of all pages."""
    text = stylesheet(door_of(request).project.settings.brand)
    return Response(text, media_type="text/css", headers={"cache-control": "public, max-age=3600"})


def robots(_request: Request) -> Response:
    """Ask search engines to stay away."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def nothing(_request: Request) -> Response:
    """Answer browsers that look for an icon, also from an email's page, which is nobody's origin."""
    return Response(status_code=204, headers={"cross-origin-resource-policy": "cross-origin"})


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    response = problem(request, status)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _busy(request: Request, error: Exception) -> Response:
    """The database is away: mailbox providers and webhooks try again after a 503."""
    said = str(error) if isinstance(error, StorageError) else "all connections to the database are in use"
    door_of(request).report(request, "database", said)
    return problem(request, 503)
