"""/webhooks/NAME: what the provider of [provider.NAME] tells of messages.

Anything but a 2xx makes a provider try again, for hours to days: so that is the answer until all of it is
written down.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from recmail.deliver.esp import Provider, Webhook, open_provider
from recmail.errors import ConfigError, DataError, RefusedError
from recmail.feedback.receiving import receive
from recmail.web.public.door import door_of, guessed, now_of


def take(request: Request) -> Response:
    """Check one request, write down what it says, and say so."""
    door = door_of(request)
    provider = _provider(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    settings = door.project.settings
    try:
        receive(
            door.project.engine,
            provider,
            Webhook(headers, request.scope["body"]),
            key=settings.address_key,
            now=now_of(request),
        )
    except RefusedError as error:
        too_many = guessed(request).status_code == 429
        door.report(request, "refused webhook", f"{provider.name}: {error}")
        return PlainTextResponse("Not from the provider.\n", 429 if too_many else 401)
    except DataError as error:
        door.report(request, "unread webhook", f"{provider.name}: {error}")
        return PlainTextResponse("Cannot be read.\n", 400)
    return PlainTextResponse("Noted.\n")


def _provider(request: Request) -> Provider:
    door, name = door_of(request), request.path_params["name"]
    settings = door.project.settings
    if name not in settings.providers:
        raise HTTPException(404)
    try:
        provider = open_provider(name, settings)
    except ConfigError as error:  # mended in recmail.toml while the provider tries again
        door.report(request, "settings", str(error).partition("\n")[0])
        raise HTTPException(503) from error
    if not provider.reads_webhooks:
        raise HTTPException(404)
    return provider
